import APIServer
import BlobStore
import Compression
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore

/// What a request of the XML API names, by path (`/BUCKET/OBJECT`) or by host (`BUCKET.storage.googleapis.com`).
struct XMLInput: MethodInput {
    var resource: ResourceName
    /// Empty: the service itself.
    var bucket: String
    /// Empty: the bucket itself.
    var object: String
    var generation: Int64?
    var conditions: Preconditions
    /// The caller's own, of the object or of its copy, and of the source.
    var key: BlobKey?
    var sourceKey: BlobKey?

    init(from call: Call) async throws {
        (key, sourceKey) = (try call.customerKey(), try call.customerKey(ofSource: true))
        conditions = try Preconditions(headers: call.headers)
        // S3's way to say that there must be nothing to replace.
        if [.put, .post].contains(call.request.method), call.headers[.ifNoneMatch] == "*" {
            conditions.generationMatch = 0
        }
        (bucket, object) = try Self.place(of: call)
        generation = try call.number("generation") ?? call.number("versionId")
        resource = object.isEmpty ? .bucket(bucket) : .object(object, generation: generation, in: bucket)
    }

    /// The bucket and the object that a path and a host name.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func place(of call: Call) throws -> (bucket: String, object: String) {
        let path = (call.request.head.path ?? "/").prefix { $0 != "?" }
        let host = (call.request.head.authority ?? "").prefix { $0 != ":" }.lowercased()
        var (bucket, rest) = ("", path.dropFirst())
        if host.hasSuffix(".storage.googleapis.com") {
            bucket = String(host.dropLast(".storage.googleapis.com".count))
        } else {
            let name = rest.prefix { $0 != "/" }
            bucket = String(name).removingPercentEncoding ?? ""
            rest = rest.dropFirst(name.count + 1)
        }
        guard let object = String(rest).removingPercentEncoding else {
            throw GoogleError.invalidObjectName("it is not valid percent-encoded UTF-8.")
        }
        return (bucket, object)
    }

    /// What a write asks for, in its headers.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    func uploadRequest(_ call: Call) throws -> UploadRequest {
        try ObjectName.check(object)
        var metadata: [String: JSON] = [:]
        for field in call.headers {
            let name = field.name.canonicalName
            for prefix in ["x-goog-meta-", "x-amz-meta-"] where name.hasPrefix(prefix) {
                metadata[String(name.dropFirst(prefix.count))] = .string(field.value)
            }
        }
        var document: JSON = [:]
        if !metadata.isEmpty { document["metadata"] = .object(metadata) }
        for (key, name) in [
            ("cacheControl", "cache-control"), ("contentDisposition", "content-disposition"),
            ("contentLanguage", "content-language"), ("customTime", "x-goog-custom-time"),
            ("storageClass", "x-goog-storage-class"), ("storageClass", "x-amz-storage-class"),
        ] {
            if let value = call.header(name) { document[key] = .string(value) }
        }
        // `aws-chunked` is how the body travels, not what the content is.
        let encodings = (call.header("content-encoding") ?? "").split(separator: ",")
            .map { $0.filter { $0 != " " } }.filter { $0 != "aws-chunked" && !$0.isEmpty }
        if !encodings.isEmpty { document["contentEncoding"] = .string(encodings.joined(separator: ",")) }
        return UploadRequest(
            bucket: bucket,
            name: object,
            metadata: try ObjectResource.settings(of: document),
            conditions: conditions,
            checks: ChecksumChecks(metadata: [:], headers: call.headers),
            predefinedACL: call.predefinedACL,
            contentType: call.headers[.contentType],
            keySHA256: key?.sha256
        )
    }
}

enum PredefinedACL {
    /// The JSON API's word for the XML API's: `publicRead` for `public-read`.
    static func camelCased(_ text: String) -> String {
        let words = text.split(separator: "-").map(String.init)
        return (words.first ?? "") + words.dropFirst().map(\.capitalized).joined()
    }
}

extension Call {
    /// The list that a write names, in Google's or in S3's spelling: `public-read`.
    var predefinedACL: String? {
        (header("x-goog-acl") ?? header("x-amz-acl")).map(PredefinedACL.camelCased)
    }

    /// The body's content, out of whatever form it travels in.
    var content: AnyContent {
        let isChunked = (header("x-amz-content-sha256") ?? "").hasPrefix("STREAMING-")
        return isChunked ? .chunked(ChunkedBody(base: request.body)) : .plain(request.body)
    }
}

/// A body: as it is, in pieces with lengths, or packed.
enum AnyContent: AsyncSequence, Sendable {
    case plain(RequestBody)
    case chunked(ChunkedBody<RequestBody>)
    case zipped(Unzipped<RequestBody>)

    /// What followed the content, by names in lower case; known when all has been read.
    var trailers: [String: String] {
        switch self {
        case .plain, .zipped: [:]
        case .chunked(let body): body.trailers.withLockedValue { $0 }
        }
    }

    enum Iterator: AsyncIteratorProtocol {
        case plain(RequestBody.AsyncIterator)
        case chunked(ChunkedBody<RequestBody>.Iterator)
        case zipped(Unzipped<RequestBody>.Iterator)

        mutating func next() async throws -> ByteBuffer? {
            switch self {
            case .plain(var base):
                defer { self = .plain(base) }
                return try await base.next()
            case .chunked(var base):
                defer { self = .chunked(base) }
                return try await base.next()
            case .zipped(var base):
                defer { self = .zipped(base) }
                return try await base.next()
            }
        }
    }

    func makeAsyncIterator() -> Iterator {
        switch self {
        case .plain(let body): .plain(body.makeAsyncIterator())
        case .chunked(let body): .chunked(body.makeAsyncIterator())
        case .zipped(let body): .zipped(body.makeAsyncIterator())
        }
    }
}
