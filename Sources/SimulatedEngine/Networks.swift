package import Workloads

extension SimulatedEngine {
    package func ensureNetwork(_ spec: NetworkSpec) async throws -> NetworkDescription {
        try answer("ensureNetwork \(spec.name)")
        var network = networks[spec.name] ?? SimulatedNetwork(spec: spec, subnet: spec.subnet ?? freeSubnet())
        network.spec.doors = spec.doors
        network.spec.neighbours = spec.neighbours
        networks[spec.name] = network
        return NetworkDescription(name: spec.name, subnet: network.subnet, daemonAddress: network.address(1))
    }

    package func removeNetwork(_ name: String) async throws {
        try answer("removeNetwork \(name)")
        let users = workloads.values.filter { $0.parts.values.contains { $0.process.network?.network == name } }
        if let user = users.first { throw EngineError.refused("The network '\(name)' is used by '\(user.spec.name)'.") }
        networks[name] = nil
    }

    package func ensureVolume(_ name: String, labels: [String: String]) async throws {
        try answer("ensureVolume \(name)")
        volumes.insert(name)
    }

    package func removeVolume(_ name: String) async throws {
        try answer("removeVolume \(name)")
        let mount = Mount.Source.volume(name)
        let users = workloads.values.filter { workload in
            workload.attached.contains { $0.source == mount }
                || workload.parts.values.contains { $0.process.mounts.contains { $0.source == mount } }
        }
        if let user = users.first { throw EngineError.refused("The volume '\(name)' is used by '\(user.spec.name)'.") }
        volumes.remove(name)
    }

    package func copyVolume(_ source: String, to target: String, labels: [String: String]) async throws {
        try answer("copyVolume \(source) \(target)")
        guard volumes.contains(source) else { throw EngineError.notFound("There is no volume '\(source)'.") }
        if let message = copyFailure.take() { throw EngineError.refused(message) }
        volumes.insert(target)
    }

    func addressesInUse(in network: String) -> Set<String> {
        var used: Set<String> = []
        for part in workloads.values.flatMap(\.parts.values) where part.process.network?.network == network {
            if let address = part.address ?? part.reserved { used.insert(address) }
        }
        return used
    }

    func freeAddress(in network: String) -> String? {
        guard let place = networks[network] else { return nil }
        let used = addressesInUse(in: network)
        return (2..<65_000).lazy.map { place.address($0) }.first { !used.contains($0) }
    }

    private func freeSubnet() -> String {
        let used = Set(networks.values.map(\.subnet))
        return (18..<255).lazy.map { "172.\($0).0.0/16" }.first { !used.contains($0) } ?? "192.168.0.0/16"
    }
}

/// A network and its range.
struct SimulatedNetwork {
    var spec: NetworkSpec
    var subnet: String

    /// The address at a distance from the range's first.
    func address(_ index: Int) -> String {
        let octets = (subnet.split(separator: "/").first ?? "").split(separator: ".").compactMap { UInt32($0) }
        let first = octets.reduce(UInt32(0)) { $0 << 8 | $1 }
        let value = first + UInt32(index)
        return [24, 16, 8, 0].map { String(value >> UInt32($0) & 255) }.joined(separator: ".")
    }
}
