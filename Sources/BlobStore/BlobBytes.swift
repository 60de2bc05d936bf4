package import NIOCore

/// The bytes of a committed blob, or a range of them, in chunks that are read when they are asked for.
package struct BlobBytes: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let file: OpenFile
    /// The positions that are read.
    package let range: Range<Int64>
    let crc32c: UInt32?
    let files: BlobFiles
    /// The content of a short range, read and checked together with the opening of the file.
    private let content: ByteBuffer?

    /// Ranges up to this many bytes are read at once.
    private static let shortBytes: Int64 = 64 << 10

    /// Blocks; runs on the store's threads.
    init(file: OpenFile, range: Range<Int64>, crc32c: UInt32?, files: BlobFiles) throws {
        (self.file, self.range, self.crc32c, self.files) = (file, range, crc32c, files)
        let count = range.upperBound - range.lowerBound
        guard count <= Self.shortBytes else {
            content = nil
            return
        }
        let content = try file.read(at: range.lowerBound, upTo: Int(count))
        if let crc32c { try file.check(CRC32C.extend(0, by: content), is: crc32c) }
        self.content = content
    }

    /// The number of bytes that will be read.
    package var count: Int64 { range.upperBound - range.lowerBound }

    package func makeAsyncIterator() -> Iterator { Iterator(bytes: self, position: range.lowerBound) }

    /// The largest chunk.
    static let chunkBytes = 512 << 10

    package struct Iterator: AsyncIteratorProtocol {
        let bytes: BlobBytes
        var position: Int64
        var crc32c: UInt32 = 0

        package mutating func next() async throws -> ByteBuffer? {
            let (file, range) = (bytes.file, bytes.range)
            guard position < range.upperBound else { return nil }
            if let content = bytes.content {
                position = range.upperBound
                return content
            }
            let (start, count) = (position, Int(Swift.min(Int64(BlobBytes.chunkBytes), range.upperBound - position)))
            let (seed, isChecked) = (crc32c, bytes.crc32c != nil)
            let (buffer, crc) = try await bytes.files.run { _ in
                let buffer = try file.read(at: start, upTo: count)
                return (buffer, isChecked ? CRC32C.extend(seed, by: buffer) : 0)
            }
            crc32c = crc
            position += Int64(count)
            // Before the last bytes go out: whoever has them all takes them for good.
            if position == range.upperBound, let expected = bytes.crc32c { try file.check(crc32c, is: expected) }
            return buffer
        }
    }
}

extension OpenFile {
    /// - Throws: ``BlobError/damaged(_:_:)``.
    fileprivate func check(_ crc32c: UInt32, is expected: UInt32) throws {
        guard crc32c != expected else { return }
        throw BlobError.damaged(id, "its CRC32C is not the one that was stored")
    }
}
