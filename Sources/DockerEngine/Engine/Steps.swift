import Foundation
import GoogleAPI
import Logging
import NIOHTTP1
import Synchronization
import Workloads

/// What must outlive the daemon of a workload of steps; kept as a label of its workspace's volume.
struct StepsRecord: Codable, Sendable {
    var steps: [StepsSpec.Step]
    var workspace: String
    var needsContainerSocket: Bool
    /// Nil in records of older versions.
    var reservedImages: Set<String>?
    var labels: [String: String]
}

/// The tasks that lead workloads from step to step.
actor StepDrivers {
    private(set) var halted: Set<WorkloadName> = []
    private(set) var failures: [WorkloadName: [String: Exit]] = [:]
    private(set) var fetchers: [WorkloadName: @Sendable (ImageReference) async throws -> Void] = [:]
    private var tasks: [WorkloadName: Task<Void, Never>] = [:]

    func drive(_ name: WorkloadName, _ body: @escaping @Sendable () async -> Void) {
        guard tasks[name] == nil else { return }
        tasks[name] = Task {
            await body()
            self.tasks[name] = nil
        }
    }

    func remember(_ fetch: (@Sendable (ImageReference) async throws -> Void)?, for name: WorkloadName) {
        fetchers[name] = fetch
    }
    func fail(_ name: WorkloadName, _ part: String, _ message: String) {
        failures[name, default: [:]][part] = Exit(code: 127, reason: .failedToStart, message: message)
    }
    func halt(_ name: WorkloadName) { if tasks[name] != nil { halted.insert(name) } }
    func forget(_ name: WorkloadName) {
        tasks[name]?.cancel()
        halted.remove(name)
        failures[name] = nil
        fetchers[name] = nil
    }
    func cancelAll() { for task in tasks.values { task.cancel() } }
}

// Steps: one container each, one volume between them, and a driver that can be ended and begun at any point.
extension DockerEngine {
    static func workspace(of name: WorkloadName) -> String { "\(name).workspace" }

    func createSteps(_ spec: StepsSpec, of workload: WorkloadSpec) async throws {
        try spec.validate()
        guard let first = spec.steps.first else { throw EngineError.refused("There is no step.") }
        let name = workload.name
        await drivers.remember(spec.ensureImage, for: name)
        let docker = try await host.client()
        let record = StepsRecord(
            steps: spec.steps,
            workspace: spec.workspace,
            needsContainerSocket: spec.needsContainerSocket,
            reservedImages: spec.reservedImages,
            labels: workload.labels
        )
        if try await docker.find("/containers/\(name).\(first.name)/json") != nil { return }
        let text = try JSON(encoding: record).text
        try await ensureVolume(Self.workspace(of: name), labels: ["brume.steps": text])
        remembered.withLock { $0.steps[name] = record }
        try await fetch(first.process.image, for: name)
        if let source = spec.source {
            // The first step's container stands for a source that is unpacked whole.
            let helper = "\(name).source"
            try await removeContainer(helper)
            let body: JSON = [
                "Image": .string(first.process.image.text), "Cmd": ["-"], "Labels": ["brume.cloud": .string(cloud)],
                "HostConfig": [
                    "NetworkMode": "none", "Binds": [.string("\(Self.workspace(of: name)):\(spec.workspace)")],
                ],
            ]
            do {
                try await docker.call(.POST, "/containers/create", query: ["name": helper], .json(body))
                try await docker.stream(
                    .PUT,
                    "/containers/\(helper)/archive",
                    query: ["path": spec.workspace],
                    body: .stream(try await source(), type: "application/x-tar")
                ) { _ in }
            } catch let failure as DockerClient.Failure {
                try? await removeContainer(helper)
                throw EngineError.refused("The source cannot be unpacked: \(failure.message)")
            }
            try await removeContainer(helper)
        }
        try await openSocket(of: name, record)
        for step in spec.steps {
            do {
                try await createStep(step, of: name, record)
            } catch EngineError.imageMissing where step.name != first.name {
                continue  // Its turn comes later.
            }
        }
    }

    private func createStep(_ step: StepsSpec.Step, of name: WorkloadName, _ record: StepsRecord) async throws {
        var place = Place(workload: name, part: step.name, shape: "steps", labels: record.labels)
        place.index = record.steps.firstIndex { $0.name == step.name } ?? 0
        place.workspace = (Self.workspace(of: name), record.workspace)
        if record.needsContainerSocket { place.socketFolder = sockets?.folder(of: name) }
        try await createContainer(step.process, at: place)
    }

    /// Lets steps ask the engine for what is theirs.
    private func openSocket(of name: WorkloadName, _ record: StepsRecord) async throws {
        guard record.needsContainerSocket, let sockets else { return }
        var volumes = [record.workspace: Self.workspace(of: name)]
        var networks: Set<String> = []
        for process in record.steps.map(\.process) {
            for mount in process.mounts {
                if case .volume(let volume) = mount.source { volumes[mount.path] = volume }
            }
            if let network = process.network?.network { networks.insert(network) }
        }
        let resources = record.steps.first?.process.resources ?? Resources()
        try await sockets.open(
            StepRules(
                name: name,
                cloud: cloud,
                things: try await host.client(),
                volumes: volumes,
                networks: networks,
                reservedImages: record.reservedImages ?? [],
                limits: limits(resources, cpus: try await facts().cpus),
                socketPath: sockets.path(of: name)
            )
        )
    }

