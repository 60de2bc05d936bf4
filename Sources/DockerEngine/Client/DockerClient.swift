import Foundation
import GoogleAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import Workloads

/// Speaks the Docker Engine API over a unix socket: one connection a request, bodies streamed both ways.
struct DockerClient: Sendable {
    var socketPath: String
    /// What dockerd 20.10 and podman 4 answer.
    static let version = "v1.41"

    enum Body: Sendable {
        case none
        case json(JSON)
        case bytes(ByteBuffer, type: String)
        case stream(ByteStream, type: String)
    }

    /// What the engine said in an answer that is no success.
    struct Failure: Error, CustomStringConvertible {
        var status: Int
        var message: String
        var description: String { message }
    }

    /// Sends a request and reads the whole answer.
    @discardableResult
    func call(
        _ method: HTTPMethod,
        _ path: String,
        query: [String: String] = [:],
        _ body: Body = .none
    ) async throws -> JSON {
        let data = try await stream(method, path, query: query, body: body) { chunks in
            try await chunks.collect(upTo: 64 << 20)
        }
        return data.isEmpty ? .null : try JSON(parsing: data)
    }

    /// Like ``call(_:_:query:_:)``; nil when the engine answers 404.
    func find(_ path: String, query: [String: String] = [:]) async throws -> JSON? {
        do {
            return try await call(.GET, path, query: query)
        } catch let failure as Failure where failure.status == 404 {
            return nil
        }
    }

    /// Sends a request and lets `read` pull the answer.
    ///
    /// - Throws: ``Failure`` for an answer that is no success; ``EngineError/unreachable`` when the engine goes away.
    func stream<Result: Sendable>(
        _ method: HTTPMethod,
        _ path: String,
        query: [String: String] = [:],
        headers: [(String, String)] = [],
        body: Body = .none,
        _ read: @Sendable (inout ReplyChunks) async throws -> Result
    ) async throws -> Result {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: Self.target(path, query))
        head.headers.add(name: "Host", value: "docker")
        head.headers.add(name: "Connection", value: "close")
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        var first: ByteBuffer?
        switch body {
        case .none: if method != .GET, method != .HEAD { head.headers.add(name: "Content-Length", value: "0") }
        case .json(let value):
            first = ByteBuffer(bytes: try value.data())
            head.headers.add(name: "Content-Type", value: "application/json")
        case .bytes(let bytes, let type):
            first = bytes
            head.headers.add(name: "Content-Type", value: type)
        case .stream(_, let type):
            head.headers.add(name: "Content-Type", value: type)
            head.headers.add(name: "Transfer-Encoding", value: "chunked")
        }
        if let first { head.headers.add(name: "Content-Length", value: String(first.readableBytes)) }
        let channel = try await connect { channel in
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                wrappingChannelSynchronously: channel
            )
        }
        let request = head
        let upload = Upload()
        do {
            return try await channel.executeThenClose { inbound, outbound in
                // In one piece: an engine that has all it needs may answer and close before a late end is written.
                var parts: [HTTPClientRequestPart] = [.head(request)]
                if let first { parts.append(.body(.byteBuffer(first))) }
                var writer: Task<Void, Never>?
                if case .stream(let source, _) = body {
                    try await outbound.write(contentsOf: parts)
                    writer = Task { await upload.send(source, to: outbound, of: channel.channel) }
                } else {
                    try await outbound.write(contentsOf: parts + [.end(nil)])
                }
                defer { writer?.cancel() }
                var chunks = ReplyChunks(parts: inbound.makeAsyncIterator())
                let status = try await chunks.readHead()
                guard (200..<300).contains(status) || status == 304 else {
                    throw Failure(status: status, message: try await chunks.readMessage())
                }
                return try await read(&chunks)
            }
        } catch let error as any ChannelFailure {
            throw await upload.failure ?? (Task.isCancelled ? CancellationError() : error.asEngineError)
        }
    }

    /// Opens a connection that belongs to the caller after the engine's `101`: raw bytes, both ways.
    func hijack(
        _ path: String,
        query: [String: String] = [:],
        json: JSON,
        _ use:
            @Sendable (
                NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, ByteBuffer,
                NIOAsyncChannelOutboundWriter<ByteBuffer>
            ) async throws -> Void
    ) async throws {
        let channel = try await connect { channel in
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                wrappingChannelSynchronously: channel,
                configuration: .init(isOutboundHalfClosureEnabled: true)
            )
        }
        let body = try json.data()
        let head = """
            POST \(Self.target(path, query)) HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
            Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n
            """
        do {
            try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(bytes: Data(head.utf8) + body))
                var chunks = inbound.makeAsyncIterator()
                var answer = UpgradeAnswer()
                while answer.status == nil, let chunk = try await chunks.next() { answer.feed(chunk) }
                guard answer.status == 101 || answer.status == 200 else {
                    while answer.needsMore, let chunk = try await chunks.next() { answer.feed(chunk) }
                    throw Failure(status: answer.status ?? 500, message: answer.message)
                }
                try await use(chunks, answer.rest, outbound)
            }
        } catch let error as any ChannelFailure {
            throw Task.isCancelled ? CancellationError() : error.asEngineError
        }
    }

    private func connect<Output: Sendable>(
        _ initialize: @escaping @Sendable (any Channel) throws -> Output
    ) async throws -> Output {
        do {
            return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(unixDomainSocketPath: socketPath) { channel in
                    channel.eventLoop.makeCompletedFuture { try initialize(channel) }
                }
        } catch let error as IOError where error.errnoCode == EACCES || error.errnoCode == EPERM {
            throw EngineError.unavailable(
                """
                The engine's socket \(socketPath) may not be used by this account. Add the account to the socket's group \
                (usermod -aG docker NAME, then log in again), or let BRUME_ENGINE name another socket.
                """
            )
        } catch {
            throw EngineError.unreachable
        }
    }

    private static func target(_ path: String, _ query: [String: String]) -> String {
        guard !query.isEmpty else { return "/\(version)\(path)" }
        let pairs = query.sorted { $0.key < $1.key }.map { "\($0.key)=\(escape($0.value))" }
        return "/\(version)\(path)?\(pairs.joined(separator: "&"))"
    }

    private static func escape(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .brumeUnreserved) ?? text
    }
}

