import BrumeTesting
import Foundation
import Gateway
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A gateway on a port of loopback, in front of a responder that says what it was asked.
struct TestGateway: Sendable {
    let port: Int
    let authority: CertificateAuthority

    static func run(
        mayPass: @escaping @Sendable (SocketAddress) -> Bool = Gateway.isLoopback,
        _ body: @escaping @Sendable (TestGateway) async throws -> Void
    ) async throws {
        try await withScratchFolder { folder in
            let authority = try CertificateAuthority(folder: folder.path)
            let router = Router()
            router.on("**", method: .get) { request, _ in Self.describe(request, bytes: 0) }
            router.on("**", method: .post) { request, _ in
                var bytes = 0
                for try await chunk in request.body { bytes += chunk.readableBytes }
                return Self.describe(request, bytes: bytes)
            }
            try await serve(.gateway(Gateway(authority: authority, mayPass: mayPass)), router) { port in
                try await body(TestGateway(port: port, authority: authority))
            }
        }
    }

    /// Runs any server on a free port while `body` runs.
    static func serve(
        _ server: HTTPServerBuilder,
        _ router: Router<BasicRequestContext>,
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let (ports, sink) = AsyncStream.makeStream(of: Int.self)
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let application = Application(
            router: router,
            server: server,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { sink.yield($0.localAddress?.port ?? 0) },
            logger: quiet
        )
        let group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                do {
                    try await body(port)
                } catch {
                    tasks.cancelAll()
                    throw error
                }
                break
            }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    private static func describe(_ request: Request, bytes: Int) -> String {
        let head = request.head
        return "\(head.method) \(head.scheme ?? "-") \(head.authority ?? "-") \(head.path ?? "-") \(bytes) bytes."
    }

    /// A server that sends back what it gets, and ends when its client ends.
    static func withEcho(_ body: (Int) async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(server.localAddress?.port ?? 0)
        } catch {
            try await server.close()
            throw error
        }
        try await server.close()
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "bye"))).whenComplete { _ in }
                context.close(promise: nil)
            }
        }
    }
}
