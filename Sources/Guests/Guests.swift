import Foundation
import GoogleAPI
package import Logging
package import MetadataStore
import NIOCore
package import Workloads

/// Door 3: gives workloads their place in a network, and the surroundings that make unmodified code believe it is at
/// Google: names, certificates, a metadata server with tokens.
package final class Guests: Sendable {
    /// Ports on which the daemon listens at its address in each network.
    package struct Ports: Sendable {
        package var gateway: Int
        package var metadata: Int
        package var names: Int

        package init(gateway: Int, metadata: Int, names: Int) {
            self.gateway = gateway
            self.metadata = metadata
            self.names = names
        }
    }

    /// Serves the gateway at an address until cancelled; calls back once it listens.
    package typealias GatewayListener =
        @Sendable (
            _ address: String, _ port: Int, _ onListening: @escaping @Sendable () -> Void
        ) async throws -> Void

    let engine: any WorkloadEngine
    let store: GuestStore
    let networks: KnownNetworks
    let ports: Ports
    let authorityPEM: String
    let tokens: any TokenIssuer
    let gateway: GatewayListener
    let isServedName: @Sendable (String) -> Bool
    let logger: Logger
    let bell = Bell()
    let listeners = ListenerRequests()

    /// - Parameters:
    ///   - networks: Shared with the gateway, which passes on what comes from Brume's own networks.
    ///   - authorityPEM: The certificate authority that guests are to trust.
    ///   - isServedName: Whether a host name is one that Brume answers for.
    package init(
        engine: any WorkloadEngine,
        store: MetadataStore,
        networks: KnownNetworks,
        ports: Ports,
        authorityPEM: String,
        tokens: any TokenIssuer,
        isServedName: @escaping @Sendable (String) -> Bool,
        gateway: @escaping GatewayListener,
        logger: Logger
    ) {
        self.engine = engine
        self.store = GuestStore(database: store.database)
        self.networks = networks
        self.ports = ports
        self.authorityPEM = authorityPEM
        self.tokens = tokens
        self.isServedName = isServedName
        self.gateway = gateway
        self.logger = logger
    }

    // MARK: Networks

    /// The label that parts of one network have in common: guests in one part reach those in the others, and know their
    /// names.
    package static let wholeLabel = "network"

    /// Makes a network with all its doors, and listens behind them.
    package func ensureNetwork(
        _ name: String,
        subnet: String? = nil,
        labels: [String: String] = [:]
    ) async throws -> NetworkDescription {
        let capabilities = try await engine.capabilities()
        let doors = capabilities.doors ? Self.doors(ports) : []
        let spec = NetworkSpec(
            name: name,
            subnet: subnet,
            labels: labels,
            doors: doors,
            neighbours: labels[Self.wholeLabel].map { networks.parts(of: $0, besides: name) }
        )
        let description = try await engine.ensureNetwork(spec)
        let record = NetworkRecord(
            name: name,
            subnet: description.subnet,
            daemonAddress: description.daemonAddress,
            requestedSubnet: subnet,
            labels: try JSONCoding.encoder.encode(labels),
            hasDoors: capabilities.doors,
            hasFixedAddresses: capabilities.fixedAddresses
        )
        try await store.save(record)
        networks.set(record)
        await listeners.listen(.init(network: name, address: description.daemonAddress))
        return description
    }

    /// A network as the engine has it; nil for one that was never made.
    package func network(_ name: String) async throws -> NetworkDescription? {
        try await store.network(name).map {
            NetworkDescription(name: name, subnet: $0.subnet, daemonAddress: $0.daemonAddress)
        }
    }

    package func removeNetwork(_ name: String) async throws {
        try await engine.removeNetwork(name)
        try await store.removeNetwork(name)
        networks.remove(name)
    }

    /// Where guests find the daemon: the metadata server and the name server at Google's own address, and the APIs at
    /// the address of [Private Google Access](https://docs.cloud.google.com/vpc/docs/configure-private-google-access).
    private static func doors(_ ports: Ports) -> [NetworkSpec.Door] {
        [
            .init(.tcp, address: WellKnown.metadataAddress, port: 80, daemonPort: ports.metadata),
            .init(.udp, address: WellKnown.metadataAddress, port: 53, daemonPort: ports.names),
            .init(.tcp, address: WellKnown.metadataAddress, port: 53, daemonPort: ports.names),
            .init(.tcp, address: WellKnown.apiAddress, port: 443, daemonPort: ports.gateway),
            .init(.tcp, address: WellKnown.apiAddress, port: 80, daemonPort: ports.gateway),
        ]
    }

    /// Says who a caller of the metadata server is when no guest has its address: build steps' own containers.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) for a network that was never made.
    package func setDefaultGuest(_ guest: Guest?, network: String) async throws {
        let data = try guest.map { try JSONCoding.encoder.encode($0) }
        guard try await store.setDefault(data, network: network) else { throw GoogleError.noNetwork(network) }
        bell.ring(Self.defaultOwner(network))
    }

    static func defaultOwner(_ network: String) -> String { "network/\(network)" }

    // MARK: Guests

    /// Gives a guest its place. A repeated call with the same owner keeps the place and takes the new guest.
    ///
    /// - Parameters:
    ///   - range: The part of the network to choose from, `10.128.0.0/20`; nil: all of it.
    ///   - address: The address that the guest must have; nil: the lowest free one.
    ///   - kept: Addresses that nobody gets without wanting them.
    ///   - owner: The name of the workload.
    /// - Throws: ``GoogleError`` 400 for an address outside the range, 409 for a taken one, 429 for a full range.
    package func admit(
        _ guest: Guest,
        to network: String,
        within range: String? = nil,
        wanting address: String? = nil,
        besides kept: Set<String> = [],
        owner: String
    ) async throws -> GuestPlace {
        guard let record = try await store.network(network) else { throw GoogleError.noNetwork(network) }
        let place = try await store.admit(try JSONCoding.encoder.encode(guest), owner: owner, network: network) {
            taken in
            guard record.hasFixedAddresses else { return nil }
            return try Self.choose(from: range ?? record.subnet, wanting: address, taken: taken, kept: kept, in: record)
        }
        bell.ring(owner)
        return place
    }

    private static func choose(
        from range: String,
        wanting address: String?,
        taken: Set<String>,
        kept: Set<String>,
        in network: NetworkRecord
    ) throws -> String {
        guard let range = AddressRange(range), let usable = range.usable else {
            throw GoogleError.invalid("'\(range)' is no range of IPv4 addresses.")
        }
        if let address {
            guard let number = IPv4.number(address), usable.contains(number), address != network.daemonAddress else {
                throw GoogleError.invalid(
                    "Invalid value for field 'networkIP': '\(address)'. It is not a usable address of the subnetwork."
                )
            }
            guard !taken.contains(IPv4.text(number)) else {
                throw GoogleError.alreadyExists(
                    "IP '\(address)' is already being used by another resource.",
                    reason: "IP_IN_USE_BY_ANOTHER_RESOURCE"
                )
            }
            return IPv4.text(number)
        }
        for number in usable {
            let text = IPv4.text(number)
            if !taken.contains(text), !kept.contains(text), text != network.daemonAddress { return text }
        }
        throw GoogleError(
            .resourceExhausted,
            reason: "IP_SPACE_EXHAUSTED",
            message: "IP space of the range '\(range)' is exhausted."
        )
    }

    /// Gives a guest's place to another owner, with nothing that the guest has said of itself.
    ///
    /// - Returns: Nil when nobody of that name has a place, or the other has one.
    package func handOver(from owner: String, to other: String, as guest: Guest) async throws -> GuestPlace? {
        let place = try await store.handOver(from: owner, to: other, try JSONCoding.encoder.encode(guest))
        bell.ring(other)
        return place
    }

    /// Frees the places of all whose names begin so.
    package func release(ownersBeginningWith prefix: String) async throws {
        try await store.release(ownersBeginningWith: prefix)
    }

    /// Takes new metadata, and wakes those who wait for a change.
    package func update(_ guest: Guest, owner: String) async throws {
        guard try await store.update(try JSONCoding.encoder.encode(guest), owner: owner) else {
            throw GoogleError.notFound("No guest '\(owner)' was admitted.")
        }
        bell.ring(owner)
    }

    /// Notes the address that the engine gave, where it gives no fixed ones.
    package func locate(owner: String, at address: String) async throws {
        try await store.setAddress(address, owner: owner)
    }

    /// Frees a guest's address. An unknown owner is no error.
    package func release(owner: String) async throws {
        try await store.release(owner: owner)
        bell.ring(owner)
    }

    /// What a guest has said of itself, `hostkeys` for one.
    package func attributes(of owner: String, namespace: String? = nil) async throws -> [GuestAttribute] {
        try await store.attributes(owner: owner, namespace: namespace)
    }

    /// Says something in a guest's name.
    package func setAttribute(_ attribute: GuestAttribute) async throws { try await store.set(attribute) }
}

/// Addresses and names that every client knows.
enum WellKnown {
    static let metadataAddress = "169.254.169.254"
    static let metadataName = "metadata.google.internal"
    static let apiAddress = "199.36.153.8"
}

extension GoogleError {
    static func noNetwork(_ name: String) -> GoogleError {
        .notFound("The network '\(name)' was not found.")
    }
}
