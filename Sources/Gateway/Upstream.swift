import Foundation
import NIOCore
import NIOPosix

/// How the daemon reaches hosts that are not its own: directly, or through the proxy that the machine is told to use.
struct Upstream: Sendable {
    /// A connection, and what the other side said already.
    struct Connection: Sendable {
        var channel: any Channel
        var early: ByteBuffer
    }

    private let tunnelProxy: ProxyAddress?
    let plainProxy: ProxyAddress?
    private let direct: [String]

    struct ProxyAddress: Sendable {
        var authority: Authority
        /// The value of `Proxy-Authorization`.
        var authorization: String?
    }

    /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, lower case first, as curl does.
    init(environment: [String: String]) {
        func value(_ name: String) -> String? {
            [environment[name.lowercased()], environment[name]].compactMap(\.self).first { !$0.isEmpty }
        }
        tunnelProxy = value("HTTPS_PROXY").flatMap(Self.proxy)
        plainProxy = value("HTTP_PROXY").flatMap(Self.proxy)
        direct = (value("NO_PROXY") ?? "").split { $0 == "," || $0 == " " }
            .map { $0.lowercased().trimmingPrefix("*").trimmingPrefix(".") }.map { String($0) }
    }

    private static func proxy(_ url: String) -> ProxyAddress? {
        var rest = Substring(url)
        if let scheme = rest.range(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        rest = rest.prefix { $0 != "/" }
        var authorization: String?
        if let at = rest.lastIndex(of: "@") {
            let credential = rest[..<at].removingPercentEncoding ?? String(rest[..<at])
            authorization = "Basic " + Data(credential.utf8).base64EncodedString()
            rest = rest[rest.index(after: at)...]
        }
        return Authority(rest, defaultPort: 80).map { ProxyAddress(authority: $0, authorization: authorization) }
    }

    private func isDirect(_ target: Authority) -> Bool {
        target.isLoopback
            || direct.contains { $0.isEmpty || target.host == $0 || target.host.hasSuffix("." + $0) }
    }

    /// The proxy through which plain requests for a target go.
    func plainProxy(for target: Authority) -> ProxyAddress? { isDirect(target) ? nil : plainProxy }

    /// The proxy through which tunnels to a target go.
    func tunnelProxy(for target: Authority) -> ProxyAddress? { isDirect(target) ? nil : tunnelProxy }

    /// Opens a connection to a target's own bytes. It does not read by itself until `autoRead` is set.
    ///
    /// - Parameter mayReachLoopback: False for clients that are not this machine: its loopback is not theirs.
    func tunnel(to target: Authority, on eventLoop: any EventLoop, mayReachLoopback: Bool) -> EventLoopFuture<
        Connection
    > {
        guard mayReachLoopback || !target.isLoopback else {
            return eventLoop.makeFailedFuture(GatewayRefusal.notAllowed(target))
        }
        guard let proxy = tunnelProxy(for: target) else {
            return connect(to: target, on: eventLoop).flatMapThrowing { channel in
                if !mayReachLoopback, let address = channel.remoteAddress, Gateway.isLoopback(address) {
                    channel.close(promise: nil)
                    throw GatewayRefusal.notAllowed(target)
                }
                return Connection(channel: channel, early: ByteBuffer())
            }
        }
        return connect(to: proxy.authority, on: eventLoop).flatMap { channel in
            let answer = channel.eventLoop.makePromise(of: ByteBuffer.self)
            do {
                try channel.pipeline.syncOperations.addHandler(ProxyAnswerHandler(answer))
            } catch {
                answer.fail(error)
            }
            var head = "CONNECT \(target.text) HTTP/1.1\r\nHost: \(target.text)\r\n"
            if let authorization = proxy.authorization { head += "Proxy-Authorization: \(authorization)\r\n" }
            channel.writeAndFlush(ByteBuffer(string: head + "\r\n"), promise: nil)
            channel.read()
            answer.futureResult.whenFailure { _ in channel.close(promise: nil) }
            return answer.futureResult.map { Connection(channel: channel, early: $0) }
        }
    }

    /// Opens a TCP connection that does not read by itself.
    func connect(to target: Authority, on eventLoop: any EventLoop) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connectTimeout(.seconds(20))
            .connect(host: target.host, port: target.port)
    }
}

/// Reads a proxy's answer to `CONNECT`, and takes itself away.
private final class ProxyAnswerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<ByteBuffer>
    private var buffer = ByteBuffer()

    init(_ answer: EventLoopPromise<ByteBuffer>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.writeImmutableBuffer(unwrapInboundIn(data))
        guard let end = FirstBytes.endOfHead(buffer.readableBytesView) else {
            if buffer.readableBytes >= FirstBytes.maximumHeadLength {
                answer.fail(ProxyError(status: "too long an answer"))
            }
            return
        }
        let head = buffer.readString(length: end) ?? ""
        let line = head.prefix { $0 != "\r\n" && $0 != "\n" }
        let words = line.split(separator: " ")
        guard words.count >= 2, words[1].hasPrefix("2") else {
            return answer.fail(ProxyError(status: String(line)))
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
        answer.succeed(buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.read() }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
}

struct ProxyError: Error, CustomStringConvertible {
    var status: String
    var description: String { "the machine's own proxy answers: \(status)" }
}
