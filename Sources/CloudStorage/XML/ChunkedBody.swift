import GoogleAPI
import NIOConcurrencyHelpers
import NIOCore

/// The content of a body that an S3 client sends in pieces, each with its length: `aws-chunked`.
///
/// ```
/// 10000;chunk-signature=…\r\n  (65,536 bytes)  \r\n  0\r\n  x-amz-checksum-crc32c:…\r\n\r\n
/// ```
///
/// The signatures of the pieces are not compared: the request's own has been.
struct ChunkedBody<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ByteBuffer {
    typealias Element = ByteBuffer

    let base: Base
    /// What follows the last piece, by names in lower case; known when all has been read.
    let trailers = NIOLockedValueBox<[String: String]>([:])

    func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator(), trailers: trailers) }

    struct Iterator: AsyncIteratorProtocol {
        var base: Base.AsyncIterator
        private var pending = ByteBuffer()
        /// What is left of the piece that is being read.
        private var rest = 0
        private var isComplete = false
        private let trailers: NIOLockedValueBox<[String: String]>

        init(base: Base.AsyncIterator, trailers: NIOLockedValueBox<[String: String]>) {
            (self.base, self.trailers) = (base, trailers)
        }

        mutating func next() async throws -> ByteBuffer? {
            while !isComplete {
                if rest > 0, pending.readableBytes > 0 {
                    let count = Swift.min(rest, pending.readableBytes)
                    rest -= count
                    return pending.readSlice(length: count)
                }
                if rest == 0, let line = readLine() {
                    // The end of the piece before leaves an empty line.
                    guard !line.isEmpty else { continue }
                    guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else { throw Self.broken }
                    (rest, isComplete) = (size, size == 0)
                    continue
                }
                guard pending.readableBytes < 64 << 10, var more = try await base.next() else { throw Self.broken }
                pending.discardReadBytes()
                pending.writeBuffer(&more)
            }
            try await readTrailers()
            return nil
        }

        /// The end of the request ends them.
        private mutating func readTrailers() async throws {
            while var more = try await base.next() {
                guard pending.readableBytes < 64 << 10 else { throw Self.broken }
                pending.writeBuffer(&more)
            }
            pending.writeStaticString("\n")
            while let line = readLine() {
                let halves = line.split(separator: ":", maxSplits: 1).map { $0.filter { $0 != " " } }
                if halves.count == 2 { trailers.withLockedValue { $0[halves[0].lowercased()] = halves[1] } }
            }
        }

        private mutating func readLine() -> String? {
            let view = pending.readableBytesView
            guard let end = view.firstIndex(of: 10) else { return nil }
            let line = String(decoding: view[..<end], as: UTF8.self)
            pending.moveReaderIndex(to: pending.readerIndex + view.distance(from: view.startIndex, to: end) + 1)
            return line.filter { $0 != "\r" }
        }

        private static var broken: GoogleError {
            .malformedUpload("the body is not in the form of aws-chunked.")
        }
    }
}
