import CZlib
package import GoogleAPI
package import NIOCore

/// Unpacks [DEFLATE](https://www.rfc-editor.org/rfc/rfc1951) and [gzip](https://www.rfc-editor.org/rfc/rfc1952), piece
/// by piece, in bounded memory.
package final class Inflater {
    package enum Form: Sendable {
        case deflate
        /// Also several packed one after the other, as `cat a.gz b.gz` makes them.
        case gzip
    }

    /// How much is unpacked at a time, in bytes.
    private static let batchBytes = 65_536

    package static let damaged = GoogleError.invalid("The compressed content is damaged or cut off.")

    private let form: Form
    private let stream: UnsafeMutablePointer<z_stream>
    private var input = ByteBuffer()
    private let allocator = ByteBufferAllocator()

    /// Whether all was unpacked that was packed.
    package private(set) var isAtEnd = false
    /// Whether it cannot go on without more input.
    package var isHungry: Bool { input.readableBytes == 0 }

    package init(_ form: Form) {
        self.form = form
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Below zero: no header; 16 more: gzip's.
        let status = brume_inflate_init(stream, form == .gzip ? MAX_WBITS + 16 : -MAX_WBITS)
        precondition(status == Z_OK, "zlib has no memory, or is of another version than its header")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    package func feed(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
        } else {
            var bytes = bytes
            input.writeBuffer(&bytes)
        }
    }

    /// Unpacks some more; empty: it needs more input, or is at its end.
    ///
    /// - Throws: ``damaged``.
    package func next() throws -> ByteBuffer {
        var output = allocator.buffer(capacity: Self.batchBytes)
        while output.readableBytes == 0, input.readableBytes > 0, try beginAgain() {
            var status = Z_OK
            input.readWithUnsafeMutableReadableBytes { source in
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.batchBytes) { target in
                    stream.pointee.next_in = source.bindMemory(to: UInt8.self).baseAddress
                    stream.pointee.avail_in = UInt32(source.count)
                    stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    status = inflate(stream, Z_NO_FLUSH)
                    return target.count - Int(stream.pointee.avail_out)
                }
                return source.count - Int(stream.pointee.avail_in)
            }
            switch status {
            case Z_OK: continue
            case Z_BUF_ERROR: return output
            case Z_STREAM_END: isAtEnd = true
            default: throw Self.damaged
            }
        }
        return output
    }

    /// Whether there is something to unpack: after the end of one gzip there may be another.
    private func beginAgain() throws -> Bool {
        guard isAtEnd else { return true }
        guard form == .gzip, input.getInteger(at: input.readerIndex, as: UInt8.self) == 0x1f else { return false }
        guard inflateReset(stream) == Z_OK else { throw Self.damaged }
        isAtEnd = false
        return true
    }
}

/// The content of a gzip stream, unpacked while it is read.
///
/// What does not begin as gzip does comes out as it is: objects may say of themselves what is not so.
package struct Unzipped<Base: AsyncSequence>: AsyncSequence where Base.Element == ByteBuffer {
    let base: Base

    package init(_ base: Base) { self.base = base }

    package struct Iterator: AsyncIteratorProtocol {
        var base: Base.AsyncIterator
        private var inflater: Inflater?
        private var hasBegun = false

        init(base: Base.AsyncIterator) { self.base = base }

        package mutating func next() async throws -> ByteBuffer? {
            while true {
                if let unpacked = try inflater?.next(), unpacked.readableBytes > 0 { return unpacked }
                guard let chunk = try await base.next() else {
                    guard inflater?.isAtEnd ?? true else { throw Inflater.damaged }
                    return nil
                }
                if !hasBegun {
                    hasBegun = true
                    if chunk.readableBytesView.starts(with: [0x1f]) { inflater = Inflater(.gzip) }
                }
                guard let inflater else { return chunk }
                // What follows the end is read, and not heeded.
                if inflater.isAtEnd, inflater.isHungry, !chunk.readableBytesView.starts(with: [0x1f]) { continue }
                inflater.feed(chunk)
            }
        }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator()) }
}

extension Unzipped: Sendable where Base: Sendable {}
