import APIServer
import Foundation
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import NIOCore
import Synchronization
import Workloads

// How a machine is made and started.
extension InstanceLife {
    /// Makes the machine if it is not there, starts it if it does not run, and lets its users in.
    ///
    /// - Throws: ``GoogleError`` `ZONE_RESOURCE_POOL_EXHAUSTED` when its accelerators are not to be had.
    func bringUp(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        let wanted = simulatesAccelerators ? nil : GuestAccelerators.wanted(by: instance)
        guard let wanted else { return try await bringUp(instance, key) }
        do {
            // Asked first: nothing need be fetched for what cannot be had.
            guard try await engine.capabilities().accelerators[wanted.kind] ?? 0 > 0 else {
                throw EngineError.insufficient(GuestAccelerators.missing(of: instance))
            }
            try await bringUp(instance, key)
        } catch EngineError.insufficient(let why) {
            throw GoogleError.zoneExhausted(key.place, why: why)
        } catch EngineError.busy(let why) {
            throw GoogleError.zoneExhausted(key.place, why: why)
        }
    }

    private func bringUp(_ row: JSON, _ key: ResourceKey) async throws {
        var done: MachinePlan?
        spares.startBegins()
        defer { spares.startEnds(of: done) }
        var instance = row
        let workload = Self.workload(of: instance)
        try await setStatus(key, "STAGING")
        let made = try await engine.status(of: workload)
        let goesOn = made?.isRunning ?? false
        // A container with another declaration is another container; the machine around it keeps its name.
        let isOther = made.map { ContainerDeclaration.isOther(than: $0.labels, in: instance) } ?? false
        var isServed = false
        var plan: MachinePlan?
        if made == nil || isOther {
            try await spares.clear()
            let new = try await self.plan(instance, key)
            plan = new
            if made == nil, let adopted = try await adopt(new, instance, key) {
                (instance, isServed) = (adopted, true)
            } else {
                instance = try await create(new, instance, key, replacing: isOther)
            }
        } else {
            let place = InstancePlace(of: instance)
            _ = try await ensureNetwork(of: place, try await place.ranges(store: store).network)
            if !goesOn { try await engine.resize(workload, to: MachineBursts.beginning(of: instance)) }
        }
        if !isServed { try await engine.start(workload) }
        for address in Address.reserved(of: instance) { try await follow(address, in: key.project) }
        try await letIn(instance, key, isServed: isServed)
        if goesOn { await endBurst(key) } else if MachineBursts.has(instance) { bursts.begin(key) }
        try await setStatus(key, "RUNNING") { instance in
            // A machine that ran all the while, when only the daemon was started anew, has not been started.
            let start = instance["lastStartTimestamp"]?.string ?? ""
            if !goesOn || start <= instance["lastStopTimestamp"]?.string ?? "" {
                instance["lastStartTimestamp"] = .string(Timestamp.text(changes.now()))
            }
        }
        // A role that was given or taken while it started has told running machines alone.
        try await refreshLogins(of: key)
        done = plan
    }

    /// Gives an instance a machine that runs already.
    ///
    /// - Returns: The instance with its address; nil when there is no such machine to be had.
    private func adopt(_ plan: MachinePlan, _ instance: JSON, _ key: ResourceKey) async throws -> JSON? {
        guard plan.isCommon, let spare = await spares.take(plan.kind) else { return nil }
        let workload = Self.workload(of: instance)
        do {
            guard let status = try await engine.status(of: spare), status.isRunning,
                // It may have been reserved since.
                try await !Address.kept(in: key.project, store: store).contains(status["machine"]?.address ?? "")
            else {
                await spares.discard(spare)
                return nil
            }
            try await engine.resize(spare, to: plan.spec.process.resources)
            // The place comes first: a machine that has its name has everything.
            let guest = try await guest(of: instance, key)
            guard let place = try await guests.handOver(from: spare.text, to: workload.text, as: guest) else {
                await spares.discard(spare)
                return nil
            }
            let addressed = try await note(place, of: key)
            try await guests.update(try await self.guest(of: addressed, key), owner: workload.text)
            try await engine.rename(spare, to: workload)
            return addressed
        } catch {
            // It has the instance's address, unless it has its name already.
            await spares.discard(spare)
            guard error is EngineError else { throw error }
            logger.warning("a spare machine is of no use: \(error)", metadata: ["instance": "\(key.resourceName)"])
            return nil
        }
    }

