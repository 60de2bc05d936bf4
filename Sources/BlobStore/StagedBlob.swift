import NIOConcurrencyHelpers
package import NIOCore

/// A committed blob.
package struct StoredBlob: Sendable, Equatable {
    package var id: String
    package var size: Int64
    package var crc32c: UInt32
    /// Sixteen bytes; nil unless it was asked for.
    package var md5: [UInt8]?
    /// Thirty-two bytes; nil unless it was asked for.
    package var sha256: [UInt8]?
    /// Twenty bytes; nil unless it was asked for.
    package var sha1: [UInt8]?
    /// Nil unless it was asked for.
    package var crc32: UInt32?
    /// Nil unless it was asked for.
    package var crc64nvme: UInt64?
    /// Nil unless it was sealed.
    package var seal: BlobSeal?
}

/// A blob while its bytes arrive. Used by one task at a time.
///
/// Writing and hashing run beside each other on threads of their own, at most a few batches behind ``append(_:)``,
/// which waits when they fall back further: so memory stays bounded, whatever the client sends.
package final class StagedBlob: Sendable {
    package let id: String

    fileprivate struct State {
        var pending: [ByteBuffer] = []
        var pendingBytes = 0
        var size: Int64
    }

    /// Bytes that are gathered before they are handed to the lanes.
    private static let batchBytes = 256 << 10

    private let files: BlobFiles
    private let digest: Digest
    private let file: StagedFile
    private let writing: Lane
    private let hashing: Lane
    private let state: NIOLockedValueBox<State>

    init(id: String, files: BlobFiles, digest: Digest, size: Int64, sealer: Sealer?) {
        self.id = id
        self.files = files
        self.digest = digest
        file = StagedFile(id: id, files: files, contentSize: size, sealer: sealer)
        writing = Lane(pool: files.pool)
        hashing = Lane(pool: files.pool)
        state = NIOLockedValueBox(State(size: size))
    }

    /// The number of bytes appended so far.
    package var size: Int64 { state.withLockedValue(\.size) }

    /// Adds bytes at the end; returns when there is room for more.
    ///
    /// - Throws: ``BlobError/insufficientStorage`` when the disk is full; it may come with a later append.
    package func append(_ buffer: ByteBuffer) async throws {
        let batch = state.withLockedValue { state -> [ByteBuffer]? in
            state.pending.append(buffer)
            state.pendingBytes += buffer.readableBytes
            state.size += Int64(buffer.readableBytes)
            guard state.pendingBytes >= Self.batchBytes else { return nil }
            return state.takePending()
        }
        if let batch { try await write(batch) }
    }

    /// Makes everything appended so far durable.
    package func sync() async throws {
        let tail = state.withLockedValue { $0.takePending() }
        if !tail.isEmpty { try await write(tail) }
        try await hashing.perform {}
        try await writing.perform { [file] in try file.sync() }
    }

    /// Makes the blob durable and visible under its ID; nothing can be appended afterwards.
    package func commit() async throws -> StoredBlob { try await store { try $0.commit() } }

    /// Makes what has been appended so far durable and visible under the blob's ID, and lets more be appended: who
    /// reads goes by the size that is returned, and finds the bytes up to there unchanged for ever.
    package func publish() async throws -> StoredBlob { try await store { try $0.publish() } }

    private func store(_ finish: @escaping @Sendable (StagedFile) throws -> Void) async throws -> StoredBlob {
        let (tail, size) = state.withLockedValue { ($0.takePending(), $0.size) }
        try await hashing.perform {}
        return try await writing.perform { [file, digest, id] in
            for buffer in tail {
                digest.update(buffer)
                try file.write(buffer)
            }
            try file.endSealing()
            guard file.contentSize == size else {
                throw BlobError.damaged(id, "\(size) bytes came, and \(file.contentSize) were written")
            }
            try finish(file)
            return StoredBlob(
                id: id,
                size: size,
                crc32c: digest.crc32c,
                md5: digest.md5Bytes,
                sha256: digest.sha256Bytes,
                sha1: digest.sha1Bytes,
                crc32: digest.crc32,
                crc64nvme: digest.crc64nvme,
                seal: file.seal
            )
        }
    }

    /// Gives the blob up and removes its bytes.
    package func discard() async {
        state.withLockedValue { _ = $0.takePending() }
        // After a failed job the lane refuses further ones, so the removal does not go through it; a job that still
        // runs writes to an unlinked file.
        _ = try? await writing.perform {}
        _ = try? await files.run { [file] _ in file.discard() }
    }

    private func write(_ batch: [ByteBuffer]) async throws {
        try await hashing.enqueue { [digest] in
            for buffer in batch { digest.update(buffer) }
        }
        try await writing.enqueue { [file] in
            for buffer in batch { try file.write(buffer) }
        }
    }
}

extension StagedBlob.State {
    fileprivate mutating func takePending() -> [ByteBuffer] {
        defer {
            pending = []
            pendingBytes = 0
        }
        return pending
    }
}
