import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// One raw connection of a test's client: bytes out, text in.
final class Wire: Sendable {
    let channel: any Channel
    private let inbox: AsyncStream<ByteBuffer>

    private init(channel: any Channel, inbox: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.inbox = inbox
    }

    static func open(port: Int, host: String = "127.0.0.1") async throws -> Wire {
        let (inbox, sink) = AsyncStream.makeStream(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Inbox(sink)) }
            }
            .connect(host: host, port: port).get()
        return Wire(channel: channel, inbox: inbox)
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// Reads until `mark` has come or the other side has ended.
    func read(until mark: String) async throws -> String {
        var text = ""
        for await chunk in inbox {
            text += String(buffer: chunk)
            if text.contains(mark) { break }
        }
        return text
    }

    /// Reads until `count` bytes have come or the other side has ended.
    func read(count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for await chunk in inbox {
            bytes += chunk.readableBytesView
            if bytes.count >= count { break }
        }
        return bytes
    }

    /// Goes over to TLS, trusting one authority only.
    func startTLS(name: String?, authority pem: String, protocols: [String] = []) async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
        configuration.applicationProtocols = protocols
        let context = try NIOSSLContext(configuration: configuration)
        try await channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: name),
                position: .first
            )
        }.get()
    }

    func close() async { try? await channel.close() }

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let sink: AsyncStream<ByteBuffer>.Continuation

        init(_ sink: AsyncStream<ByteBuffer>.Continuation) { self.sink = sink }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { sink.yield(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { sink.finish() }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { sink.finish() }
            context.fireUserInboundEventTriggered(event)
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            sink.yield(ByteBuffer(string: "error: \(error)"))
            sink.finish()
            context.close(promise: nil)
        }
    }
}
