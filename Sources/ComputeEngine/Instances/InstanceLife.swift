import APIServer
import Foundation
import GRDB
package import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import NIOCore
import Operations
package import Workloads

/// What Compute Engine needs of the registry: who may pull a project's images.
package protocol ImageCredentials: Sendable {
    /// The credential with which an account pulls an image; nil for public ones.
    func credential(for image: ImageReference, account: String?) async throws -> RegistryCredential?
}

/// What Compute Engine needs of OS Login.
package protocol MachineLogins: Sendable {
    /// What metadata would say in `ssh-keys` of those who may log in to an instance.
    func keys(for instance: ResourceName) async throws -> String
}

/// What makes a machine of any image reachable, mounted at ``GuestTools/path``.
package protocol MachineTools: Sendable {
    /// - Throws: ``EngineError/unavailable(_:)`` when they cannot be made on this machine, with the remedy.
    func mount() async throws -> Mount
    /// - Throws: as ``mount()``.
    func virtualMachines() async throws -> (monitor: VirtualMachineMonitor, mount: Mount)
}

extension GuestTools: MachineTools {}

/// The work behind instances: it brings a machine to what its row says.
///
/// Every step may be repeated.
struct InstanceLife: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let contents: DiskContents
    let catalogue: ImageCatalogue
    let tools: any MachineTools
    let guests: Guests
    let engine: any WorkloadEngine
    let credentials: any ImageCredentials
    let logins: any MachineLogins
    let projectMetadata: ProjectMethods
    let changes: ChangeLog
    let sessions: MachineSessions
    let walls: Walls
    let spares: SpareMachines
    let bursts: MachineBursts
    /// Users are written by one at a time.
    let userTurns = Turns<WorkloadName>()
    /// Whether instances run without the accelerators that they ask for, and say so.
    let simulatesAccelerators: Bool
    /// Whether instances have a kernel of their own when they do not say it.
    let prefersVirtualMachines: Bool
    /// How long a Spot instance that is to be deleted is still there.
    let preemptionNotice: Duration
    let logger: Logger

    static let kindLabel = ["kind": "instance"]

    /// The workload of an instance, for as long as it exists.
    static func workload(of instance: JSON) -> WorkloadName { WorkloadName("instance-\(instance["id"]?.string ?? "")") }

    /// Checks what can be checked before a row is made.
    func check(_ instance: JSON) throws {
        try RunLimit.check(instance["scheduling"])
        try HostName.check(instance)
        try NetworkTags.check(instance["tags"])
        _ = try asksForOwnKernel(instance)
    }

    // MARK: Operations

    /// The methods whose operations start or stop a machine: while one is at work, nobody else does.
    static let lifeMethods: Set<String> = Set(
        [
            "insert", "start", "stop", "suspend", "resume", "reset", "delete", "simulateMaintenanceEvent", "preempted",
        ].map { "compute.instances.\($0)" }
    )

    func register() async {
        let works: [(String, @Sendable (ResourceKey, Operations.Operation) async throws -> Void)] = [
            ("insert", insert), ("start", start), ("stop", stop), ("suspend", suspend), ("resume", resume),
            ("reset", reset), ("delete", delete), ("simulateMaintenanceEvent", maintain), ("setMetadata", refresh),
            ("setMachineType", resize), ("attachDisk", attach), ("detachDisk", detach), ("setLabels", tell),
            ("setTags", retag), ("setScheduling", tell), ("setDiskAutoDelete", tell), ("setDeletionProtection", tell),
            ("setServiceAccount", tell), ("addAccessConfig", readdress), ("deleteAccessConfig", readdress),
            ("updateAccessConfig", tell), ("setName", tell), ("setMinCpuPlatform", tell), ("update", update),
            ("setMachineResources", update), ("updateDisplayDevice", tell), ("updateShieldedInstanceConfig", tell),
            ("setShieldedInstanceIntegrityPolicy", tell), ("preempted", preempt),
        ]
        for (verb, work) in works { await changes.register("compute.instances.\(verb)", work) }
        await changes.runner.register("compute.projects.setCommonInstanceMetadata", handler: refreshProject)
    }

    /// Whether an operation is about to start or stop an instance.
    func isChanging(_ key: ResourceKey) async throws -> Bool {
        try await changes.runner.isChanging(key.resourceName.description, by: Self.lifeMethods)
    }

    private func insert(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        do {
            try await bringUp(key)
        } catch {
            // What could not be made leaves nothing behind, as at Google.
            if error is CancellationError || Task.isCancelled { throw error }
            do {
                // The row may be gone already, when somebody deleted it meanwhile: the machine must still go.
                try await discard(
                    instance,
                    key,
                    andDisks: Set((operation.input["newDisks"]?.array ?? []).compactMap(\.string))
                )
            } catch {
                logger.error("cannot clear away: \(error)", metadata: ["instance": "\(key.resourceName)"])
                try await setStatus(key, "TERMINATED")
            }
            throw error
        }
    }

    func start(_ key: ResourceKey, _: Operations.Operation) async throws {
        do {
            try await bringUp(key)
        } catch {
            if !(error is CancellationError || Task.isCancelled) { try await setStatus(key, "TERMINATED") }
            throw error
        }
    }

    /// Holds a machine where it is. Its memory stays in the computer's: a restart of the computer ends it.
    private func suspend(_ key: ResourceKey, _: Operations.Operation) async throws {
        let instance = try await store.get(key)
        await endBurst(key)
        // What writes its users would wait for it as long as it is held.
        let workload = Self.workload(of: instance)
        try await userTurns.take(workload) { try await engine.pause(workload) }
        // Its kernel is the computer's, which would go on taking connections that nobody answers.
        try await walls.close(instance)
        try await setStatus(key, "SUSPENDED") { instance in
            instance["lastSuspendedTimestamp"] = .string(Timestamp.text(changes.now()))
        }
    }

    private func resume(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        let workload = Self.workload(of: instance)
        guard try await engine.status(of: workload)?.isRunning ?? false else { return try await start(key, operation) }
        try await engine.resume(workload)
        await endBurst(key)
        try await walls.raise(for: instance, key)
        // Who may log in may have changed meanwhile.
        try await applyUsers(instance, key)
        try await setStatus(key, "RUNNING")
    }

    private func reset(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        try await engine.stop(Self.workload(of: instance), grace: .zero)
        try await start(key, operation)
    }

    private func resize(_ key: ResourceKey, _: Operations.Operation) async throws {
        let instance = try await store.get(key)
        if try await engine.status(of: Self.workload(of: instance)) != nil {
            try await engine.resize(Self.workload(of: instance), to: Self.resources(of: instance))
        }
        try await show(instance, key)
    }

    /// Shows a machine its new metadata; the keys of its users work when the operation is done.
    private func refresh(_ key: ResourceKey, _: Operations.Operation) async throws {
        let instance = try await store.get(key)
        try await show(instance, key)
        if instance["status"]?.string == "RUNNING" { try await applyUsers(instance, key) }
    }

    /// Shows a machine what else has changed of it.
    private func tell(_ key: ResourceKey, _: Operations.Operation) async throws {
        try await show(try await store.get(key), key)
    }

    /// Shows a machine its new tags, and lets the firewall know it by them.
    private func retag(_ key: ResourceKey, _: Operations.Operation) async throws {
        let instance = try await store.get(key)
        try await show(instance, key)
        if instance["status"]?.string == "RUNNING" { try await walls.raise(for: instance, key) }
    }

    /// Leads a reserved address to the machine that has it now, or away from the one that had it.
    private func readdress(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        if let address = operation.input["natIP"]?.string, Address.isReserved(address) {
            try await follow(address, in: key.project, leaving: InstancePlace(of: instance).engineNetwork)
        }
        try await show(instance, key)
    }

    /// Makes the engine lead a reserved address to whom the rows say that it belongs to.
    ///
    /// - Parameter network: The engine's network of a machine that may have had it before.
    func follow(_ address: String, in project: String, leaving network: String? = nil) async throws {
        let user = try await store.database.read { try Address.user(of: address, in: project, $0) }
        let place = user.map { InstancePlace(of: $0).engineNetwork }
        if let network, network != place { try await engine.lead(address, to: nil, in: network) }
        let target = user?["networkInterfaces"]?[0]?["networkIP"]?.string ?? ""
        guard let place, !target.isEmpty else { return }
        try await engine.lead(address, to: target, in: place)
    }

    /// Brings the users of running machines with OS Login to who may log in now.
    ///
    /// - Parameter project: Whose machines; nil: of all projects.
    func refreshLogins(of project: String?) async throws {
        await forEachRunning(try await store.list("instances", project: project), refreshLogins)
    }

    /// Brings the users of one instance to who may log in now, if it runs with OS Login.
    func refreshLogins(of key: ResourceKey) async throws {
        guard let instance = try await store.find(key) else { return }
        await forEachRunning([(key, instance)], refreshLogins)
    }

    @Sendable private func refreshLogins(_ key: ResourceKey, _ instance: JSON) async throws {
        if try await usesOSLogin(instance, key) { try await applyUsers(instance, key) }
    }

    private func refreshProject(_ operation: Operations.Operation) async throws -> JSON {
        let instances = try await store.list("instances", project: operation.project)
        await forEachRunning(instances) { key, _ in try await refresh(key, operation) }
        return [:]
    }

    /// How long a change of what concerns many machines waits for one that does not answer.
    private static let patience: Duration = .seconds(30)

    /// Does something with all machines that run; what fails with one is logged.
    private func forEachRunning(
        _ instances: [(key: ResourceKey, resource: JSON)],
        _ work: @escaping @Sendable (ResourceKey, JSON) async throws -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            for (key, instance) in instances where instance["status"]?.string == "RUNNING" {
                group.addTask {
                    let metadata: Logger.Metadata = ["instance": "\(key.resourceName)"]
                    let isDone = await finishes(within: Self.patience) {
                        do {
                            try await work(key, instance)
                        } catch {
                            logger.warning("cannot refresh a machine: \(error)", metadata: metadata)
                        }
                    }
                    if !isDone { logger.warning("a machine does not answer", metadata: metadata) }
                }
            }
        }
    }

    /// Does something, and gives it up when it takes longer than `limit`.
    func finishes(within limit: Duration, _ work: @escaping @Sendable () async -> Void) async -> Bool {
        await withTaskGroup { group in
            group.addTask {
                await work()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            let isDone = await group.next() ?? false
            group.cancelAll()
            return isDone
        }
    }

    /// Gives the metadata server what it is to say; nothing before the machine has its place.
    func show(
        _ instance: JSON,
        _ key: ResourceKey,
        maintenance: String = "NONE",
        isPreempted: Bool = false
    ) async throws {
        guard !(instance["networkInterfaces"]?[0]?["networkIP"]?.string ?? "").isEmpty else { return }
        var guest = try await guest(of: instance, key)
        guest.instance["maintenanceEvent"] = .string(maintenance)
        guest.instance["preempted"] = isPreempted ? "TRUE" : "FALSE"
        try await guests.update(guest, owner: Self.workload(of: instance).text)
    }

    // MARK: Looking

    /// What the machine has written to its console.
    func console(of instance: JSON) async throws -> [UInt8] {
        var output = Array(GuestAccelerators.notice(of: instance).utf8)
        do {
            let chunks = try await engine.logs(of: Self.workload(of: instance), part: "machine", follow: false)
            for try await chunk in chunks { output += chunk.bytes.readableBytesView }
        } catch EngineError.notFound {}  // Not made yet.
        return output
    }

    func guestAttributes(of instance: JSON, namespace: String?) async throws -> [GuestAttribute] {
        try await guests.attributes(of: Self.workload(of: instance).text, namespace: namespace)
    }

    // MARK: - Shared

    func guest(of instance: JSON, _ key: ResourceKey) async throws -> Guest {
        let place = InstancePlace(of: instance)
        let ranges = try await place.ranges(store: store)
        let made = try await guests.network(place.engineNetwork)?.subnet
        let disks = (instance["disks"]?.array ?? []).map { $0["source"]?.string.map { Disk.key(of: $0, like: key) } }
        return InstanceGuest.make(
            instance,
            project: try await projects.project(key.project),
            projectMetadata: try await projectMetadata.metadata(of: key.project),
            disks: try await store.database.read { db in
                try disks.map { disk in try disk.flatMap { try ResourceStore.fetch($0, in: db) } ?? [:] }
            },
            ranges: [ranges.part ?? ranges.network, made ?? ""].compactMap { AddressRange($0) }
        )
    }

    static func resources(of instance: JSON) -> Resources {
        let type = MachineType.named(ResourceName(parsing: instance["machineType"]?.string ?? "").last)
        return Resources(milliCPUs: type?.milliCPUs ?? 0, memoryBytes: Int64(type?.memoryMiB ?? 0) << 20)
    }

    func setStatus(
        _ key: ResourceKey,
        _ status: String,
        because reason: String? = nil,
        _ change: @escaping @Sendable (inout JSON) -> Void = { _ in }
    ) async throws {
        try await store.update(key) { instance in
            change(&instance)
            Self.turn(&instance, to: status, because: reason)
        }
    }

    /// Gives an instance a status, and brings what it shows of its machine to that.
    ///
    /// - Parameter reason: Why, where nobody asked for it.
    static func turn(_ instance: inout JSON, to status: String, because reason: String? = nil) {
        instance["status"] = .string(status)
        instance["statusMessage"] = reason.map { .string($0) }
        settle(&instance)
    }

    /// Brings what an instance shows of its machine to its status.
    static func settle(_ instance: inout JSON) {
        AccessConfig.settle(&instance)
        RunLimit.settle(&instance)
        let isOff = instance["status"]?.string == "TERMINATED"
        instance["cpuPlatform"] = .string(isOff ? MachineType.noPlatform : MachineType.platform(of: instance))
    }

    /// Changes a status that is still what it was.
    ///
    /// - Returns: Whether this call has changed it.
    func claim(_ key: ResourceKey, from: String, to status: String, because reason: String? = nil) async throws -> Bool
    {
        try await store.database.write { db in
            guard let instance = try ResourceStore.fetch(key, in: db), instance["status"]?.string == from else {
                return false
            }
            _ = try ResourceStore.update(key, in: db) { Self.turn(&$0, to: status, because: reason) }
            return true
        }
    }
}
