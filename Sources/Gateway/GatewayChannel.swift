import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTPTypesHTTP1

/// One connection to the gateway, from its first bytes to the dialogue that they ask for.
struct GatewayChannel: ServerChildChannel {
    enum Dialogue: Sendable {
        case http1(HTTP1Channel.Value, isSecure: Bool)
        case http2(HTTP2Channel.Value, isSecure: Bool)
        /// Bytes are relayed to another host; the handlers do it alone.
        case tunnel
        /// Bytes are relayed to a port of an instance.
        case port(EventLoopFuture<TunnelChannel.Value>)
    }

    struct Value: ServerChildChannelValue {
        let dialogue: EventLoopFuture<Dialogue>
        let channel: any Channel
    }

    let gateway: Gateway
    /// Nil: there is nothing to tunnel to.
    let tunnel: TunnelChannel?
    private let plain: Protocols
    private let secure: Protocols
    private let largeReads = LargeReads()

    private struct Protocols: Sendable {
        var http1: HTTP1Channel
        var http2: HTTP2Channel
    }

    init(gateway: Gateway, tunnels: (any PortTunnels)?, responder: @escaping HTTPChannelHandler.Responder) {
        self.gateway = gateway
        tunnel = tunnels.map { TunnelChannel(tunnels: $0) }
        let forwarder = Forwarder(gateway: gateway)
        plain = Self.protocols { request, writer, channel in
            if let target = forwarder.target(of: request, channel: channel) {
                try await forwarder.forward(request, to: target, writer: writer, channel: channel)
            } else {
                try await responder(request.with(scheme: "http"), writer, channel)
            }
        }
        secure = Self.protocols { request, writer, channel in
            try await responder(request.with(scheme: "https"), writer, channel)
        }
    }

    private static func protocols(_ responder: @escaping HTTPChannelHandler.Responder) -> Protocols {
        let idle: TimeAmount = .minutes(10)
        return Protocols(
            http1: HTTP1Channel(
                responder: responder,
                configuration: .init(additionalChannelHandlers: [ContinueHandler()], idleTimeout: idle)
            ),
            http2: HTTP2Channel(responder: responder, configuration: .init(idleTimeout: .seconds(600)))
        )
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.syncOptions?.setOption(.recvAllocator, value: ReceiveBuffers(largeReads))
            let dialogue = channel.eventLoop.makePromise(of: Dialogue.self)
            try channel.pipeline.syncOperations.addHandler(Sniffer(self, dialogue: dialogue, logger: logger))
            return Value(dialogue: dialogue.futureResult, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            do {
                switch try await value.dialogue.get() {
                case .http1(let channel, let isSecure):
                    await (isSecure ? secure : plain).http1.handle(value: channel, logger: logger)
                case .http2(let channel, let isSecure):
                    await (isSecure ? secure : plain).http2.handle(value: channel, logger: logger)
                case .tunnel:
                    try await value.channel.closeFuture.get()
                case .port(let value):
                    try await tunnel?.serve(try await value.get())
                }
            } catch {
                logger.debug("a connection came to nothing: \(error)")
            }
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }

    /// Readies a channel for HTTP/1.1.
    func http1(_ channel: any Channel, isSecure: Bool, logger: Logger) -> EventLoopFuture<Dialogue> {
        (isSecure ? secure : plain).http1.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let codec = try pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self).handler
            try pipeline.addHandler(AbsoluteFormHandler(), position: .before(codec))
            return .http1(value, isSecure: isSecure)
        }
    }

    /// Readies a channel for HTTP/2.
    func http2(_ channel: any Channel, isSecure: Bool, logger: Logger) -> EventLoopFuture<Dialogue> {
        (isSecure ? secure : plain).http2.setup(channel: channel, logger: logger).map { .http2($0, isSecure: isSecure) }
    }
}

extension Request {
    /// The same request as it was really sent: over TLS or not.
    fileprivate func with(scheme: String) -> Request {
        var head = head
        head.scheme = scheme
        return Request(head: head, body: body)
    }
}
