import Logging
import NIOCore
import NIOSSL
import Relaying
import NIOTLS

/// Stands first in a new connection, reads what it is, makes the rest of the pipeline and goes away.
final class Sniffer: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let owner: GatewayChannel
    private let dialogue: EventLoopPromise<GatewayChannel.Dialogue>
    private let logger: Logger
    private var buffer = ByteBuffer()
    /// The host of a `CONNECT` that the gateway answered itself: what follows is meant for it.
    private var connected: Authority?
    private var isConnecting = false
    private var isReadPending = false
    private var patience: Scheduled<Void>?

    /// How long a connection may say nothing: browsers open some ahead.
    private static let patience: TimeAmount = .minutes(5)

    init(_ owner: GatewayChannel, dialogue: EventLoopPromise<GatewayChannel.Dialogue>, logger: Logger) {
        self.owner = owner
        self.dialogue = dialogue
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        patience = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        patience?.cancel()
        patience = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.writeImmutableBuffer(unwrapInboundIn(data))
        guard !isConnecting else { return }
        decide(context)
    }

    /// While another host is called, nothing more is read.
    func read(context: ChannelHandlerContext) {
        if isConnecting { isReadPending = true } else { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        dialogue.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed where !isConnecting, is ChannelShouldQuiesceEvent:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func decide(_ context: ChannelHandlerContext) {
        guard let kind = FirstBytes(buffer.readableBytesView) else { return }
        let channel = context.channel
        switch kind {
        case .tls:
            startTLS(context)
        case .http1:
            owner.http1(channel, isSecure: false, logger: logger).cascade(to: dialogue)
            leave(context)
        case .http2:
            owner.http2(channel, isSecure: false, logger: logger).cascade(to: dialogue)
            leave(context)
        case .connect(let text, let headLength):
            guard connected == nil, let target = Authority(text) else { return refuse(.unreadable(), context) }
            buffer.moveReaderIndex(forwardBy: headLength)
            connect(target, context)
        case .unreadable:
            refuse(.unreadable(), context)
        }
    }

    private func connect(_ target: Authority, _ context: ChannelHandlerContext) {
        if owner.gateway.serves(target, ownPort: context.channel.localAddress?.port) {
            connected = target
            context.writeAndFlush(wrapOutboundOut(Self.established), promise: nil)
            if buffer.readableBytes > 0 { decide(context) }
            return
        }
        guard let peer = context.remoteAddress, owner.gateway.mayPass(peer) else {
            return refuse(.notAllowed(target), context)
        }
        isConnecting = true
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let sniffer = NIOLoopBound(self, eventLoop: context.eventLoop)
        owner.gateway.upstream.tunnel(
            to: target,
            on: context.eventLoop,
            mayReachLoopback: Gateway.isLoopback(peer)
        ).whenComplete { result in
            switch result {
            case .success(let upstream):
                sniffer.value.join(upstream, context.value)
            case .failure(let error):
                sniffer.value.refuse(error as? GatewayRefusal ?? .unreachable(target, error), context.value)
            }
        }
    }

    private static let established = ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n")

    private func join(_ upstream: Upstream.Connection, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return upstream.channel.close(promise: nil) }
        let (near, far) = Relay.pair()
        do {
            context.write(wrapOutboundOut(Self.established), promise: nil)
            context.writeAndFlush(wrapOutboundOut(upstream.early), promise: nil)
            try context.channel.pipeline.syncOperations.addHandler(near)
            try upstream.channel.pipeline.syncOperations.addHandler(far)
            isConnecting = false
            leave(context)
            context.channel.read()
            try upstream.channel.syncOptions?.setOption(.autoRead, value: true)
            dialogue.succeed(.tunnel)
        } catch {
            upstream.channel.close(promise: nil)
            context.close(promise: nil)
        }
    }

    /// Lets the name that the client asks for choose the certificate, and ALPN the protocol.
    private func startTLS(_ context: ChannelHandlerContext) {
        let channel = context.channel
        let (owner, logger, dialogue) = (owner, logger, dialogue)
        let fallback = connected?.host ?? channel.localAddress?.ipAddress ?? "localhost"
        let port = channel.localAddress?.port
        let handler = SNIHandler { result in
            channel.eventLoop.makeCompletedFuture {
                let host = if case .hostname(let name) = result { name.lowercased() } else { fallback }
                let isServed = owner.gateway.serves(Authority(host: host, port: port ?? 0), ownPort: port)
                guard isServed || host == channel.localAddress?.ipAddress else {
                    throw GatewayRefusal(
                        status: "421 Misdirected Request",
                        text: "Brume does not answer for '\(host)'."
                    )
                }
                let tls = NIOSSLServerHandler(context: try owner.gateway.leaves.context(for: host))
                let choice = NIOTypedApplicationProtocolNegotiationHandler<GatewayChannel.Dialogue> { choice, channel in
                    switch choice {
                    case _ where host == TunnelChannel.host && owner.tunnel != nil:
                        TunnelChannel.setup(channel).map { .port($0) }
                    case .negotiated("h2"): owner.http2(channel, isSecure: true, logger: logger)
                    default: owner.http1(channel, isSecure: true, logger: logger)
                    }
                }
                try channel.pipeline.syncOperations.addHandler(tls)
                try channel.pipeline.syncOperations.addHandler(choice)
                choice.protocolNegotiationResult.cascade(to: dialogue)
            }.flatMapErrorThrowing { error in
                dialogue.fail(error)
                channel.close(promise: nil)
                throw error
            }
        }
        do {
            try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(handler))
            leave(context)
        } catch {
            dialogue.fail(error)
            context.close(promise: nil)
        }
    }

    private func refuse(_ refusal: GatewayRefusal, _ context: ChannelHandlerContext) {
        let text = refusal.text + "\n"
        let answer = """
            HTTP/1.1 \(refusal.status)\r
            Content-Type: text/plain; charset=utf-8\r
            Content-Length: \(text.utf8.count)\r
            Connection: close\r
            \r
            \(text)
            """
        dialogue.fail(refusal)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    /// Hands what was read to the handlers that were added, and goes.
    private func leave(_ context: ChannelHandlerContext) {
        let read = buffer
        buffer = ByteBuffer()
        if read.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(read))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        if isReadPending { context.channel.read() }
    }
}
