import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Passes `GET http://elsewhere/…`, as `apt` sends to a proxy, on to the real host: one connection a request, streamed.
struct Forwarder: Sendable {
    let gateway: Gateway

    /// Where a request in absolute form wants to go, unless it is to the gateway's own names.
    func target(of request: Request, channel: any Channel) -> Authority? {
        guard let field = AbsoluteFormHandler.field, request.headers[field] != nil,
            let target = Authority(request.head.authority ?? "", defaultPort: 80),
            !gateway.serves(target, ownPort: channel.localAddress?.port),
            target.host != channel.localAddress?.ipAddress || target.port != channel.localAddress?.port
        else { return nil }
        return target
    }

    func forward(
        _ request: Request,
        to target: Authority,
        writer: consuming ResponseWriter,
        channel: any Channel
    ) async throws {
        let upstream: NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>
        do {
            upstream = try await connect(to: target, for: channel)
        } catch {
            let refusal = error as? GatewayRefusal ?? .unreachable(target, error)
            return try await Self.refuse(refusal, writer)
        }
        let writer = WriterBox(writer)
        let head = outgoingHead(request.head, target: target)
        do {
            try await upstream.executeThenClose { inbound, outbound in
                try await outbound.write(.head(head))
                for try await chunk in request.body { try await outbound.write(.body(chunk)) }
                try await outbound.write(.end(nil))
                try await Self.relay(inbound, to: writer)
            }
        } catch {
            // Once the answer has begun, only the end of the connection tells that it is not whole.
            guard let writer = writer.take() else { throw error }
            try await Self.refuse(.unreachable(target, error), writer)
        }
    }

    private static func relay(_ inbound: NIOAsyncChannelInboundStream<HTTPResponsePart>, to writer: WriterBox)
        async throws
    {
        var parts = inbound.makeAsyncIterator()
        while let part = try await parts.next() {
            guard case .head(var head) = part, head.status.kind != .informational else { continue }
            head.headerFields.removeHopByHop()
            guard let writer = writer.take() else { return }
            var body = try await writer.writeHead(head)
            while let part = try await parts.next() {
                switch part {
                case .head: break
                case .body(let chunk): try await body.write(chunk)
                case .end(let trailers): return try await body.finish(trailers)
                }
            }
            throw ChannelError.eof
        }
        throw ChannelError.eof
    }

    private func connect(
        to target: Authority,
        for channel: any Channel
    ) async throws -> NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart> {
        guard let peer = channel.remoteAddress, gateway.mayPass(peer) else { throw GatewayRefusal.notAllowed(target) }
        let isLocal = Gateway.isLoopback(peer)
        guard isLocal || !target.isLoopback else { throw GatewayRefusal.notAllowed(target) }
        let hop = gateway.upstream.plainProxy(for: target)?.authority
        return try await gateway.upstream.connect(to: hop ?? target, on: channel.eventLoop).flatMapThrowing {
            upstream in
            if hop == nil, !isLocal, let address = upstream.remoteAddress, Gateway.isLoopback(address) {
                upstream.close(promise: nil)
                throw GatewayRefusal.notAllowed(target)
            }
            try upstream.pipeline.syncOperations.addHTTPClientHandlers()
            try upstream.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
            let wrapped = try NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>(wrappingChannelSynchronously: upstream)
            try upstream.syncOptions?.setOption(.autoRead, value: true)
            return wrapped
        }.get()
    }

    private func outgoingHead(_ head: HTTPRequest, target: Authority) -> HTTPRequest {
        var head = head
        head.headerFields.removeHopByHop()
        head.headerFields[.connection] = "close"
        if let proxy = gateway.upstream.plainProxy(for: target) {
            head.headerFields[.proxyAuthorization] = proxy.authorization
            head.path = "http://\(target.text)\(head.path ?? "/")"
        }
        head.authority = target.port == 80 ? target.host : target.text
        return head
    }

    private static func refuse(_ refusal: GatewayRefusal, _ writer: consuming ResponseWriter) async throws {
        let code = Int(refusal.status.prefix(3)) ?? 502
        try await writer.write(
            response: HTTPResponse(
                status: .init(code: code),
                headerFields: [
                    .contentType: "text/plain; charset=utf-8", .contentLength: "\(refusal.text.utf8.count + 1)",
                ]
            ),
            body: ResponseBody(byteBuffer: ByteBuffer(string: refusal.text + "\n"))
        )
    }
}

/// Holds a writer until the one who answers takes it.
private final class WriterBox {
    private var writer: ResponseWriter?

    init(_ writer: consuming ResponseWriter) { self.writer = consume writer }

    func take() -> ResponseWriter? { writer.take() }
}

extension HTTPFields {
    /// Fields that concern one connection only.
    fileprivate mutating func removeHopByHop() {
        for name in [
            "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "TE",
            "Upgrade", "Transfer-Encoding", "Expect", AbsoluteFormHandler.fieldName,
        ] {
            if let name = HTTPField.Name(name) { self[name] = nil }
        }
    }
}
