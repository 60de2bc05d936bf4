import APIServer
import GoogleAPI
import Guests
import Logging
import Workloads

/// Holds firewall rules against running machines.
///
/// A machine's filter is its own and ends with it: it is raised at each start, before anything in the machine listens for
/// others, and when rules or the machines that rules name have changed.
struct Walls: Sendable {
    let store: ResourceStore
    let engine: any WorkloadEngine
    let guests: Guests
    let defaults: DefaultNetwork
    let logger: Logger

    /// Raises the wall of one machine, and those of its neighbours whose rules may know it.
    func raise(for instance: JSON, _ key: ResourceKey) async throws {
        guard try await engine.capabilities().packetFilters else { return }
        let rules = try await rules(of: key.project)
        guard rules.contains(where: Firewall.namesInstances) else {
            return try await raise(for: instance, rules, among: [])
        }
        let neighbours = try await store.list("instances", project: key.project).map(\.resource)
        try await raise(for: instance, rules, among: neighbours)
        await raise(for: neighbours.filter { $0["id"] != instance["id"] }, rules, among: neighbours)
    }

    /// Lets nothing in any more, until the wall is raised again.
    func close(_ instance: JSON) async throws {
        guard let network = try await guests.network(InstancePlace(of: instance).engineNetwork) else { return }
        try await close(InstanceLife.workload(of: instance), in: network)
    }

    /// As ``close(_:)``, for a machine that is nobody's.
    func close(_ workload: WorkloadName, in network: NetworkDescription) async throws {
        guard try await engine.capabilities().packetFilters else { return }
        try await engine.apply(
            PacketFilter(ingress: [], egress: [], outside: network.daemonAddress),
            to: workload
        )
    }

    /// Raises the walls of a project's running machines anew.
    func raise(in project: String) async throws {
        guard try await engine.capabilities().packetFilters else { return }
        let instances = try await store.list("instances", project: project).map(\.resource)
        await raise(for: instances, try await rules(of: project), among: instances)
    }

    private func rules(of project: String) async throws -> [JSON] {
        try await defaults.establish(in: project)
        return try await store.list("firewalls", project: project).map(\.resource)
    }

    private func raise(for instances: [JSON], _ rules: [JSON], among neighbours: [JSON]) async {
        await withDiscardingTaskGroup { group in
            for instance in instances where instance["status"]?.string == "RUNNING" {
                group.addTask {
                    do {
                        try await raise(for: instance, rules, among: neighbours)
                    } catch {
                        let link = instance["selfLink"]?.string ?? ""
                        logger.warning("cannot filter a machine's packets: \(error)", metadata: ["instance": "\(link)"])
                    }
                }
            }
        }
    }

    private func raise(for instance: JSON, _ rules: [JSON], among neighbours: [JSON]) async throws {
        guard let filter = try await filter(for: instance, rules, among: neighbours) else { return }
        try await engine.apply(filter, to: InstanceLife.workload(of: instance))
    }

    /// Nil while the instance's network is not there.
    private func filter(for instance: JSON, _ rules: [JSON], among neighbours: [JSON]) async throws -> PacketFilter? {
        let place = InstancePlace(of: instance)
        guard let network = try await guests.network(place.engineNetwork) else { return nil }
        return Firewall.filter(
            rules.filter { $0["network"]?.string == place.network.link },
            for: instance,
            among: neighbours.filter { InstancePlace(of: $0).network == place.network },
            in: network,
            instead: try await place.ranges(store: store).network
        )
    }

    /// Whether rules let a connection from an address of the internet reach a machine.
    func admit(tcp port: UInt16, from address: String, to instance: JSON, _ key: ResourceKey) async throws -> Bool {
        let filter = try await filter(for: instance, try await rules(of: key.project), among: [])
        return filter?.admits(tcp: port, from: address) ?? false
    }
}