extension CharacterSet {
    fileprivate static let brumeUnreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )
}

/// An answer's chunks, for a reader that pulls them from elsewhere than where they are opened.
final class ReplyReader: @unchecked Sendable {
    // The task that reads the answer asks for one chunk after the other.
    private var chunks: ReplyChunks

    init(_ chunks: ReplyChunks) { self.chunks = chunks }

    func next() async throws -> ByteBuffer? { try await chunks.next() }
}

/// The chunks of an answer, pulled.
struct ReplyChunks {
    var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    var headers = HTTPHeaders()

    mutating func readHead() async throws -> Int {
        guard case .head(let head) = try await parts.next() else { throw EngineError.unreachable }
        headers = head.headers
        return Int(head.status.code)
    }

    mutating func next() async throws -> ByteBuffer? {
        while let part = try await parts.next() {
            switch part {
            case .head: continue
            case .body(let bytes): return bytes
            case .end: return nil
            }
        }
        try Task.checkCancellation()
        throw EngineError.unreachable
    }

    mutating func collect(upTo limit: Int) async throws -> Data {
        var data = Data()
        while let chunk = try await next() {
            data.append(contentsOf: chunk.readableBytesView)
            guard data.count <= limit else { throw EngineError.refused("The engine's answer is too large.") }
        }
        return data
    }

    /// The words of an error's body, `{"message": …}`.
    mutating func readMessage() async throws -> String {
        let data = try await collect(upTo: 1 << 20)
        return (try? JSON(parsing: data))?["message"]?.string ?? String(decoding: data, as: UTF8.self)
    }

    /// Reads a body of JSON lines to its end. Where a line begins and ends has nothing to do with chunks.
    mutating func forEachLine(_ body: (JSON) async throws -> Void) async throws {
        var buffer = ByteBuffer()
        while let chunk = try await next() {
            buffer.writeImmutableBuffer(chunk)
            while let line = buffer.readLine() { try await body(try JSON(parsing: line)) }
            buffer.discardReadBytes()
        }
        if let line = buffer.readRest() { try await body(try JSON(parsing: line)) }
    }
}

extension ByteBuffer {
    fileprivate mutating func readLine() -> Data? {
        while let end = readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let bytes = readBytes(length: end - readerIndex) ?? []
            moveReaderIndex(forwardBy: 1)
            if bytes.contains(where: { $0 > 32 }) { return Data(bytes) }
        }
        return nil
    }

    fileprivate mutating func readRest() -> Data? {
        let bytes = readBytes(length: readableBytes) ?? []
        return bytes.contains(where: { $0 > 32 }) ? Data(bytes) : nil
    }
}

/// Sends a streamed body beside the reading of the answer, and keeps the source's own error.
private actor Upload {
    private(set) var failure: (any Error)?

    func send(
        _ source: ByteStream,
        to outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>,
        of channel: any Channel
    ) async {
        var iterator = source.makeAsyncIterator()
        while true {
            let chunk: ByteBuffer?
            do {
                chunk = try await iterator.next(isolation: self)
            } catch {
                failure = error
                return channel.close(promise: nil)
            }
            // An engine that has answered already may close the connection; its answer says why.
            guard let chunk else {
                try? await outbound.write(.end(nil))
                return
            }
            do { try await outbound.write(.body(.byteBuffer(chunk))) } catch { return }
        }
    }
}

/// What breaks when the engine goes away in the middle.
private protocol ChannelFailure: Error {}
extension ChannelFailure {
    fileprivate var asEngineError: any Error { EngineError.unreachable }
}
extension IOError: ChannelFailure {}
extension ChannelError: ChannelFailure {}
extension HTTPParserError: ChannelFailure {}
extension EngineError: ChannelFailure {
    fileprivate var asEngineError: any Error { self }
}
