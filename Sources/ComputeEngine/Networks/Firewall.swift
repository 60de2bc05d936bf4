import GoogleAPI
import Workloads

/// A firewall rule's document, what it may say, and which packets it means.
///
/// See [firewall rules](https://docs.cloud.google.com/firewall/docs/firewalls).
enum Firewall {
    static func document(_ asked: JSON, _ key: ResourceKey, created: String) -> JSON {
        var rule = asked
        rule["kind"] = "compute#firewall"
        rule["id"] = .string(Token.id())
        rule["selfLink"] = .string(key.link)
        rule["creationTimestamp"] = .string(created)
        complete(&rule, project: key.project)
        return rule
    }

    /// Fills in what Google fills in.
    static func complete(_ rule: inout JSON, project: String) {
        let network = ResourceName(parsing: rule["network"]?.string ?? DefaultNetwork.name).last
        rule["network"] = .string(Network.key(network, in: project).link)
        rule["priority"] = rule["priority"] ?? 1000
        rule["direction"] = rule["direction"] ?? "INGRESS"
        rule["disabled"] = rule["disabled"] ?? false
        rule["logConfig"] = rule["logConfig"] ?? ["enable": false]
        let isIngress = rule["direction"]?.string == "INGRESS"
        let sides = isIngress ? ["sourceRanges", "sourceTags", "sourceServiceAccounts"] : ["destinationRanges"]
        if sides.allSatisfy({ rule[$0]?.array?.isEmpty ?? true }) { rule[sides[0]] = ["0.0.0.0/0"] }
    }

    /// - Throws: ``GoogleError`` `invalid` (400) naming the field.
    static func check(_ rule: JSON) throws {
        let direction = rule["direction"]?.string ?? "INGRESS"
        guard ["INGRESS", "EGRESS"].contains(direction) else {
            throw GoogleError.invalidField("resource.direction", direction, "It must be INGRESS or EGRESS.")
        }
        let priority = rule["priority"]?.integer ?? 1000
        guard (0...65535).contains(priority) else {
            throw GoogleError.invalidField("resource.priority", String(priority), "It must be between 0 and 65535.")
        }
        let lists = ["allowed", "denied"].filter { !(rule[$0]?.array ?? []).isEmpty }
        guard lists.count == 1 else {
            throw GoogleError.invalid("Firewall rules must specify exactly one of 'allowed' and 'denied'.")
        }
        for entry in rule[lists[0]]?.array ?? [] {
            let transport = entry["IPProtocol"]?.string?.lowercased() ?? ""
            guard protocols.contains(transport) || UInt8(transport) != nil else {
                throw GoogleError.invalidField("resource.\(lists[0])[].IPProtocol", transport, "It is no protocol.")
            }
            for text in (entry["ports"]?.array ?? []).map({ $0.string ?? "" }) {
                guard ports(text) != nil, ["tcp", "udp", "sctp", "6", "17", "132"].contains(transport) else {
                    throw GoogleError.invalidField(
                        "resource.\(lists[0])[].ports",
                        text,
                        "Ports are numbers or ranges such as 8000-9000, of tcp, udp or sctp."
                    )
                }
            }
        }
        for field in ["sourceRanges", "destinationRanges"] {
            for text in (rule[field]?.array ?? []).map({ $0.string ?? "" }) where !text.contains(":") {
                guard AddressRange(exactly: text) != nil else {
                    throw GoogleError.invalidField("resource.\(field)", text, "Must be a valid CIDR address range.")
                }
            }
        }
    }

    private static let protocols: Set = ["all", "tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip"]

    private static func ports(_ text: String) -> ClosedRange<UInt16>? {
        let halves = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard halves.count <= 2, let first = halves[0], let last = halves.last ?? nil, first <= last else { return nil }
        return first...last
    }

    // MARK: What it means

    /// Whether a rule knows machines by something that changes with them.
    static func namesInstances(_ rule: JSON) -> Bool {
        ["sourceTags", "sourceServiceAccounts"].contains { !(rule[$0]?.array ?? []).isEmpty }
    }

