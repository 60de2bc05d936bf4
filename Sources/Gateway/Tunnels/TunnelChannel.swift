import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A WebSocket of Identity-Aware Proxy's relay, from its upgrade to its end.
///
/// Who may not, or asks for what is not there, is told by a close code after the upgrade: that is what gcloud shows.
struct TunnelChannel: Sendable {
    static let host = "tunnel.cloudproxy.app"

    typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// What a client asked for, and where it is answered.
    struct Value: Sendable {
        let frames: Frames
        let head: HTTPRequestHead
    }

    let tunnels: any PortTunnels

    /// Readies a channel. The inner future ends with the upgrade, and fails for what is no WebSocket.
    static func setup(_ channel: any Channel) -> EventLoopFuture<EventLoopFuture<Value>> {
        channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketServerUpgrader<Value>(
                maxFrameSize: 2 * RelayMessage.maximumData,
                shouldUpgrade: { channel, _ in
                    channel.eventLoop.makeSucceededFuture(["Sec-WebSocket-Protocol": "relay.tunnel.cloudproxy.app"])
                },
                upgradePipelineHandler: { channel, head in
                    channel.eventLoop.makeCompletedFuture {
                        Value(frames: try Frames(wrappingChannelSynchronously: channel), head: head)
                    }
                }
            )
            let configuration = NIOUpgradableHTTPServerPipelineConfiguration<Value>(
                upgradeConfiguration: .init(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.close(promise: nil)
                        return channel.eventLoop.makeFailedFuture(ChannelError.inappropriateOperationForState)
                    }
                )
            )
            return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: configuration
            )
        }
    }

    /// Leads bytes both ways until one side ends.
    func serve(_ value: Value) async throws {
        try await value.frames.executeThenClose { inbound, outbound in
            do {
                let tunnel = try await tunnels.open(try PortTunnelRequest(value.head))
                let session = String(UInt64.random(in: .min ... .max), radix: 16)
                try await outbound.write(.message(.connected(session: session)))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await Self.send(tunnel, to: outbound) }
                    group.addTask { try await Self.receive(inbound, for: tunnel, answering: outbound) }
                    try await group.next()
                    group.cancelAll()
                }
            } catch let refusal as PortTunnelRefusal {
                try await outbound.write(.close(refusal.code, refusal.reason))
            }
        }
    }

    private static func send(_ tunnel: PortTunnel, to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>)
        async throws
    {
        for try await bytes in tunnel.output {
            var rest = bytes
            while let piece = rest.readSlice(length: min(rest.readableBytes, RelayMessage.maximumData)),
                piece.readableBytes > 0
            {
                try await outbound.write(.message(.data(piece)))
            }
        }
        try await outbound.write(.close(1000, ""))
    }

    private static func receive(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        for tunnel: PortTunnel,
        answering outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        var (received, told): (UInt64, UInt64) = (0, 0)
        frames: for try await frame in inbound {
            switch frame.opcode {
            case .binary:
                guard let message = RelayMessage(frame.unmaskedData) else { break frames }
                guard case .data(let bytes) = message else { continue }
                try await tunnel.write(bytes)
                received += UInt64(bytes.readableBytes)
                if received - told > UInt64(2 * RelayMessage.maximumData) {
                    told = received
                    try await outbound.write(.message(.acknowledged(received)))
                }
            case .ping: try await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
            case .connectionClose: break frames
            default: continue
            }
        }
        await tunnel.finish()
    }
}

extension WebSocketFrame {
    fileprivate static func message(_ message: RelayMessage) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .binary, data: message.bytes)
    }

    /// - Parameter reason: Its first 123 bytes are told.
    fileprivate static func close(_ code: UInt16, _ reason: String) -> WebSocketFrame {
        var data = ByteBuffer(integer: code)
        data.writeString(String(decoding: reason.utf8.prefix(123), as: UTF8.self))
        return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    }
}
