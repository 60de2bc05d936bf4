package import Foundation
import NIOPosix

/// Bytes on disk: immutable files that are written once, each named by a random ID and never by a user's words.
///
/// ```
/// FOLDER/staged/ID   still being written
/// FOLDER/XX/ID       committed: whole, checksummed, synced; XX are the first two characters of the ID
/// ```
///
/// A blob is committed before the row that names it, and its row is removed before the blob is: so a row never names
/// a blob that is not there, and what no row names is left over from a crash (``sweep(keeping:)``).
package struct BlobStore: Sendable {
    package let folder: URL
    let files: BlobFiles
    private let makeID: @Sendable () -> String
    /// Files that are older than this are the work of an earlier process.
    private let startTime: Date

    /// Opens the store, creating its folder.
    ///
    /// - Parameters:
    ///   - makeID: Makes names that are unique and fit for files: letters, digits and hyphens, three or more.
    /// - Throws: ``BlobError`` when the folder cannot be made.
    package init(
        folder: URL,
        makeID: @escaping @Sendable () -> String = { UUID().uuidString.lowercased() },
        startTime: Date = Date()
    ) throws {
        self.folder = folder
        self.makeID = makeID
        self.startTime = startTime
        files = BlobFiles(folder: folder.path(percentEncoded: false))
        try files.makeFolders()
    }

    /// Begins a blob. Nothing is on disk until the first bytes have come.
    ///
    /// - Parameters:
    ///   - checksums: What to compute while bytes arrive; CRC32C always is.
    ///   - key: What the file is sealed with; nil: it is plain.
    package func stage(computing checksums: Checksums = [], sealedWith key: BlobKey? = nil) -> StagedBlob {
        StagedBlob(id: makeID(), files: files, digest: Digest(checksums), size: 0, sealer: key.map { Sealer($0) })
    }

    /// Takes up a staged blob of an earlier process, cut to the bytes that were acknowledged.
    ///
    /// The bytes are read once more, to have the checksums where they were.
    ///
    /// - Parameter key: What it has been sealed with; `size` is then a multiple of ``SealedFormat/chunkBytes``.
    /// - Throws: ``BlobError/missing(_:)`` when it was never synced or is gone, ``BlobError/damaged(_:_:)`` when it is
    ///   shorter than `size`.
    package func resume(
        _ id: String,
        size: Int64,
        computing checksums: Checksums = [],
        sealedWith key: BlobKey? = nil
    ) async throws -> StagedBlob {
        let digest = Digest(checksums)
        let sealer = try await files.run { try $0.restore(id, size: size, sealedWith: key, into: digest) }
        return StagedBlob(id: id, files: files, digest: digest, size: size, sealer: sealer)
    }

    /// Opens a committed blob for reading in chunks, each read when the consumer asks for it.
    ///
    /// - Parameters:
    ///   - range: Positions of the first byte and of the byte after the last; nil for the whole.
    ///   - expected: What the row says of the blob. A file of another size is refused; when the whole blob is read,
    ///     its CRC32C is checked, and the sequence ends with an error when it differs.
    /// - Throws: ``BlobError/missing(_:)``, ``BlobError/damaged(_:_:)``.
    package func read(
        _ id: String,
        range: Range<Int64>? = nil,
        expecting expected: ExpectedBlob? = nil
    ) async throws -> BlobBytes {
        try await files.run { files in
            let file = try files.open(id)
            let size = expected?.size ?? file.size
            return try Self.bytes(of: .plain(file), size: size, range: range, expected: expected, files)
        }
    }

    /// Opens a sealed blob for reading, as ``read(_:range:expecting:)`` does: positions and `expected` are of its content.
    ///
    /// - Throws: ``BlobError/damaged(_:_:)`` for what was changed, or sealed with another key.
    package func read(
        _ id: String,
        range: Range<Int64>? = nil,
        expecting expected: ExpectedBlob,
        openedWith key: BlobKey
    ) async throws -> BlobBytes {
        try await files.run { files in
            let content = try SealedContent(try files.open(id), key, size: expected.size)
            return try Self.bytes(of: .sealed(content), size: expected.size, range: range, expected: expected, files)
        }
    }

    private static func bytes(
        of source: BlobSource,
        size: Int64,
        range: Range<Int64>?,
        expected: ExpectedBlob?,
        _ files: BlobFiles
    ) throws -> BlobBytes {
        let file = source.file
        // It may be longer: a blob that is still appended to is read up to where its row says.
        guard size <= file.size else {
            throw BlobError.damaged(file.id, "it has \(file.size) bytes on disk, and \(size) were stored")
        }
        let range = range ?? 0..<size
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw BlobError.damaged(file.id, "bytes up to \(range.upperBound) were asked for, and it has \(size)")
        }
        let isWhole = range == 0..<size
        return try BlobBytes(source: source, range: range, crc32c: isWhole ? expected?.crc32c : nil, files: files)
    }

    /// Makes a blob of others, one after another; its CRC32C follows from theirs, so no byte passes through here.
    ///
    /// - Parameter parts: Committed blobs, each with its size and CRC32C.
    /// - Throws: ``BlobError/damaged(_:_:)`` for a part of another size.
    package func join(_ parts: [(id: String, expected: ExpectedBlob)]) async throws -> StoredBlob {
        let id = makeID()
        let size = try await files.run { files in
            let file = StagedFile(id: id, files: files)
            do {
                for part in parts {
                    let source = try files.open(part.id)
                    guard source.size >= part.expected.size else {
                        throw BlobError.damaged(
                            part.id,
                            "it has \(source.size) bytes on disk, and \(part.expected.size) were stored"
                        )
                    }
                    try file.append(source, upTo: part.expected.size)
                }
                try file.commit()
            } catch {
                file.discard()
                throw error
            }
            return file.size
        }
        let crc32c = parts.reduce(UInt32(0)) { sum, part in
            CRC32C.combine(sum, part.expected.crc32c ?? 0, secondLength: part.expected.size)
        }
        return StoredBlob(id: id, size: size, crc32c: crc32c)
    }

    /// Removes a committed or staged blob; one that is gone is no error.
    package func remove(_ id: String) async throws {
        try await files.run { try $0.remove(id) }
    }

    /// Removes several blobs; those that are gone are no error.
    package func remove(_ ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        try await files.run { files in for id in ids { try files.remove(id) } }
    }

    /// Removes what an earlier process left behind: blobs and staged blobs that no row names.
    ///
    /// - Parameter kept: Gets IDs, some thousands at a time, and returns those that rows name.
    /// - Returns: How many files were removed.
    @discardableResult
    package func sweep(keeping kept: @Sendable ([String]) async throws -> Set<String>) async throws -> Int {
        var removed = 0
        for name in try await files.run({ try $0.folders() }) {
            let old = try await files.run { [startTime] in try $0.list(name, olderThan: startTime) }
            for start in stride(from: 0, to: old.count, by: 4096) {
                let batch = Array(old[start..<min(start + 4096, old.count)])
                let named = try await kept(batch)
                let orphans = batch.filter { !named.contains($0) }
                try await remove(orphans)
                removed += orphans.count
            }
        }
        return removed
    }
}

/// What a row says of a blob.
package struct ExpectedBlob: Sendable, Equatable {
    package var size: Int64
    package var crc32c: UInt32?

    package init(size: Int64, crc32c: UInt32? = nil) {
        self.size = size
        self.crc32c = crc32c
    }
}