    /// Writes a machine's address into its instance.
    private func note(_ place: GuestPlace, of key: ResourceKey) async throws -> JSON {
        try await store.update(key) { instance in
            guard let address = place.address else { return }
            var interface = instance["networkInterfaces"]?[0] ?? [:]
            interface["networkIP"] = .string(address)
            interface["accessConfigs"] = .array(
                (interface["accessConfigs"]?.array ?? []).map { AccessConfig.addressed($0, at: address) }
            )
            instance["networkInterfaces"] = [interface]
        }
    }

    /// The files by which ssh clients know a machine again.
    private func hostKey(of workload: WorkloadName) async throws -> [FileSpec] {
        let files = Mutex<[FileSpec]>([])
        for path in GuestTools.hostKeyFiles {
            _ = try await engine.read(path, of: workload, part: "machine") { file in
                let content = try await file.content.collect(upTo: 1 << 16)
                files.withLock {
                    $0.append(FileSpec(path: path, content: Array(content.readableBytesView), mode: 0o600))
                }
            }
        }
        return files.withLock { $0 }
    }

    private func create(
        _ plan: MachinePlan,
        _ instance: JSON,
        _ key: ResourceKey,
        replacing: Bool
    ) async throws -> JSON {
        let workload = Self.workload(of: instance)
        let description = try await ensureNetwork(of: plan.place, plan.ranges.network)
        let wanted = instance["networkInterfaces"]?[0]?["networkIP"]?.string ?? ""
        // One that nobody has is not to stand in the way of who wants an address.
        if !wanted.isEmpty { await spares.discardAll(in: plan.network) }
        let place = try await guests.admit(
            try await guest(of: instance, key),
            to: plan.network,
            within: description.subnet == plan.ranges.network ? plan.ranges.part : nil,
            wanting: wanted.isEmpty ? nil : wanted,
            besides: try await Address.kept(in: key.project, store: store),
            owner: workload.text
        )
        let addressed = try await note(place, of: key)
        let guest = try await guest(of: addressed, key)
        try await guests.update(guest, owner: workload.text)
        var spec = self.workload(plan, named: workload, host: key.name, as: guest, at: place)
        spec.labels.merge(ContainerDeclaration.labels(of: instance)) { $1 }
        if replacing {
            // Only now: what cannot be made anew stays as it was.
            if case .machine(var machine) = spec.shape {
                machine.process.files += try await hostKey(of: workload)
                spec.shape = .machine(machine)
            }
            try await engine.remove(workload)
        }
        try await engine.create(spec)
        return addressed
    }

    /// Makes the engine's network of a place; it is one with those of the other subnetworks.
    func ensureNetwork(of place: InstancePlace, _ range: String) async throws -> NetworkDescription {
        try await guests.ensureNetwork(
            place.engineNetwork,
            subnet: range,
            labels: [Guests.wholeLabel: place.network.resourceName.description]
        )
    }

    /// A machine with a name, in its place.
    func workload(
        _ plan: MachinePlan,
        named name: WorkloadName,
        host: String,
        as guest: Guest,
        at place: GuestPlace
    ) -> WorkloadSpec {
        var machine = plan.spec
        machine.process.hostname = host
        guests.surround(&machine.process, as: guest, at: place)
        let servers = machine.process.network?.nameServers ?? []
        // Names are the daemon's to tell, where it can, which knows when they change.
        machine.process.files.append(
            GuestTools.resolver(servers, searching: machine.process.network?.searchDomains ?? [])
        )
        if servers.isEmpty {
            machine.process.network?.aliases = [host, "\(host).\(HostName.domain(plan.zone, of: plan.project.id))"]
        }
        machine.process.files += Self.surroundingFiles(machine.process.environment)
        machine.process.files.append(GuestTools.identity(name.text))
        return WorkloadSpec(
            name: name,
            labels: Self.kindLabel.merging(["project": plan.project.id]) { $1 },
            shape: .machine(machine)
        )
    }

    /// What an instance's machine is made of; what is not there yet (its image, the programs around it) is fetched or made.
    private func plan(_ instance: JSON, _ key: ResourceKey) async throws -> MachinePlan {
        let place = InstancePlace(of: instance)
        let ranges = try await place.ranges(store: store)
        let (spec, isPublic) = try await machine(instance, key)
        // Names of machines that get theirs later are told by the daemon's name server.
        let canBeNamed = try await engine.capabilities().doors
        let hasOwn =
            spec.process.mounts.contains { if case .volume = $0.source { true } else { false } }
            || spec.process.accelerators != nil
            || !(instance["networkInterfaces"]?[0]?["networkIP"]?.string ?? "").isEmpty
        return MachinePlan(
            spec: spec,
            project: try await projects.project(key.project),
            zone: key.zone ?? "",
            place: place,
            ranges: ranges,
            isCommon: isPublic && !hasOwn && canBeNamed,
            imageID: try await engine.image(spec.process.image)?.id ?? ""
        )
    }

