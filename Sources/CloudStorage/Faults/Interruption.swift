import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What happens when a transfer reaches a position: it may wait, or throw.
typealias Interruption = @Sendable () async throws -> Void

extension Call {
    /// The call with a body that is interrupted once `position` bytes of the upload have come, and more follow.
    func interrupted(at position: Int64, by interruption: @escaping Interruption) -> Call {
        let range = header("content-range").flatMap { try? ContentRange($0) }
        guard let start = range == nil ? 0 : range?.bytes?.lowerBound, start <= position else { return self }
        let body = InterruptedBody(base: request.body, rest: position - start, interruption: interruption)
        return Call(request: Request(head: request.head, body: .init(asyncSequence: body)), context: context)
    }

    /// Whether the call brings the last bytes of a resumable upload.
    var isFinalChunk: Bool {
        guard let range = header("content-range").flatMap({ try? ContentRange($0) }) else { return false }
        return range.bytes.map { $0.upperBound == range.total } ?? (range.total != nil)
    }
}

extension Response {
    /// The response with a body that is interrupted once `position` bytes of the object have gone, and more follow.
    func interrupted(at position: Int64, by interruption: @escaping Interruption) -> Response {
        let first = headers[.contentRange]?.split(separator: " ").last?.split(separator: "-").first
        let start = first.flatMap { Int64($0) } ?? 0
        guard start <= position else { return self }
        var response = self
        response.body = ResponseBody(contentLength: body.contentLength) { [body] writer in
            try await body.write(InterruptedWriter(base: writer, rest: position - start, interruption: interruption))
        }
        return response
    }
}

/// Splits a buffer where a transfer is interrupted: `rest` bytes may still pass.
private func pass(_ buffer: inout ByteBuffer, _ rest: inout Int64?) -> ByteBuffer? {
    guard let left = rest, Int64(buffer.readableBytes) > left else {
        rest = rest.map { $0 - Int64(buffer.readableBytes) }
        return nil
    }
    rest = nil
    return buffer.readSlice(length: Int(left))
}

private struct InterruptedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let base: RequestBody
    let rest: Int64
    let interruption: Interruption

    func makeAsyncIterator() -> Iterator {
        Iterator(base: base.makeAsyncIterator(), rest: rest, interruption: interruption)
    }

    struct Iterator: AsyncIteratorProtocol {
        var base: RequestBody.AsyncIterator
        /// What may pass before the interruption; nil when it is over.
        var rest: Int64?
        let interruption: Interruption
        /// What came with the last bytes before it.
        var pending: ByteBuffer?

        mutating func next() async throws -> ByteBuffer? {
            if let buffer = pending {
                pending = nil
                try await interruption()
                return buffer
            }
            guard var buffer = try await base.next() else { return nil }
            guard let before = pass(&buffer, &rest) else { return buffer }
            pending = buffer
            return before
        }
    }
}

private struct InterruptedWriter: ResponseBodyWriter {
    var base: any ResponseBodyWriter
    /// What may pass before the interruption; nil when it is over.
    var rest: Int64?
    let interruption: Interruption

    mutating func write(_ buffer: ByteBuffer) async throws {
        var buffer = buffer
        if let before = pass(&buffer, &rest) {
            if before.readableBytes > 0 { try await base.write(before) }
            try await interruption()
        }
        try await base.write(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}
