import APIServer
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Pushing blobs: whole, in chunks, resumed, or mounted from another repository.
struct UploadMethods: Sendable {
    let open: OpenUploads
    let rows: BlobRows
    let files: BlobStore

    /// POST: begins an upload, or ends it at once with `digest=` (monolithic) or `mount=`.
    func begin(_ place: RegistryPlace, _ call: Call, _ access: RegistryAccess) async throws -> Response {
        if let digest = call.query("mount") {
            try ContentDigest.check(digest)
            if try await mount(digest, into: place, call, access) { return try created(place, digest, call) }
        }
        let blob = files.stage(computing: .sha256)
        if let digest = call.query("digest") {
            try ContentDigest.check(digest)
            do {
                for try await chunk in call.request.body { try await blob.append(chunk) }
            } catch {
                await blob.discard()
                throw error
            }
            return try await commit(blob, as: digest, place, call)
        }
        await open.add(blob, in: place)
        return try accepted(place, blob.id, size: 0, call)
    }

    private func mount(
        _ digest: String,
        into place: RegistryPlace,
        _ call: Call,
        _ access: RegistryAccess
    ) async throws -> Bool {
        guard let from = call.query("from") else { return false }
        // A source that the caller may not read is no error: the client uploads the blob then.
        guard let source = try? RegistryPlace(host: call.hostName, name: from),
            let readable = try? await access.place(source, for: .download, as: call.caller)
        else { return false }
        return try await rows.mount(digest, from: readable.project, into: place.project)
    }

    /// GET: how far an upload is.
    func status(_ place: RegistryPlace, _ id: String, _ call: Call) async throws -> Response {
        let size = try await open.size(id, in: place)
        return try .registry(
            .noContent,
            headers: [
                .location: "\(call.repositoryPath)/blobs/uploads/\(id)", .range: "0-\(max(0, size - 1))",
                .dockerUploadUUID: id,
            ]
        )
    }

    /// PATCH: one chunk; `Content-Range`, when sent, must continue where the upload is.
    func append(_ place: RegistryPlace, _ id: String, _ call: Call) async throws -> Response {
        let blob = try await open.take(id, in: place)
        do {
            try checkOrder(call, id, size: blob.size)
            for try await chunk in call.request.body { try await blob.append(chunk) }
        } catch {
            // What has arrived stays: the client asks for the size and goes on.
            await open.release(id)
            throw error
        }
        await open.release(id)
        return try accepted(place, id, size: blob.size, call)
    }

    /// PUT: the last chunk, if any, and the digest that all of it must have.
    func finish(_ place: RegistryPlace, _ id: String, _ call: Call) async throws -> Response {
        guard let digest = call.query("digest") else { throw GoogleError.digestInvalid("", "is missing") }
        try ContentDigest.check(digest)
        let blob = try await open.take(id, in: place)
        do {
            try checkOrder(call, id, size: blob.size)
            for try await chunk in call.request.body { try await blob.append(chunk) }
        } catch {
            await open.release(id)
            throw error
        }
        await open.remove(id)
        return try await commit(blob, as: digest, place, call)
    }

    func cancel(_ place: RegistryPlace, _ id: String) async throws -> Response {
        let blob = try await open.take(id, in: place)
        await open.remove(id)
        await blob.discard()
        return try .registry(.noContent)
    }

    /// A `Content-Range`, when sent, must continue where the upload is, and be as long as the body says it is.
    private func checkOrder(_ call: Call, _ id: String, size: Int64) throws {
        guard let range = call.headers[.contentRange] else { return }
        let text = range.hasPrefix("bytes ") ? range.dropFirst("bytes ".count) : range[...]
        let ends = text.prefix { $0 != "/" }.split(separator: "-").map { Int64($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first == size, last >= first else {
            throw GoogleError.uploadOutOfOrder(id, size: size)
        }
        guard let length = call.headers[.contentLength].flatMap({ Int64($0) }), length != last - first + 1 else {
            return
        }
        throw GoogleError.uploadRangeLies(range, length: length)
    }

    private func commit(
        _ blob: StagedBlob,
        as digest: String,
        _ place: RegistryPlace,
        _ call: Call
    ) async throws -> Response {
        let stored = try await blob.commit()
        let found = ContentDigest.text(stored.sha256 ?? [])
        guard found == digest else {
            try await files.remove(stored.id)
            throw GoogleError.digestInvalid(digest, "is not that of the uploaded content, which is '\(found)'")
        }
        let row = RegistryBlob(digest: digest, blobID: stored.id, sizeBytes: stored.size)
        if let surplus = try await rows.insert(row, project: place.project) { try await files.remove(surplus) }
        return try created(place, digest, call)
    }

    private func created(_ place: RegistryPlace, _ digest: String, _ call: Call) throws -> Response {
        try .registry(
            .created,
            headers: [
                .location: "\(call.repositoryPath)/blobs/\(digest)", .dockerContentDigest: digest, .contentLength: "0",
            ]
        )
    }

    private func accepted(_ place: RegistryPlace, _ id: String, size: Int64, _ call: Call) throws -> Response {
        try .registry(
            .accepted,
            headers: [
                .location: "\(call.repositoryPath)/blobs/uploads/\(id)", .range: "0-\(max(0, size - 1))",
                .dockerUploadUUID: id, .contentLength: "0",
            ]
        )
    }
}

extension Call {
    /// The absolute address of the repository that an upload call names: everything before `/blobs/uploads`.
    var repositoryPath: String {
        let path = String((request.head.path ?? "/").prefix { $0 != "?" })
        guard let range = path.range(of: "/blobs/uploads", options: .backwards) else { return path }
        return caller.origin + path[..<range.lowerBound]
    }
}
