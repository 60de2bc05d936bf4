import Foundation
import GoogleAPI
import Logging
import NIOCore
import NIOPosix
import Workloads

/// The name server of one network: Google's names lead to the daemon, guests find each other, and all else is asked of
/// the machine's own resolvers.
struct NameServer: Sendable {
    let guests: Guests
    let network: String
    let resolvers: HostResolvers

    /// Answers one message; nil when it deserves none.
    func answer(_ message: [UInt8], overTCP: Bool) async -> [UInt8]? {
        guard let query = NameQuery(message) else { return nil }
        if let addresses = await ownAddresses(query.name) {
            return query.answer(query.kind == .a ? addresses : [])
        }
        if let address = query.reversed,
            parts.contains(where: { guests.networks[$0]?.range?.contains(address) ?? false })
        {
            let owner = await neighbours().first { $0.address == IPv4.text(address) }
            return owner?.guest.hostNames.first.map { query.answer(name: $0) } ?? query.answer(code: .noSuchName)
        }
        // A name without a dot is a neighbour's, with what its resolver adds; nobody else is asked for it.
        if !query.name.contains(".") || query.name.hasSuffix(".internal") {
            return query.answer(code: .noSuchName)
        }
        return await resolvers.ask(message, id: query.id, overTCP: overTCP) ?? query.answer(code: .serverFailure)
    }

    /// The addresses of a name that is Brume's to answer; nil when it is not.
    private func ownAddresses(_ name: String) async -> [UInt32]? {
        if name == WellKnown.metadataName || name == "metadata" || name == "metadata.google" {
            return IPv4.number(WellKnown.metadataAddress).map { [$0] }
        }
        if guests.isServedName(name) { return IPv4.number(WellKnown.apiAddress).map { [$0] } }
        guard name.hasSuffix(".internal") else { return nil }
        return await neighbours().first { $0.guest.hostNames.contains(name) }
            .flatMap { IPv4.number($0.address) }.map { [$0] }
    }

    /// The network, and the others with which it is one.
    private var parts: [String] {
        [network] + guests.networks.parts(of: guests.networks[network]?.whole, besides: network)
    }

    private func neighbours() async -> [(guest: Guest, address: String)] {
        let rows = (try? await guests.store.guests(networks: parts)) ?? []
        return rows.compactMap { row in
            guard let guest = try? row.decoded(), let address = row.address else { return nil }
            return (guest, address)
        }
    }
}

extension Guests {
    /// Serves names at an address, over UDP and TCP, until cancelled.
    func serveNames(
        _ place: ListenerRequests.Place,
        _ onListening: @escaping @Sendable () -> Void
    ) async throws {
        let server = NameServer(guests: self, network: place.network, resolvers: HostResolvers())
        let datagrams = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: place.address, port: ports.names) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, AddressedEnvelope<ByteBuffer>>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        let streams: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
        do {
            streams = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: place.address, port: ports.names) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(NameFrameDecoder()))
                        return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            try? await datagrams.channel.close()
            throw error
        }
        onListening()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.serveDatagrams(datagrams, server) }
            group.addTask { try await Self.serveStreams(streams, server) }
            try await group.waitForAll()
        }
    }

    private static func serveDatagrams(
        _ channel: NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, AddressedEnvelope<ByteBuffer>>,
        _ server: NameServer
    ) async throws {
        try await channel.executeThenClose { inbound, outbound in
            await withDiscardingTaskGroup { group in
                do {
                    for try await envelope in inbound {
                        group.addTask {
                            let message = Array(envelope.data.readableBytesView)
                            guard let answer = await server.answer(message, overTCP: false) else { return }
                            let reply = AddressedEnvelope(
                                remoteAddress: envelope.remoteAddress,
                                data: ByteBuffer(bytes: answer)
                            )
                            try? await outbound.write(reply)
                        }
                    }
                } catch {}
            }
        }
    }

    private static func serveStreams(
        _ channel: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>,
        _ server: NameServer
    ) async throws {
        try await channel.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask {
                        // A client that goes away in the middle is no error of the server's.
                        try? await connection.executeThenClose { inbound, outbound in
                            for try await message in inbound {
                                let bytes = Array(message.readableBytesView)
                                guard let answer = await server.answer(bytes, overTCP: true) else { return }
                                try await outbound.write(NameFrame.framed(answer))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Messages over TCP come with their length in two bytes before them.
enum NameFrame {
    static func framed(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt16(truncatingIfNeeded: message.count))
        buffer.writeBytes(message)
        return buffer
    }
}

struct NameFrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) -> DecodingState {
        guard let message = buffer.readLengthPrefixedSlice(as: UInt16.self) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(message))
        return .continue
    }
}
