package import NIOCore

/// The bytes of a committed blob, or a range of them, in chunks that are read when they are asked for.
package struct BlobBytes: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let file: OpenFile
    /// The positions that are read.
    package let range: Range<Int64>
    let crc32c: UInt32?
    let files: BlobFiles

    /// The size of the whole blob, in bytes.
    package var blobSize: Int64 { file.size }
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
            guard position < range.upperBound else {
                if range.isEmpty { try check() }
                return nil
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
            if position == range.upperBound { try check() }
            return buffer
        }

        private func check() throws {
            guard let expected = bytes.crc32c, expected != crc32c else { return }
            throw BlobError.damaged(bytes.file.id, "its CRC32C is not the one that was stored")
        }
    }
}
