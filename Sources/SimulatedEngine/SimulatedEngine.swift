package import Foundation
import NIOCore
package import Workloads

/// The engine protocol in memory: what services' tests run against.
///
/// A test says beforehand what programs do (``whenRun(_:_:)``), or makes things happen by hand (``end(_:part:with:)``,
/// ``lose(_:part:reason:)``, ``move(_:part:to:)``). Nothing here sleeps; whatever is not scripted behaves well: machines
/// stay, steps and replicas end with 0 at once.
package actor SimulatedEngine: WorkloadEngine {
    package var features: EngineCapabilities
    package var images: [ImageReference: ImageDescription] = [:]
    /// What registries hold: what ``pull(_:credential:progress:)`` finds and ``push(_:credential:progress:)`` fills.
    package var registry: Set<ImageReference> = []
    package var volumes: Set<String> = []
    /// What was asked for, in order, for tests that must know: `pull gcr.io/demo/trainer:v1`, `start job-1`.
    package internal(set) var calls: [String] = []
    package internal(set) var builds: [SimulatedBuild] = []

    /// Where addresses lead that are no machine's own.
    package internal(set) var led: [String: String] = [:]

    var networks: [String: SimulatedNetwork] = [:]
    var workloads: [WorkloadName: SimulatedWorkload] = [:]
    /// The names that machines have now, by those under which their programs were started.
    var renamed: [WorkloadName: WorkloadName] = [:]
    var programs: [(isMeant: @Sendable (SimulatedProcess) -> Bool, run: SimulatedProgram)] = []
    var commands: [(isMeant: @Sendable (ExecSpec) -> Bool, run: SimulatedCommand)] = []
    var startFailures: [ImageReference: String] = [:]
    var buildFailures: [String] = []
    var copyFailure: String?
    var isAway = false
    var holdsPushes = false
    let now: @Sendable () -> Date
    private var listeners: [Int: AsyncThrowingStream<WorkloadStatus, any Error>.Continuation] = [:]
    private var nextListener = 0
    private var captures = 0

    /// - Parameter images: What the engine holds from the start.
    package init(
        images: [ImageReference] = [],
        capabilities: EngineCapabilities? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.now = now
        features =
            capabilities
            ?? EngineCapabilities(
                description: "Simulated engine",
                fixedAddresses: true,
                doors: true,
                containerSocket: true,
                directRoute: true,
                volumeAccess: true,
                packetFilters: true,
                virtualMachines: true
            )
        for image in images { self.images[image] = ImageDescription(id: "sha256:\(image)") }
    }

    package func capabilities() async throws -> EngineCapabilities {
        try answer("capabilities")
        return features
    }

    // MARK: Workloads

    package func create(_ spec: WorkloadSpec) async throws {
        try answer("create \(spec.name)")
        guard workloads[spec.name] == nil else { return }
        var workload = SimulatedWorkload(spec: spec)
        switch spec.shape {
        case .machine(let machine): workload.add("machine", machine.process)
        case .replicas(let group): for replica in group.replicas { workload.add(replica.name, replica.process) }
        case .steps(let steps):
            try steps.validate()
            for step in steps.steps { workload.add(step.name, step.process) }
        }
        for part in workload.order {
            guard let process = workload.parts[part]?.process else { continue }
            if workload.steps == nil, images[process.image] == nil { throw EngineError.imageMissing(process.image) }
        }
        try spec.checkAccelerators(features)
        try checkFreeAccelerators(for: spec)
        for part in workload.order {
            guard let attachment = workload.parts[part]?.process.network else { continue }
            guard networks[attachment.network] != nil else {
                throw EngineError.notFound("There is no network '\(attachment.network)'.")
            }
            if let wanted = attachment.address, addressesInUse(in: attachment.network).contains(wanted) {
                throw EngineError.insufficient("The address \(wanted) is in use in '\(attachment.network)'.")
            }
            workload.parts[part]?.reserved = attachment.address
        }
        if let source = workload.steps?.source {
            var bytes = ByteBuffer()
            for try await chunk in try await source() { bytes.writeImmutableBuffer(chunk) }
            guard workloads[spec.name] == nil else { return }
            workload.source = bytes
        }
        workloads[spec.name] = workload
        publish(spec.name)
    }

    package func start(_ name: WorkloadName) async throws {
        try answer("start \(name)")
        let workload = try known(name)
        if workload.steps != nil {
            workloads[name]?.isStarted = true
            return await advance(name)
        }
        if workload.status.hasEnded { try checkFreeAccelerators(for: workload.spec) }
        for part in workload.order where workload.parts[part]?.state != .running {
            if let message = workload.parts[part].flatMap({ startFailures[$0.process.image] }) {
                end(name, part: part, with: Exit(code: 127, reason: .failedToStart, message: message))
                for other in workload.order where other != part {
                    end(name, part: other, with: Exit(code: 137))
                }
                throw EngineError.refused(message)
            }
        }
        for part in workload.order where workload.parts[part]?.state != .running { run(name, part) }
    }

    package func stop(_ name: WorkloadName, grace: Duration) async throws {
        try answer("stop \(name)")
        guard let workload = workloads[name] else { return }
        if workload.steps != nil {
            for part in workload.order where workload.parts[part]?.state == .waiting { set(name, part, .skipped) }
        }
        for part in workload.order where workload.parts[part]?.state == .running {
            end(name, part: part, with: Exit(code: 143))
        }
    }

    package func rename(_ name: WorkloadName, to other: WorkloadName) async throws {
        try answer("rename \(name) to \(other)")
        var workload = try known(name)
        guard workload.parts["machine"] != nil else { throw EngineError.notFound("'\(name)' is no machine.") }
        guard workloads[other] == nil else { throw EngineError.refused("There is a workload '\(other)' already.") }
        workload.spec.name = other
        workloads[name] = nil
        workloads[other] = workload
        renamed[name] = other
        publish(other)
    }

    package func resize(_ name: WorkloadName, to resources: Resources) async throws {
        try answer("resize \(name)")
        for part in try known(name).order { workloads[name]?.parts[part]?.process.resources = resources }
    }

    package func capture(_ name: WorkloadName, as reference: ImageReference) async throws {
        try answer("capture \(name) \(reference)")
        guard try known(name).parts["machine"] != nil else { throw EngineError.refused("'\(name)' is no machine.") }
        captures += 1
        images[reference] = ImageDescription(id: "sha256:capture-\(captures)")
    }

    package func pause(_ name: WorkloadName) async throws {
        try answer("pause \(name)")
        _ = try running(name)
        workloads[name]?.isPaused = true
    }

    package func resume(_ name: WorkloadName) async throws {
        try answer("resume \(name)")
        _ = try known(name)
        workloads[name]?.isPaused = false
    }

    package func attach(_ mount: Mount, to name: WorkloadName) async throws {
        try answer("attach \(name) \(mount.path)")
        let machine = try running(name)
        if case .volume(let volume) = mount.source, !volumes.contains(volume) {
            throw EngineError.notFound("There is no volume '\(volume)'.")
        }
        if !machine.attached.contains(where: { $0.path == mount.path }) { workloads[name]?.attached.append(mount) }
    }

    package func detach(_ path: String, from name: WorkloadName) async throws {
        try answer("detach \(name) \(path)")
        _ = try running(name)
        workloads[name]?.attached.removeAll { $0.path == path }
    }

    package func apply(_ filter: PacketFilter, to name: WorkloadName) async throws {
        try answer("filter \(name)")
        _ = try running(name)
        workloads[name]?.filter = filter
    }

    package func lead(_ address: String, to target: String?, in network: String) async throws {
        try answer("lead \(address) to \(target ?? "nothing") in \(network)")
        led[address] = target
    }

    private func checkFreeAccelerators(for spec: WorkloadSpec) throws {
        let holders = workloads.values.filter { $0.spec.name != spec.name && !$0.status.hasEnded }
        let held = holders.reduce(into: [:]) { $0.merge($1.spec.accelerators, uniquingKeysWith: +) }
        for (kind, count) in spec.accelerators where count + held[kind, default: 0] > features.accelerators[kind] ?? 0 {
            throw EngineError.busy("All accelerators of the kind '\(kind)' are in use.")
        }
    }

    private func running(_ name: WorkloadName) throws -> SimulatedWorkload {
        let workload = try known(name)
        guard workload.status.isRunning else { throw EngineError.refused("'\(name)' does not run.") }
        return workload
    }

    package func remove(_ name: WorkloadName) async throws {
        try answer("remove \(name)")
        guard let workload = workloads.removeValue(forKey: name) else { return }
        for part in workload.parts.values {
            part.task?.cancel()
            for follower in part.followers.values { follower.finish() }
        }
        tell(WorkloadStatus(name: name, labels: workload.spec.labels, parts: []))
    }

    package func status(of name: WorkloadName) async throws -> WorkloadStatus? {
        try answer(nil)
        return workloads[name]?.status
    }

    package func recover(labels: [String: String]) async throws -> [WorkloadStatus] {
        try answer("recover")
        return workloads.values.map(\.status)
            .filter { status in labels.allSatisfy { status.labels[$0] == $1 } }
            .sorted { $0.name.text < $1.name.text }
    }

    package func events() async throws -> AsyncThrowingStream<WorkloadStatus, any Error> {
        try answer(nil)
        return listen()
    }

    package func waitUntilEnded(_ name: WorkloadName) async throws -> WorkloadStatus? {
        try answer(nil)
        let events = listen()
        guard let status = workloads[name]?.status else { return nil }
        if status.hasEnded { return status }
        for try await status in events where status.name == name && status.hasEnded {
            return status.parts.isEmpty ? nil : status
        }
        try Task.checkCancellation()
        throw EngineError.unreachable
    }

    package func logs(
        of name: WorkloadName,
        part: String,
        follow: Bool
    ) async throws -> AsyncThrowingStream<LogChunk, any Error> {
        try answer(nil)
        guard let known = try known(name).parts[part] else {
            throw EngineError.notFound("'\(name)' has no part '\(part)'.")
        }
        let (stream, follower) = AsyncThrowingStream<LogChunk, any Error>.makeStream()
        for chunk in known.log { follower.yield(chunk) }
        if follow, !known.isOver {
            let key = (known.followers.keys.max() ?? 0) + 1
            workloads[name]?.parts[part]?.followers[key] = follower
        } else {
            follower.finish()
        }
        return stream
    }

    package func exec(_ command: ExecSpec, in name: WorkloadName, part: String) async throws -> any ExecSession {
        try answer("exec \(name) \(command.command.joined(separator: " "))")
        guard let known = try known(name).parts[part], known.state == .running else {
            throw EngineError.refused("'\(name)' does not run.")
        }
        let run = commands.last { $0.isMeant(command) }?.run
        return SimulatedSession(command, in: known.process) { session in try await run?(session) ?? 0 }
    }

    package func upload(_ files: [FileSpec], to name: WorkloadName, part: String) async throws {
        try answer("upload \(name)")
        guard try known(name).parts[part] != nil else {
            throw EngineError.notFound("'\(name)' has no part '\(part)'.")
        }
        workloads[name]?.parts[part]?.process.files += files
    }

    package func read(
        _ path: String,
        of name: WorkloadName,
        part: String,
        _ take: @escaping @Sendable (WorkloadFile) async throws -> Void
    ) async throws -> Bool {
        try answer(nil)
        let workload = try known(name)
        // The steps of a workload see each other's workspace; the last to write a file counts.
        let workspace = workload.steps.map { $0.workspace + "/" }
        let visible = workload.order.flatMap { other in
            (workload.parts[other]?.process.files ?? []).filter { file in
                other == part || workspace.map { file.path.hasPrefix($0) } ?? false
            }
        }
        let files = Dictionary(visible.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
            .filter { $0.key == path || $0.key.hasPrefix(path + "/") }
        for (path, file) in files.sorted(by: { $0.key < $1.key }) {
            let content = ByteStream { stream in
                stream.yield(ByteBuffer(bytes: file.content))
                stream.finish()
            }
            try await take(WorkloadFile(path: path, sizeBytes: Int64(file.content.count), content: content))
        }
        return !files.isEmpty
    }

    // MARK: Inside

    /// Notes a call, and fails it when the engine is away.
    func answer(_ call: String?) throws {
        if let call { calls.append(call) }
        if isAway { throw EngineError.unreachable }
    }

    func known(_ name: WorkloadName) throws -> SimulatedWorkload {
        guard let workload = workloads[name] else { throw EngineError.notFound("There is no workload '\(name)'.") }
        return workload
    }

    func listen() -> AsyncThrowingStream<WorkloadStatus, any Error> {
        let (stream, listener) = AsyncThrowingStream<WorkloadStatus, any Error>.makeStream()
        let key = nextListener
        nextListener += 1
        listeners[key] = listener
        listener.onTermination = { [weak self] _ in Task { [weak self] in await self?.forgetListener(key) } }
        return stream
    }

    private func forgetListener(_ key: Int) { listeners[key] = nil }

    func publish(_ name: WorkloadName) {
        if let status = workloads[name]?.status { tell(status) }
    }

    private func tell(_ status: WorkloadStatus) {
        for listener in listeners.values { listener.yield(status) }
    }

    func endListening() {
        for listener in listeners.values { listener.finish(throwing: EngineError.unreachable) }
        listeners = [:]
    }
}
