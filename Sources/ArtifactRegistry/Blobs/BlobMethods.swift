import APIServer
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Reading and giving up blobs.
struct BlobMethods: Sendable {
    let rows: BlobRows
    let files: BlobStore
    let pulls: Pulls

    /// GET and HEAD, with one range.
    func get(_ place: RegistryPlace, _ digest: String, _ call: Call) async throws -> Response {
        try ContentDigest.check(digest)
        let isHead = call.request.method == .head
        // A HEAD is how a push asks whether it may rely on a blob.
        var headers: HTTPFields = [
            .contentType: "application/octet-stream", .acceptRanges: "bytes", .dockerContentDigest: digest,
            .eTag: "\"\(digest)\"", .dockerDistributionAPIVersion: "registry/2.0",
        ]
        guard let blob = try await rows.find(digest, project: place.project, touching: isHead) else {
            return try await pulls.blob(digest, in: place, headers, isHead: isHead)
        }
        if isHead {
            headers[.contentLength] = String(blob.sizeBytes)
            return Response(status: .ok, headers: headers)
        }
        var range: Range<Int64>?
        if let header = call.headers[.range] {
            switch ByteRange.read(header, size: blob.sizeBytes) {
            case .whole: break
            case .part(let part): range = part
            case .unsatisfiable:
                headers[.contentRange] = "bytes */\(blob.sizeBytes)"
                return Response(status: .rangeNotSatisfiable, headers: headers)
            }
        }
        let bytes = try await files.read(blob.blobID, range: range, expecting: ExpectedBlob(size: blob.sizeBytes))
        if let range {
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(blob.sizeBytes)"
        }
        let body = ResponseBody(contentLength: Int(bytes.count)) { writer in
            for try await chunk in bytes { try await writer.write(chunk) }
            try await writer.finish(nil)
        }
        return Response(status: range == nil ? .ok : .partialContent, headers: headers, body: body)
    }

    func delete(_ place: RegistryPlace, _ digest: String) async throws -> Response {
        try ContentDigest.check(digest)
        guard try await rows.unlink(digest, project: place.project) else {
            guard try await rows.find(digest, project: place.project) != nil else {
                throw GoogleError.blobUnknown(digest)
            }
            throw GoogleError.registry(
                "DENIED",
                .failedPrecondition,
                405,
                "The blob '\(digest)' belongs to a manifest: delete the manifest."
            )
        }
        return try .registry(.accepted, headers: [.contentLength: "0"])
    }
}

/// A `Range` header of one range.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    static func read(_ header: String, size: Int64) -> ByteRange {
        guard header.hasPrefix("bytes="), !header.contains(",") else { return .whole }
        let ends = header.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return .whole }
        if ends[0].isEmpty {
            guard let count = Int64(ends[1]) else { return .whole }
            return count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
        }
        guard let first = Int64(ends[0]) else { return .whole }
        guard first < size else { return .unsatisfiable }
        if ends[1].isEmpty { return .part(first..<size) }
        guard let last = Int64(ends[1]), last >= first else { return .whole }
        return .part(first..<min(last + 1, size))
    }
}
