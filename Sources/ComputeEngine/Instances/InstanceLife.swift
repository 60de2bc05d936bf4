import APIServer
import Foundation
import GRDB
import GoogleAPI
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

/// What makes a machine of any image reachable, mounted at ``GuestTools/path``.
package protocol MachineTools: Sendable {
    /// - Throws: ``EngineError/unavailable(_:)`` when they cannot be made on this machine, with the remedy.
    func mount() async throws -> Mount
}

extension GuestTools: MachineTools {}

/// The work behind instances: it brings a machine to what its row says.
///
/// Every step may be repeated.
struct InstanceLife: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let images: ImageMethods
    let catalogue: ImageCatalogue
    let tools: any MachineTools
    let guests: Guests
    let engine: any WorkloadEngine
    let credentials: any ImageCredentials
    let projectMetadata: ProjectMethods
    let sessions: MachineSessions
    let logger: Logger

    static let kindLabel = ["kind": "instance"]

    /// The workload of an instance, for as long as it exists.
    static func workload(of instance: JSON) -> WorkloadName { WorkloadName("instance-\(instance["id"]?.string ?? "")") }

    func capabilities() async throws -> EngineCapabilities { try await engine.capabilities() }

    /// Checks what can be checked before a row is made.
    func check(_ instance: JSON) throws { _ = try ContainerDeclaration.read(from: instance) }

    // MARK: Operations

    func register(on runner: OperationRunner) async {
        await runner.register("compute.instances.insert", handler: work(insert))
        await runner.register("compute.instances.start", handler: work(start))
        await runner.register("compute.instances.stop", handler: work(stop))
        await runner.register("compute.instances.reset", handler: work(reset))
        await runner.register("compute.instances.delete", handler: work(delete))
        await runner.register("compute.instances.setMetadata", handler: work(refresh))
        await runner.register("compute.instances.setMachineType", handler: work(resize))
        for verb in ["setLabels", "setTags", "setScheduling", "setDiskAutoDelete", "setDeletionProtection"] {
            await runner.register("compute.instances.\(verb)", handler: work(refresh))
        }
        await runner.register("compute.projects.setCommonInstanceMetadata", handler: refreshProject)
        for method in ["compute.firewalls.insert", "compute.firewalls.delete"] {
            await runner.register(method) { _ in [:] }
        }
    }

    private func work(_ perform: @escaping @Sendable (ResourceKey) async throws -> Void) -> OperationRunner.Handler {
        { operation in
            let name = ResourceName(parsing: operation.target)
            let key = ResourceKey(
                project: operation.project,
                scope: operation.scope,
                collection: "instances",
                name: name.last
            )
            do {
                try await perform(key)
            } catch let error as EngineError {
                throw error.asGoogleError
            }
            return [:]
        }
    }

    private func insert(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        do {
            try await bringUp(key)
        } catch {
            // What could not be made leaves nothing behind, as at Google.
            if error is CancellationError || Task.isCancelled { throw error }
            // The row may be gone already, when somebody deleted it meanwhile: the machine must still go.
            try await discard(instance, key, keepingDisks: false)
            throw error
        }
    }

    private func start(_ key: ResourceKey) async throws {
        do {
            try await bringUp(key)
        } catch {
            if !(error is CancellationError) { try await setStatus(key, "TERMINATED") }
            throw error
        }
    }

    private func stop(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        guard instance["status"]?.string != "TERMINATED" else { return }
        try await engine.stop(Self.workload(of: instance), grace: .seconds(90))
        try await setStatus(key, "TERMINATED")
    }

    private func reset(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        do {
            // While it is not RUNNING, its end is not taken for one that came by itself.
            try await setStatus(key, "STAGING")
            try await engine.stop(Self.workload(of: instance), grace: .zero)
            try await bringUp(key)
        } catch {
            if !(error is CancellationError) { try await setStatus(key, "TERMINATED") }
            throw error
        }
    }

    private func delete(_ key: ResourceKey) async throws {
        do {
            let instance = try await store.get(key)
            try await engine.stop(Self.workload(of: instance), grace: .seconds(30))
            try await discard(instance, key, keepingDisks: true)
        } catch let error as GoogleError where error.status == .notFound {
            return  // An earlier run got this far.
        }
    }

    private func resize(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        try await engine.resize(Self.workload(of: instance), to: Self.resources(of: instance))
    }

    /// Shows a running machine its new metadata, ssh keys first of all.
    private func refresh(_ key: ResourceKey) async throws {
        let instance = try await store.get(key)
        let guest = try await guest(of: instance, key)
        if try await isAdmitted(instance) { try await guests.update(guest, owner: Self.workload(of: instance).text) }
        if instance["status"]?.string == "RUNNING" { try await applyUsers(instance, key) }
    }

    private func refreshProject(_ operation: Operations.Operation) async throws -> JSON {
        for (key, instance) in try await store.list("instances", project: operation.project)
        where instance["status"]?.string == "RUNNING" {
            do {
                try await refresh(key)
            } catch let error as EngineError {
                logger.warning("cannot refresh a machine: \(error)", metadata: ["instance": "\(key.resourceName)"])
            }
        }
        return [:]
    }

    private func isAdmitted(_ instance: JSON) async throws -> Bool {
        !(instance["networkInterfaces"]?[0]?["networkIP"]?.string ?? "").isEmpty
    }

    // MARK: Bringing up

    /// Makes the machine if it is not there, starts it if it does not run, and lets its users in.
    func bringUp(_ key: ResourceKey) async throws {
        var instance = try await store.get(key)
        let workload = Self.workload(of: instance)
        if try await engine.status(of: workload) == nil {
            try await setStatus(key, "STAGING")
            instance = try await create(instance, key)
        } else {
            _ = try await guests.ensureNetwork(Self.network(key.project), subnet: Self.range)
        }
        try await engine.start(workload)
        let start = try await startTime(of: instance)
        try await letIn(instance, key, isNewStart: start != instance["lastStartTimestamp"]?.string)
        try await setStatus(key, "RUNNING") { $0["lastStartTimestamp"] = .string(start) }
    }

    /// A machine runs that was started by itself, or by a call whose row says so already.
    func heedStart(_ instance: JSON, _ key: ResourceKey) async throws {
        let start = try await startTime(of: instance)
        guard start != instance["lastStartTimestamp"]?.string else { return }
        try await letIn(instance, key, isNewStart: true)
        try await store.update(key) { $0["lastStartTimestamp"] = .string(start) }
    }

    /// When the engine started the machine; the row's `lastStartTimestamp` tells which start was attended to.
    private func startTime(of instance: JSON) async throws -> String {
        let status = try await engine.status(of: Self.workload(of: instance))
        return Timestamp.text(status?["machine"]?.startTime ?? projectMetadata.changes.now())
    }

    /// Starts the ssh server and applies the users' keys; the startup script runs once for each start of the machine.
    private func letIn(_ instance: JSON, _ key: ResourceKey, isNewStart: Bool) async throws {
        let workload = Self.workload(of: instance)
        let server = try await engine.exec(GuestTools.startServer, in: workload, part: "machine")
        sessions.keep(server)
        try await applyUsers(instance, key)
        if isNewStart, let script = Metadata.value("startup-script", in: instance["metadata"]), !script.isEmpty {
            try await runOnConsole(script, in: workload)
        }
    }

    private func applyUsers(_ instance: JSON, _ key: ResourceKey) async throws {
        var keys = Metadata.value("ssh-keys", in: instance["metadata"]) ?? ""
        let blocksProject = Metadata.value("block-project-ssh-keys", in: instance["metadata"])?.lowercased() == "true"
        if !blocksProject {
            let metadata = try await projectMetadata.metadata(of: key.project)
            keys += "\n" + (Metadata.value("ssh-keys", in: metadata) ?? "")
        }
        let session = try await engine.exec(
            GuestTools.applyUsers,
            in: Self.workload(of: instance),
            part: "machine"
        )
        try await session.write(ByteBuffer(string: keys + "\n"))
        try await session.finishInput()
        for try await _ in session.output {}
        let code = try await session.exitCode()
        if code != 0 {
            logger.warning("applying ssh keys ended with \(code)", metadata: ["instance": "\(key.resourceName)"])
        }
    }

    /// Runs a script inside, its output on the serial port.
    private func runOnConsole(_ script: String, in workload: WorkloadName) async throws {
        let command = """
            f=/.brume-run/startup-script; /.brume/bin/busybox cat > $f; /.brume/bin/busybox chmod 700 $f
            exec $f > /proc/1/fd/1 2>&1
            """
        let session = try await engine.exec(
            ExecSpec(["/.brume/bin/sh", "-c", command], user: "0"),
            in: workload,
            part: "machine"
        )
        let text = script.hasPrefix("#!") ? script : "#!/.brume/bin/sh\n" + script
        try await session.write(ByteBuffer(string: text))
        try await session.finishInput()
        sessions.keep(session)
    }

    private func create(_ instance: JSON, _ key: ResourceKey) async throws -> JSON {
        let process = try await prepare(instance, key)
        let network = Self.network(key.project)
        let description = try await guests.ensureNetwork(network, subnet: Self.range)
        let region = Region.ofZone(key.zone ?? "")
        let wanted = instance["networkInterfaces"]?[0]?["networkIP"]?.string ?? ""
        let place = try await guests.admit(
            try await guest(of: instance, key),
            to: network,
            within: description.subnet == Self.range ? region?.range : nil,
            wanting: wanted.isEmpty ? nil : wanted,
            owner: Self.workload(of: instance).text
        )
        let addressed = try await store.update(key) { instance in
            guard let address = place.address else { return }
            var interface = instance["networkInterfaces"]?[0] ?? [:]
            interface["networkIP"] = .string(address)
            // The machine's own address is reached from this computer: it is its external one too.
            interface["accessConfigs"] = .array(
                (interface["accessConfigs"]?.array ?? []).map { config in
                    var config = config
                    config["kind"] = "compute#accessConfig"
                    config["natIP"] = .string(address)
                    return config
                }
            )
            instance["networkInterfaces"] = [interface]
        }
        let guest = try await guest(of: addressed, key)
        try await guests.update(guest, owner: Self.workload(of: instance).text)
        var spec = process
        spec.process.network = NetworkAttachment(
            network: network,
            address: place.address,
            aliases: [key.name, "\(key.name).\(key.zone ?? "").c.\(key.project).internal"]
        )
        guests.surround(&spec.process, as: guest, at: place)
        spec.process.files += Self.surroundingFiles(spec.process.environment)
        try await engine.create(
            WorkloadSpec(
                name: Self.workload(of: instance),
                labels: Self.kindLabel.merging(["project": key.project]) { $1 },
                shape: .machine(spec)
            )
        )
        return addressed
    }

    /// The image and the process that the machine starts with.
    private func prepare(_ instance: JSON, _ key: ResourceKey) async throws -> MachineSpec {
        let spec: MachineSpec
        if let container = try ContainerDeclaration.read(from: instance) {
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
            process.mounts = catalogue.hostMounts(for: image)
            spec = MachineSpec(process: process, bootsInit: false)
        } else {
            let disk = ResourceName(parsing: instance["disks"]?[0]?["source"]?.string ?? "").last
            var diskKey = key
            diskKey.collection = "disks"
            diskKey.name = disk
            let source = try await store.get(diskKey)["sourceImage"]?.string ?? ""
            let (_, entry) = try images.resolve(sourceImage: source, project: key.project)
            let image = try await catalogue.ensure(entry) { [logger] line in
                logger.info("\(line)", metadata: ["image": "\(entry.name)"])
            }
            var process = ProcessSpec(image: image)
            process.mounts = catalogue.hostMounts(for: image)
            process.environment["PATH"] = Self.path(with: entry.hostTools)
            spec = MachineSpec(process: process, bootsInit: true)
        }
        var machine = spec
        machine.process.mounts.append(try await tools.mount())
        machine.process.hostname = key.name
        machine.process.resources = Self.resources(of: instance)
        return machine
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

    // MARK: Leaving

    /// Removes the machine, its place and its rows; disks that are not to be deleted with it stay.
    private func discard(_ instance: JSON, _ key: ResourceKey, keepingDisks: Bool) async throws {
        let workload = Self.workload(of: instance)
        try await engine.remove(workload)
        try await guests.release(owner: workload.text)
        try await store.database.write { db in
            // Another instance may have the name by now.
            guard try ResourceStore.fetch(key, in: db)?["id"] == instance["id"] else { return }
            for disk in instance["disks"]?.array ?? [] {
                var diskKey = key
                diskKey.collection = "disks"
                diskKey.name = ResourceName(parsing: disk["source"]?.string ?? "").last
                if keepingDisks, !(disk["autoDelete"]?.bool ?? true) {
                    _ = try ResourceStore.update(diskKey, in: db) { $0["users"] = nil }
                } else {
                    try ResourceStore.delete(diskKey, in: db)
                }
            }
            try ResourceStore.delete(key, in: db)
        }
    }

    // MARK: Looking

    /// What the machine has written to its console.
    func console(of instance: JSON) async throws -> [UInt8] {
        var output: [UInt8] = []
        do {
            let chunks = try await engine.logs(of: Self.workload(of: instance), part: "machine", follow: false)
            for try await chunk in chunks { output += chunk.bytes.readableBytesView }
        } catch EngineError.notFound {
            return []  // Not made yet.
        }
        return output
    }

    func guestAttributes(of instance: JSON, namespace: String?) async throws -> [GuestAttribute] {
        try await guests.attributes(of: Self.workload(of: instance).text, namespace: namespace)
    }

    // MARK: - Shared

    /// One network for each project: Google's default network spans all regions.
    static func network(_ project: String) -> String { "vpc-\(project)" }
    /// Holds the ranges of all regions that Brume has; Google's own /9 would hide more of the machine's network.
    static let range = "10.128.0.0/10"

    private func guest(of instance: JSON, _ key: ResourceKey) async throws -> Guest {
        InstanceGuest.make(
            instance,
            project: try await projects.project(key.project),
            projectMetadata: try await projectMetadata.metadata(of: key.project)
        )
    }

    private static func resources(of instance: JSON) -> Resources {
        let type = MachineType.named(ResourceName(parsing: instance["machineType"]?.string ?? "").last)
        return Resources(milliCPUs: type?.milliCPUs ?? 0, memoryBytes: Int64(type?.memoryMiB ?? 0) << 20)
    }

    func setStatus(
        _ key: ResourceKey,
        _ status: String,
        _ change: @escaping @Sendable (inout JSON) -> Void = { _ in }
    ) async throws {
        try await store.update(key) { instance in
            instance["status"] = .string(status)
            change(&instance)
        }
    }
}
