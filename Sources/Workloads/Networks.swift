/// A network that workloads share.
package struct NetworkSpec: Sendable, Equatable {
    package var name: String
    /// The range of addresses, `10.128.0.0/9`; nil lets the engine choose.
    package var subnet: String?
    package var labels: [String: String]
    /// Names and addresses at which workloads find the daemon: the metadata server, Google's APIs.
    package var doors: [Door]
    /// Networks with which workloads exchange packets at their own addresses, where the engine has doors; those that
    /// are not there are left out. Nil: the network stays alone.
    package var neighbours: [String]?

    /// An address inside the network that leads to a port of the daemon.
    package struct Door: Sendable, Equatable {
        package enum Transport: String, Sendable { case tcp, udp }
        package var transport: Transport
        /// `169.254.169.254`.
        package var address: String
        package var port: Int
        package var daemonPort: Int

        package init(_ transport: Transport = .tcp, address: String, port: Int, daemonPort: Int) {
            self.transport = transport
            self.address = address
            self.port = port
            self.daemonPort = daemonPort
        }
    }

    package init(
        name: String,
        subnet: String? = nil,
        labels: [String: String] = [:],
        doors: [Door] = [],
        neighbours: [String]? = nil
    ) {
        self.name = name
        self.subnet = subnet
        self.labels = labels
        self.doors = doors
        self.neighbours = neighbours
    }
}

package struct NetworkDescription: Sendable, Equatable {
    package var name: String
    package var subnet: String
    /// The daemon's own address in the network, on which it must listen for what comes through the doors.
    package var daemonAddress: String

    package init(name: String, subnet: String, daemonAddress: String) {
        self.name = name
        self.subnet = subnet
        self.daemonAddress = daemonAddress
    }
}

package struct NetworkAttachment: Codable, Sendable, Equatable {
    package var network: String
    /// A fixed address; needs ``EngineCapabilities/fixedAddresses``.
    package var address: String?
    /// Further names by which others in the network find the workload.
    package var aliases: [String]
    /// The servers that resolve names; empty: the engine's own.
    package var nameServers: [String]
    package var searchDomains: [String]

    package init(network: String, address: String? = nil, aliases: [String] = []) {
        self.network = network
        self.address = address
        self.aliases = aliases
        nameServers = []
        searchDomains = []
    }
}

/// What an engine can do; services ask before they promise.
package struct EngineCapabilities: Sendable, Equatable {
    /// What the engine is, for people: `Docker Engine 20.10.24 (managed)`.
    package var description: String
    package var fixedAddresses: Bool
    /// Addresses of the daemon can be given to workloads (``NetworkSpec/doors``).
    package var doors: Bool
    package var containerSocket: Bool
    /// The daemon can open connections to workloads' addresses.
    package var directRoute: Bool
    /// The daemon reaches the content of volumes: it can copy them, and attach them to running machines.
    package var volumeAccess: Bool
    /// Packets of machines can be filtered (``WorkloadEngine/apply(_:to:)``).
    package var packetFilters: Bool
    /// Machines can have a kernel of their own (``MachineSpec/monitor``).
    package var virtualMachines: Bool
    /// How many accelerators there are, by ``Accelerators/kind``; held ones count.
    package var accelerators: [String: Int]

    package init(
        description: String,
        fixedAddresses: Bool = false,
        doors: Bool = false,
        containerSocket: Bool = false,
        directRoute: Bool = false,
        volumeAccess: Bool = false,
        packetFilters: Bool = false,
        virtualMachines: Bool = false,
        accelerators: [String: Int] = [:]
    ) {
        self.description = description
        self.fixedAddresses = fixedAddresses
        self.doors = doors
        self.containerSocket = containerSocket
        self.directRoute = directRoute
        self.volumeAccess = volumeAccess
        self.packetFilters = packetFilters
        self.virtualMachines = virtualMachines
        self.accelerators = accelerators
    }
}
