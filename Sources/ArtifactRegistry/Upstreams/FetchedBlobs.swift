import BlobStore
import HTTPTypes
import Hummingbird
import NIOCore

/// Keeps what upstreams answer while it goes to the client.
struct FetchedBlobs: Sendable {
    let rows: BlobRows
    let files: BlobStore

    /// A body that goes to the client and to the disk at once; the last of it only when its digest is right.
    ///
    /// - Parameters:
    ///   - digest: nil when the upstream does not tell it.
    ///   - kept: Called when the blob is the project's, before the client has all of it.
    func pass(
        _ answer: RemoteAnswer,
        expecting digest: String?,
        in place: RegistryPlace,
        kept: @escaping @Sendable (RegistryBlob) async throws -> Void = { _ in }
    ) -> ResponseBody {
        ResponseBody(contentLength: answer.headers[.contentLength].flatMap { Int($0) }) { writer in
            let blob = files.stage(computing: .sha256)
            var held: ByteBuffer?
            do {
                for try await chunk in answer.body {
                    try await blob.append(chunk)
                    if let held { try await writer.write(held) }
                    held = chunk
                }
            } catch {
                await blob.discard()
                throw error
            }
            try await kept(keep(blob, as: digest, in: place))
            if let held { try await writer.write(held) }
            try await writer.finish(nil)
        }
    }

    private func keep(_ blob: StagedBlob, as digest: String?, in place: RegistryPlace) async throws -> RegistryBlob {
        let stored = try await blob.commit()
        let found = ContentDigest.text(stored.sha256 ?? [])
        guard digest ?? found == found else {
            try await files.remove(stored.id)
            throw RemoteError.answer("content of another digest than '\(digest ?? "")'")
        }
        let row = RegistryBlob(digest: found, blobID: stored.id, sizeBytes: stored.size)
        if let surplus = try await rows.insert(row, project: place.project) { try await files.remove(surplus) }
        return row
    }
}
