import Foundation
import GoogleAPI
import NIOHTTP1
import Synchronization
import Workloads

// Which accelerators there are, and who has them: a label of each container says which are its own.
extension DockerEngine {
    /// All accelerators of the engine's machine; those of one kind are all had in the same way.
    func acceleratorDevices() async throws -> [AcceleratorDevice] {
        let facts = try await facts()
        var known = facts.knownDevices.compactMap { id in
            let halves = id.split(separator: "=", maxSplits: 1).map(String.init)
            return halves.count == 2 ? AcceleratorDevice(kind: halves[0], name: halves[1], access: .named) : nil
        }
        func add(_ further: [AcceleratorDevice]) {
            let kinds = Set(known.map(\.kind))
            known += further.filter { !kinds.contains($0.kind) }
        }
        if facts.isLocal {
            add(
                DeviceSpecification.read(facts.knownDeviceFolders).flatMap { specification in
                    specification.devices.map {
                        AcceleratorDevice(kind: specification.kind, name: $0.name, access: .named)
                    }
                }
            )
        }
        if facts.hasNvidia {
            // An engine of another machine does not tell how many cards it has: one is counted on.
            let cards = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/driver/nvidia/gpus"))?.count
            let count = facts.isLocal ? cards ?? 0 : 1
            add((0..<count).map { .init(kind: Accelerators.nvidia, name: String($0), access: .nvidiaRuntime) })
        }
        if facts.isLocal { add(DeviceSpecification.read(deviceFolders).flatMap(\.bindable)) }
        return AcceleratorDevice.eachOnce(known)
    }

    /// Chooses free devices for a container that is to be made. Give them back when it carries their names, or failed.
    ///
    /// - Throws: ``EngineError/insufficient(_:)``, ``EngineError/busy(_:)``.
    func claim(_ wanted: Accelerators?) async throws -> [AcceleratorDevice] {
        guard let wanted, wanted.count > 0 else { return [] }
        let devices = try await acceleratorDevices().filter { $0.kind == wanted.kind }
        guard devices.count >= wanted.count else {
            throw EngineError.insufficient(
                "This engine has \(devices.count) accelerators of the kind '\(wanted.kind)', not \(wanted.count)."
            )
        }
        let ids = try await claim { held in
            let free = devices.map(\.id).filter { !held.contains($0) }
            return free.count >= wanted.count ? Array(free.prefix(wanted.count)) : nil
        }
        return devices.filter { ids.contains($0.id) }
    }

    /// Claims the devices of a container again that has ended and is to start.
    ///
    /// - Throws: ``EngineError/busy(_:)`` when another workload has one of them now.
    func claim(of container: Container) async throws -> [String] {
        let ids = container.accelerators
        guard !ids.isEmpty, container.hasStarted else { return [] }
        return try await claim { held in held.isDisjoint(with: ids) ? ids : nil }
    }

    func giveBack(_ devices: [AcceleratorDevice]) { giveBack(devices.map(\.id)) }

    func giveBack(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        remembered.withLock { $0.accelerators.giveBack(ids) }
    }

    /// - Parameter choose: Chooses by what others hold; nil when there is not enough.
    private func claim(_ choose: (Set<String>) -> [String]?) async throws -> [String] {
        while true {
            let version = remembered.withLock { $0.accelerators.version }
            let held = try await heldAccelerators()
            let chosen: [String]?? = remembered.withLock { memory in
                guard memory.accelerators.version == version else { return nil }
                guard let ids = choose(held.union(memory.accelerators.claimed)) else { return .some(nil) }
                memory.accelerators.claim(ids)
                return ids
            }
            // Others chose meanwhile: what was seen is old.
            guard let chosen else { continue }
            guard let chosen else { throw EngineError.busy("All accelerators of this machine are in use.") }
            return chosen
        }
    }

    /// What running containers have, and those that have yet to start; of all clouds that use this engine.
    private func heldAccelerators() async throws -> Set<String> {
        let filters: JSON = ["label": [.string(AcceleratorDevice.label)]]
        let list = try await host.client().call(
            .GET,
            "/containers/json",
            query: ["all": "1", "filters": filters.text]
        )
        let holders = (list.array ?? []).filter { !["exited", "dead"].contains($0["State"]?.string) }
        return Set(holders.flatMap { Container.accelerators($0["Labels"]?.strings ?? [:]) })
    }
}

extension Container {
    /// The devices that the container was made with: `nvidia.com/gpu=0`.
    var accelerators: [String] { Self.accelerators(labels) }

    static func accelerators(_ labels: [String: String]) -> [String] {
        (labels[AcceleratorDevice.label] ?? "").split(separator: ",").map(String.init)
    }
}
