import Foundation
import NIOCore
import NIOPosix

/// The name servers that the machine itself uses.
struct HostResolvers: Sendable {
    let file: String
    /// How long one of them may take.
    let patience: Duration

    init(file: String = "/etc/resolv.conf", patience: Duration = .seconds(3)) {
        self.file = file
        self.patience = patience
    }

    /// Their addresses; the file is read anew each time, since networks come and go.
    var addresses: [String] {
        let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count >= 2 && words[0] == "nameserver" ? String(words[1]) : nil
        }
    }

    /// Passes a message on, to one resolver after the other; nil when none answers.
    func ask(_ message: [UInt8], id: UInt16, overTCP: Bool) async -> [UInt8]? {
        for address in addresses.prefix(3) {
            guard let resolver = try? SocketAddress(ipAddress: address, port: 53) else { continue }
            if let answer = await ask(resolver, message, id: id, overTCP: overTCP) { return answer }
        }
        return nil
    }

    private func ask(_ resolver: SocketAddress, _ message: [UInt8], id: UInt16, overTCP: Bool) async -> [UInt8]? {
        await withTaskGroup(of: [UInt8]?.self) { tasks in
            tasks.addTask {
                try? await overTCP ? Self.exchangeTCP(message, resolver) : Self.exchangeUDP(message, id: id, resolver)
            }
            tasks.addTask { [patience] in
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? nil
        }
    }

    private static func exchangeUDP(_ message: [UInt8], id: UInt16, _ resolver: SocketAddress) async throws -> [UInt8]?
    {
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: resolver) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, AddressedEnvelope<ByteBuffer>>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(AddressedEnvelope(remoteAddress: resolver, data: ByteBuffer(bytes: message)))
            for try await envelope in inbound {
                let answer = Array(envelope.data.readableBytesView)
                if answer.count >= 12, UInt16(answer[0]) << 8 | UInt16(answer[1]) == id { return answer }
            }
            return nil
        }
    }

    private static func exchangeTCP(_ message: [UInt8], _ resolver: SocketAddress) async throws -> [UInt8]? {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: resolver) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(NameFrameDecoder()))
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(NameFrame.framed(message))
            for try await answer in inbound { return Array(answer.readableBytesView) }
            return nil
        }
    }
}
