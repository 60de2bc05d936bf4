import Foundation
import GoogleAPI
import NIOCore
import NIOHTTP1
import NIOPosix
import Relaying

/// One connection of a step to its engine: a call is read, judged and made anew; then bytes are relayed.
///
/// Each connection carries one call. What would follow it is never read, unless the call becomes a stream (`attach`,
/// `exec`, `session`): then both sides talk as they like.
final class StepDoor: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum State {
        case head
        /// The body is collected, because it is judged.
        case collecting(HTTPRequestHead, EngineCall, ByteBuffer)
        /// The call is judged, or the engine is being called; parts that came already wait.
        case opening([HTTPServerRequestPart])
        case passing(isChunked: Bool, isStream: Bool)
        case over
    }

    private let rules: StepRules
    private var state = State.head
    private var isReadPending = false

    /// The most that a judged body may have, in bytes.
    private static let maximumBody = 1 << 20

    init(_ rules: StepRules) { self.rules = rules }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch (state, part) {
        case (.head, .head(let head)): begin(head, context)
        case (.collecting(let head, let call, var body), .body(let bytes)):
            guard body.readableBytes + bytes.readableBytes <= Self.maximumBody else {
                return refuse(StepRefusal(status: 413, "The body has more than \(Self.maximumBody) bytes."), context)
            }
            body.writeImmutableBuffer(bytes)
            state = .collecting(head, call, body)
        case (.collecting(let head, var call, let body), .end):
            do {
                if body.readableBytes > 0 { call.body = try JSON(parsing: Data(body.readableBytesView)) }
                open(call, head, context)
            } catch {
                refuse(StepRefusal(status: 400, "The body is no JSON."), context)
            }
        case (.opening(let waiting), _): state = .opening(waiting + [part])
        case (.passing(let isChunked, let isStream), _): pass(part, isChunked, isStream, context)
        case (.head, _), (.collecting, .head), (.over, _): break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        do {
            let call = try EngineCall(head)
            if try StepRules.judgesBody(of: call) {
                state = .collecting(head, call, ByteBuffer())
            } else {
                open(call, head, context)
            }
        } catch let refusal as StepRefusal {
            refuse(refusal, context)
        } catch {
            refuse(StepRefusal(status: 500, "\(error)"), context)
        }
    }

    // MARK: The engine's side

    /// Has the call judged, and connects to the engine for what is allowed.
    private func open(_ call: EngineCall, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        state = .opening(call.body == nil ? [] : [.end(nil)])
        let (rules, loop, channel) = (rules, context.eventLoop, context.channel)
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        loop.makeFutureWithTask { try await rules.judge(call) }
            .flatMap { allowed in
                ClientBootstrap(group: loop).channelOption(.allowRemoteHalfClosure, value: true)
                    .channelOption(.autoRead, value: false)
                    .connect(unixDomainSocketPath: rules.things.socketPath).map { ($0, allowed) }
            }
            .whenComplete { result in
                let (door, context) = bound.value
                switch result {
                case .success(let (engine, allowed)):
                    guard channel.isActive else { return engine.close(promise: nil) }
                    door.join(engine, allowed, head, context)
                case .failure(let refusal as StepRefusal): door.refuse(refusal, context)
                case .failure(let error):
                    door.refuse(StepRefusal(status: 503, "The engine cannot be reached: \(error)"), context)
                }
            }
    }

    private func join(
        _ engine: any Channel,
        _ call: EngineCall,
        _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        guard case .opening(let waiting) = state else { return engine.close(promise: nil) }
        do {
            let (ours, theirs) = Relay.pair()
            try context.pipeline.syncOperations.addHandler(ours)
            try engine.pipeline.syncOperations.addHandler(theirs)
            let request = try StepRequest(call, head)
            state = .passing(isChunked: request.isChunked, isStream: request.isStream)
            context.fireChannelRead(wrapInboundOut(request.bytes))
            for part in waiting { pass(part, request.isChunked, request.isStream, context) }
            context.fireChannelReadComplete()
            engine.setOption(.autoRead, value: true).whenFailure { _ in engine.close(promise: nil) }
            engine.read()
            if isReadPending { context.read() }
        } catch {
            engine.close(promise: nil)
            refuse(StepRefusal(status: 500, "\(error)"), context)
        }
    }

    private func pass(
        _ part: HTTPServerRequestPart,
        _ isChunked: Bool,
        _ isStream: Bool,
        _ context: ChannelHandlerContext
    ) {
        switch part {
        case .head: break
        case .body(let bytes) where bytes.readableBytes > 0:
            guard isChunked else { return context.fireChannelRead(wrapInboundOut(bytes)) }
            var chunk = ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n")
            chunk.writeImmutableBuffer(bytes)
            chunk.writeString("\r\n")
            context.fireChannelRead(wrapInboundOut(chunk))
        case .body: break
        case .end:
            if isChunked { context.fireChannelRead(wrapInboundOut(ByteBuffer(string: "0\r\n\r\n"))) }
            state = .over
            if isStream { becomeStream(context) }
        }
    }

    /// Takes HTTP out of the way; what was read and not understood belongs to the stream.
    private func becomeStream(_ context: ChannelHandlerContext) {
        // Who is no longer in the pipeline cannot flush.
        context.fireChannelReadComplete()
        let pipeline = context.pipeline.syncOperations
        typealias Decoder = ByteToMessageHandler<HTTPRequestDecoder>
        guard let decoder = try? pipeline.context(handlerType: Decoder.self) else { return }
        _ = pipeline.removeHandler(self)
        _ = pipeline.removeHandler(context: decoder)
    }

    func read(context: ChannelHandlerContext) {
        if case .opening = state {
            isReadPending = true
        } else {
            context.read()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        refuse(StepRefusal(status: 400, "This is no call of the Docker Engine API: \(error)"), context)
    }

    private func refuse(_ refusal: StepRefusal, _ context: ChannelHandlerContext) {
        if case .over = state { return }
        state = .over
        let body = Data((["message": .string("brume: " + refusal.message)] as JSON).text.utf8)
        let status = HTTPResponseStatus(statusCode: refusal.status)
        var answer = ByteBuffer(
            string: """
                HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nContent-Type: application/json\r\n\
                Content-Length: \(body.count)\r\nConnection: close\r\n\r\n
                """
        )
        answer.writeBytes(body)
        let channel = context.channel
        // What a client still sends is read and dropped, so that it gets to see the answer.
        context.writeAndFlush(wrapOutboundOut(answer)).whenComplete { _ in channel.close(mode: .output, promise: nil) }
    }
}