    /// The image and the process that the machine starts with, and whether its disk is a public image's.
    private func machine(_ instance: JSON, _ key: ResourceKey) async throws -> (MachineSpec, isPublic: Bool) {
        let spec: MachineSpec
        var isPublic = false
        var publicImage: CatalogueEntry?
        if let declaration = try ContainerDeclaration.read(from: instance) {
            let container = declaration.container
            let reference = ImageReference(container.image)
            let account = instance["serviceAccounts"]?[0]?["email"]?.string
            let image = try await catalogue.ensure(
                reference,
                credential: try await credentials.credential(for: reference, account: account),
                refresh: true
            )
            var process = ProcessSpec(image: image)
            // The machine stays when its container's program ends, as the one at Google around the container does.
            process.entrypoint = [GuestTools.path + "/bin/busybox", "tail", "-f", "/dev/null"]
            process.arguments = []
            process.user = "0"
            process.environment = Dictionary(
                (container.env ?? []).map { ($0.name, $0.value ?? "") },
                uniquingKeysWith: { $1 }
            )
            process.mounts = catalogue.hostMounts(for: image) + declaration.memoryMounts
            process.files = [GuestTools.container(container.name ?? key.name)]
            // An image with an init of its own boots, as on a machine of its own.
            spec = MachineSpec(process: process, bootsInit: true)
        } else {
            let disk = Disk.key(of: instance["disks"]?[0]?["source"]?.string ?? "", like: key)
            let row = try await store.get(disk)
            let (image, entry) = try await contents.bootImage(of: row)
            publicImage = entry
            isPublic = entry != nil && image != DiskContents.image(of: row)
            var process = ProcessSpec(image: image)
            process.mounts = entry?.hostTools.compactMap { $0.mount() } ?? []
            process.environment["PATH"] = Self.path(with: entry?.hostTools ?? [])
            // systemd gives a machine without an ID a new one; a copied disk has another machine's.
            process.files = ["/etc/machine-id", "/var/lib/dbus/machine-id"].map { FileSpec(path: $0, content: []) }
            spec = MachineSpec(process: process, bootsInit: true)
        }
        var machine = spec
        // Where volumes are within reach they are attached at each start: they may come and go. An image may have a volume
        // of its own where a container declares a disk: such a disk is there before.
        let givenNow =
            try await engine.capabilities().volumeAccess
            ? ContainerDeclaration.declaredDisks(of: instance)
            : (instance["disks"]?.array ?? []).filter { !($0["boot"]?.bool ?? false) }
        for disk in givenNow { machine.process.mounts.append(try await mount(disk, of: instance, key)) }
        if !simulatesAccelerators { machine.process.accelerators = GuestAccelerators.wanted(by: instance) }
        machine.process.mounts.append(try await tools.mount())
        if try isVirtualMachine(instance, of: publicImage) {
            guard try await engine.capabilities().virtualMachines else {
                throw EngineError.refused(
                    """
                    This engine has no machines with a kernel of their own: run Brume as root beside the engine, on a \
                    computer with /dev/net/tun, or give it the label '\(Self.engineLabel)=docker'.
                    """
                )
            }
            let (monitor, mount) = try await tools.virtualMachines()
            machine.monitor = monitor
            machine.process.mounts.append(mount)
        }
        machine.wrapper = GuestTools.wrapper
        machine.process.resources = MachineBursts.beginning(of: instance)
        return (machine, isPublic)
    }

    /// Debian's own path, and the programs of the tools that the image shares with the daemon's machine.
    private static func path(with tools: [HostTools]) -> String {
        (["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] + tools.map(\.programs))
            .joined(separator: ":")
    }

    /// Where the surroundings must stand for sessions and services that do not inherit the first process's environment.
    private static func surroundingFiles(_ environment: [String: String]) -> [FileSpec] {
        let lines = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
        let names = environment.keys.sorted().map { "\"\($0)=\(environment[$0] ?? "")\"" }.joined(separator: " ")
        return [
            FileSpec(path: "/etc/environment", content: Array((lines.joined(separator: "\n") + "\n").utf8)),
            FileSpec(
                path: "/etc/systemd/system.conf.d/brume.conf",
                content: Array("[Manager]\nDefaultEnvironment=\(names)\n".utf8)
            ),
        ]
    }
}
