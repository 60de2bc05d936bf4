package import NIOCore

/// The bytes of a committed blob, or a range of them, in chunks that are read when they are asked for.
package struct BlobBytes: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let source: BlobSource
    /// The positions that are read.
    package let range: Range<Int64>
    let crc32c: UInt32?
    let files: BlobFiles
    /// The content of a short range, read and checked together with the opening of the file.
    private let content: ByteBuffer?

    /// Ranges up to this many bytes are read at once.
    private static let shortBytes: Int64 = 64 << 10

    /// Blocks; runs on the store's threads.
    init(source: BlobSource, range: Range<Int64>, crc32c: UInt32?, files: BlobFiles) throws {
        (self.source, self.range, self.crc32c, self.files) = (source, range, crc32c, files)
        let count = range.upperBound - range.lowerBound
        guard count <= Self.shortBytes else {
            content = nil
            return
        }
        let content = try source.read(at: range.lowerBound, upTo: Int(count))
        if let crc32c { try source.file.check(CRC32C.extend(0, by: content), is: crc32c) }
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
            let (source, range) = (bytes.source, bytes.range)
            guard position < range.upperBound else { return nil }
            if let content = bytes.content {
                position = range.upperBound
                return content
            }
            let (start, count) = (position, Int(Swift.min(Int64(BlobBytes.chunkBytes), range.upperBound - position)))
            let (seed, isChecked) = (crc32c, bytes.crc32c != nil)
            let (buffer, crc) = try await bytes.files.run { _ in
                let buffer = try source.read(at: start, upTo: count)
                return (buffer, isChecked ? CRC32C.extend(seed, by: buffer) : 0)
            }
            crc32c = crc
            position += Int64(count)
            // Before the last bytes go out: whoever has them all takes them for good.
            if position == range.upperBound, let expected = bytes.crc32c { try source.file.check(crc32c, is: expected) }
            return buffer
        }
    }
}

/// Where content is read from.
enum BlobSource: Sendable {
    case plain(OpenFile)
    case sealed(SealedContent)

    var file: OpenFile {
        switch self {
        case .plain(let file): file
        case .sealed(let content): content.file
        }
    }

    /// Reads exactly `count` bytes of content.
    func read(at offset: Int64, upTo count: Int) throws -> ByteBuffer {
        switch self {
        case .plain(let file): try file.read(at: offset, upTo: count)
        case .sealed(let content): try content.read(at: offset, upTo: count)
        }
    }
}

extension BlobSource {
    /// Reads the content from its beginning, in pieces.
    func forEachPiece(upTo size: Int64, _ body: (ByteBuffer) throws -> Void) throws {
        var offset: Int64 = 0
        while offset < size {
            let buffer = try read(at: offset, upTo: Int(min(1 << 20, size - offset)))
            try body(buffer)
            offset += Int64(buffer.readableBytes)
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