    private func fetch(_ image: ImageReference, for name: WorkloadName) async throws {
        if let fetch = await drivers.fetchers[name] { return try await fetch(image) }
        if try await self.image(image) == nil { try await pull(image, credential: nil) { _ in } }
    }

    func stepsRecord(of name: WorkloadName) async throws -> StepsRecord? {
        if let known = remembered.withLock({ $0.steps[name] }) { return known }
        let found = try await host.client().find("/volumes/\(Self.workspace(of: name))")
        guard let text = found?["Labels"]?["brume.steps"]?.string else { return nil }
        let record: StepsRecord = try JSON(parsing: Data(text.utf8)).decode()
        remembered.withLock { $0.steps[name] = record }
        return record
    }

    func stepsStatus(_ record: StepsRecord, _ name: WorkloadName, _ found: [Container]) async -> WorkloadStatus {
        let failures = await drivers.failures[name] ?? [:]
        let isHalted = await drivers.halted.contains(name)
        var parts = record.steps.map { step in
            var part = found.first { $0.part.name == step.name }?.part
            if let exit = failures[step.name] { part = .init(name: step.name, state: .ended(exit)) }
            return part ?? .init(name: step.name, state: .waiting)
        }
        let states = Dictionary(parts.map { ($0.name, $0.state) }, uniquingKeysWith: { $1 })
        let skipped = Set(StepPlan(record.steps, states: states).skip)
        for index in parts.indices where parts[index].state == .waiting {
            if isHalted || skipped.contains(parts[index].name) { parts[index].state = .skipped }
        }
        return WorkloadStatus(name: name, labels: record.labels, parts: parts)
    }

    /// Leads a workload through its steps, from wherever it is.
    func drive(_ name: WorkloadName) async {
        await drivers.drive(name) { [self] in
            // An engine that went away is asked again; the daemon's end cancels the driver.
            while !Task.isCancelled {
                do {
                    return try await driveOnce(name)
                } catch {
                    logger.warning("A workload of steps waits for the engine", metadata: ["workload": "\(name)"])
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func driveOnce(_ name: WorkloadName) async throws {
        guard let record = try await stepsRecord(of: name) else { return }
        try await openSocket(of: name, record)
        let events = try await hub.subscribe()
        try await withThrowingTaskGroup(of: Void.self) { group in
            var begun: Set<String> = []
            var watched: Set<String> = []
            func advance() async throws -> Bool {
                guard let status = try await status(of: name) else { return true }
                let states = Dictionary(status.parts.map { ($0.name, $0.state) }, uniquingKeysWith: { $1 })
                let plan = StepPlan(record.steps, states: states)
                let isHalted = await drivers.halted.contains(name)
                for part in plan.stop { _ = try? await kill(container: "\(name).\(part)") }
                for step in record.steps where plan.start.contains(step.name) && !isHalted {
                    guard begun.insert(step.name).inserted else { continue }
                    group.addTask { try await self.begin(step, of: name, record) }
                }
                for step in record.steps {
                    guard let timeout = step.timeout, let part = status[step.name], part.state == .running,
                        let start = part.startTime, watched.insert(step.name).inserted
                    else { continue }
                    let left = timeout - .seconds(Date().timeIntervalSince(start))
                    group.addTask {
                        try await Task.sleep(for: max(left, .zero))
                        try await self.kill(container: "\(name).\(step.name)")
                    }
                }
                return status.hasEnded
            }
            if try await advance() { return group.cancelAll() }
            for try await event in events where event.name == name {
                if try await advance() { return group.cancelAll() }
            }
            try Task.checkCancellation()
        }
    }

    private func begin(_ step: StepsSpec.Step, of name: WorkloadName, _ record: StepsRecord) async throws {
        do {
            if try await image(step.process.image) == nil { try await fetch(step.process.image, for: name) }
            try await createStep(step, of: name, record)
            try await startContainer("\(name).\(step.name)")
        } catch is CancellationError {
            return
        } catch EngineError.unreachable {
            throw EngineError.unreachable
        } catch {
            await drivers.fail(name, step.name, "\(error)")
            await hub.publish(name)
        }
    }

    /// Removes what steps have started through their socket, and closes it.
    func removeStarted(by name: WorkloadName) async throws {
        await sockets?.close(name)
        let docker = try await host.client()
        let filters = ["filters": (["label": [.string("\(StepRules.label)=\(name)")]] as JSON).text]
        let containers = try await docker.call(.GET, "/containers/json", query: filters.merging(["all": "1"]) { $1 })
        for id in (containers.array ?? []).compactMap({ $0["Id"]?.string }) { try await removeContainer(id) }
        let networks = try await docker.call(.GET, "/networks", query: filters)
        for id in (networks.array ?? []).compactMap({ $0["Id"]?.string }) { try await removeNetwork(id) }
        let volumes = try await docker.call(.GET, "/volumes", query: filters)["Volumes"]
        for volume in (volumes?.array ?? []).compactMap({ $0["Name"]?.string }) { try await removeVolume(volume) }
    }
}
