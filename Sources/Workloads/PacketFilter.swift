/// Which packets may reach and leave a machine.
///
/// The first rule that fits a new connection decides; what no rule fits is refused on the way in and let through on the
/// way out. Answers within a connection that was let through always pass.
package struct PacketFilter: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        package var isAllowed: Bool
        /// Ranges of the other side's address, `10.128.0.0/9`; empty: anyone in the network.
        package var peers: [String]
        /// Whether the rule fits the daemon's own machine too, and with it all that reaches the network from outside.
        package var fitsOutside: Bool
        /// `tcp`, `udp`, `icmp` or a number; nil: every protocol.
        package var transport: String?
        /// Ports of the receiving side; empty: every port.
        package var ports: [ClosedRange<UInt16>]

        package init(
            isAllowed: Bool,
            peers: [String],
            fitsOutside: Bool,
            transport: String? = nil,
            ports: [ClosedRange<UInt16>] = []
        ) {
            self.isAllowed = isAllowed
            self.peers = peers
            self.fitsOutside = fitsOutside
            self.transport = transport
            self.ports = ports
        }
    }

    package var ingress: [Rule]
    package var egress: [Rule]
    /// The daemon's own address in the network (``NetworkDescription/daemonAddress``).
    package var outside: String

    package init(ingress: [Rule], egress: [Rule], outside: String) {
        self.ingress = ingress
        self.egress = egress
        self.outside = outside
    }
}

extension PacketFilter {
    /// Whether a new TCP connection from an address, which is none of the network's, may reach a port.
    package func admits(tcp port: UInt16, from address: String) -> Bool {
        guard let source = AddressRange(exactly: address) else { return false }
        let rule = ingress.first { rule in
            (rule.transport == nil || rule.transport == "tcp" || rule.transport == "6")
                && (rule.ports.isEmpty || rule.ports.contains { $0.contains(port) })
                && (rule.peers.isEmpty || rule.peers.contains { AddressRange($0)?.contains(source) ?? false })
        }
        return rule?.isAllowed ?? false
    }
}