/// The request that reaches the engine in place of a step's.
struct StepRequest {
    let bytes: ByteBuffer
    let isChunked: Bool
    let isStream: Bool

    /// What bodies of calls are; a form would be read as parameters that nobody has judged.
    private static let types: Set = ["application/json", "application/x-tar", "application/tar", "text/plain"]
    private static let passed: Set = ["accept", "user-agent", "x-registry-auth", "x-registry-config", "upgrade"]

    init(_ call: EngineCall, _ head: HTTPRequestHead) throws {
        // A stream belongs to the calls that become one; after `close` the engine reads no second call.
        isStream = head.headers.contains(name: "Upgrade") && StepRequest.mayStream(call)
        var lines = ["\(call.method.rawValue) \(call.target) HTTP/1.1", "Host: docker", "Connection: close"]
        for (name, value) in head.headers {
            let plain = name.lowercased()
            let isPassed = Self.passed.contains(plain) || plain.hasPrefix("x-docker-expose-session-")
            guard isPassed, plain != "upgrade" || isStream else { continue }
            guard !value.utf8.contains(where: { $0 < 32 || $0 == 127 }) else { throw StepRefusal.option(name) }
            lines.append("\(name): \(value)")
        }
        let type = head.headers.first(name: "Content-Type")?.prefix { $0 != ";" }.lowercased() ?? ""
        if Self.types.contains(type) { lines.append("Content-Type: \(type)") }
        let body = try call.body?.data() ?? Data()
        if call.body != nil {
            isChunked = false
            lines.append("Content-Length: \(body.count)")
        } else if let length = head.headers.first(name: "Content-Length"), let count = UInt64(length) {
            isChunked = false
            lines.append("Content-Length: \(count)")
        } else {
            isChunked = head.headers.contains(name: "Transfer-Encoding")
            if isChunked { lines.append("Transfer-Encoding: chunked") }
        }
        bytes = ByteBuffer(bytes: Data((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    }

    private static func mayStream(_ call: EngineCall) -> Bool {
        call.segments == ["session"] || (call.segments.count == 3 && ["attach", "start"].contains(call.segments[2]))
    }
}