    /// The filter of one instance: the rules of its network that are meant for it, the most important first.
    ///
    /// - Parameters:
    ///   - neighbours: All instances of the network.
    ///   - network: The engine's network; everything outside it comes from the daemon's address in it.
    ///   - range: What the network's range would be if it were free on this computer.
    static func filter(
        _ rules: [JSON],
        for instance: JSON,
        among neighbours: [JSON],
        in network: NetworkDescription,
        instead range: String
    ) -> PacketFilter {
        let meant = rules.filter { !($0["disabled"]?.bool ?? false) && isMeant($0, for: instance, by: "target") }
            .sorted { one, other in
                let ranks = (one["priority"]?.integer ?? 1000, other["priority"]?.integer ?? 1000)
                // At the same priority, a rule that denies comes before one that allows.
                return ranks.0 == ranks.1 ? one["denied"] != nil && other["denied"] == nil : ranks.0 < ranks.1
            }
        func passing(_ direction: String) -> [PacketFilter.Rule] {
            meant.filter { $0["direction"]?.string == direction }
                .flatMap { packets($0, among: neighbours, in: network, instead: range) }
        }
        return PacketFilter(ingress: passing("INGRESS"), egress: passing("EGRESS"), outside: network.daemonAddress)
    }

    /// Whether an instance has one of a rule's tags or service accounts; a rule without any means every instance.
    private static func isMeant(_ rule: JSON, for instance: JSON, by side: String) -> Bool {
        let tags = rule["\(side)Tags"]?.array ?? []
        let accounts = rule["\(side)ServiceAccounts"]?.array ?? []
        if tags.isEmpty && accounts.isEmpty { return side == "target" }
        let own = (instance["serviceAccounts"]?.array ?? []).compactMap { $0["email"] }
        return (instance["tags"]?["items"]?.array ?? []).contains(where: tags.contains)
            || own.contains(where: accounts.contains)
    }

    private static func packets(
        _ rule: JSON,
        among neighbours: [JSON],
        in network: NetworkDescription,
        instead range: String
    ) -> [PacketFilter.Rule] {
        let isIngress = rule["direction"]?.string == "INGRESS"
        var ranges = (rule[isIngress ? "sourceRanges" : "destinationRanges"]?.array ?? []).compactMap(\.string)
            .filter { !$0.contains(":") }
        // A rule for the network's range means its instances, also where the engine had to choose another range.
        if network.subnet != range, let whole = AddressRange(exactly: range),
            ranges.contains(where: { AddressRange(exactly: $0)?.contains(whole) ?? false })
        {
            ranges.append(network.subnet)
        }
        let machines = isIngress ? neighbours.filter { isMeant(rule, for: $0, by: "source") } : []
        let addresses = machines.compactMap { $0["networkInterfaces"]?[0]?["networkIP"]?.string }
            .filter { !$0.isEmpty }.map { "\($0)/32" }
        let meansAnyone = ranges.contains("0.0.0.0/0")
        let peers = meansAnyone ? [] : ranges + addresses
        guard meansAnyone || !peers.isEmpty else { return [] }
        let isAllowed = rule["denied"] == nil
        // What reaches a machine from this computer is no neighbour's, though its address lies in the network.
        let fitsOutside =
            meansAnyone || ranges.contains { $0 == network.daemonAddress || $0 == "\(network.daemonAddress)/32" }
        return (rule[isAllowed ? "allowed" : "denied"]?.array ?? []).map { entry in
            let transport = entry["IPProtocol"]?.string?.lowercased()
            return PacketFilter.Rule(
                isAllowed: isAllowed,
                peers: peers,
                fitsOutside: fitsOutside,
                transport: transport == "all" ? nil : transport,
                ports: (entry["ports"]?.array ?? []).compactMap { $0.string.flatMap(ports) }
            )
        }
    }
}
