package import NIOCore
package import Workloads

/// What a program does from its start to its end.
package typealias SimulatedProgram = @Sendable (SimulatedProcess) async throws -> Exit

/// What a command does that is run inside a workload; returns its exit code.
package typealias SimulatedCommand = @Sendable (SimulatedSession) async throws -> Int32

// What tests say beforehand, make happen by hand, and look at afterwards.
extension SimulatedEngine {
    /// Says what programs of an image do; the latest word counts.
    package func whenRun(_ image: ImageReference, _ program: @escaping SimulatedProgram) {
        whenRun(where: { $0.spec.image == image }, program)
    }

    /// Says what certain programs do; the latest word counts.
    package func whenRun(
        where isMeant: @escaping @Sendable (SimulatedProcess) -> Bool,
        _ program: @escaping SimulatedProgram
    ) {
        programs.append((isMeant, program))
    }

    /// Says what commands do that are run inside workloads; unscripted ones print nothing and end with 0.
    package func whenExecuted(
        where isMeant: @escaping @Sendable (ExecSpec) -> Bool = { _ in true },
        _ command: @escaping SimulatedCommand
    ) {
        commands.append((isMeant, command))
    }

    /// Puts an image into the engine's own store.
    package func add(_ image: ImageReference, _ description: ImageDescription? = nil) {
        images[image] = description ?? ImageDescription(id: "sha256:\(image)")
    }

    /// Puts an image into its registry, where it can be pulled from.
    package func offer(_ image: ImageReference) { registry.insert(image) }

    /// Lets every start of an image fail with the engine's words.
    package func failStart(of image: ImageReference, _ message: String) { startFailures[image] = message }

    /// Takes ``failStart(of:_:)`` back.
    package func letStart(_ image: ImageReference) { startFailures[image] = nil }

    /// Lets the next build fail.
    package func failNextBuild(_ message: String) { buildFailures.append(message) }

    /// Lets the next copy of a volume fail.
    package func failNextCopy(_ message: String) { copyFailure = message }

    package func set(_ capabilities: EngineCapabilities) { features = capabilities }

    /// Has so many accelerators of each kind.
    package func offer(accelerators: [String: Int]) { features.accelerators = accelerators }

    /// Ends a part: as if its program had.
    package func end(_ name: WorkloadName, part: String = "machine", with exit: Exit) {
        guard let entry = workloads[name]?.parts[part], !entry.isOver else { return }
        set(name, part, .ended(exit))
        entry.task?.cancel()
        if workloads[name]?.steps != nil { Task { await advance(name) } }
    }

    /// From now on pushes do not end until they are cancelled.
    package func holdPushes() { holdsPushes = true }

    /// Prints a line as a part.
    package func print(_ text: String, as name: WorkloadName, part: String = "machine") {
        guard let run = workloads[name]?.parts[part]?.runs else { return }
        write(LogChunk(stream: .output, bytes: ByteBuffer(string: text + "\n")), name: name, part: part, run: run)
    }

    /// Loses sight of a part: its node does not answer.
    package func lose(_ name: WorkloadName, part: String = "machine", reason: String = "The node is lost.") {
        set(name, part, .unknown(reason))
    }

    /// Finds a part again (after ``lose(_:part:reason:)``), or moves it: it runs elsewhere, its log gone, at a new address.
    package func move(_ name: WorkloadName, part: String = "machine", to address: String) {
        workloads[name]?.parts[part]?.address = address
        workloads[name]?.parts[part]?.log = []
        set(name, part, .running)
    }

    /// Lets the engine go away: every call is unreachable, streams of events end. What runs goes on.
    package func goAway() {
        isAway = true
        endListening()
    }

    package func comeBack() { isAway = false }

    /// What a part was made of, with what was uploaded to it since.
    package func process(of name: WorkloadName, part: String = "machine") -> ProcessSpec? {
        workloads[name]?.parts[part]?.process
    }

    package func spec(of name: WorkloadName) -> WorkloadSpec? { workloads[name]?.spec }

    /// What is attached to a machine, besides what it was made with.
    package func attached(to name: WorkloadName) -> [Mount] { workloads[name]?.attached ?? [] }

    package func filter(of name: WorkloadName) -> PacketFilter? { workloads[name]?.filter }

    package func isPaused(_ name: WorkloadName) -> Bool { workloads[name]?.isPaused ?? false }

    /// What was unpacked into the workspace of steps.
    package func source(of name: WorkloadName) -> ByteBuffer? { workloads[name]?.source }

    package var workloadNames: [WorkloadName] { workloads.keys.sorted { $0.text < $1.text } }

    package var networkSpecs: [NetworkSpec] { networks.values.map(\.spec).sorted { $0.name < $1.name } }
}

/// A program that runs in a simulated engine, from its own side.
package struct SimulatedProcess: Sendable {
    let engine: SimulatedEngine
    package let workload: WorkloadName
    package let part: String
    package let spec: ProcessSpec
    let run: Int

    package func print(_ text: String, to stream: LogChunk.Stream = .output) async {
        let chunk = LogChunk(stream: stream, bytes: ByteBuffer(string: text + "\n"))
        await engine.write(chunk, name: workload, part: part, run: run)
    }

    /// Writes a file, as the program would.
    package func write(_ text: String, to path: String) async throws {
        try await engine.upload([FileSpec(path: path, content: Array(text.utf8))], to: workload, part: part)
    }

    /// Waits until the engine stops the program.
    package func untilStopped() async {
        for await _ in AsyncStream<Never>.makeStream().stream {}
    }
}

package struct SimulatedBuild: Sendable {
    package var spec: ImageBuildSpec
    /// The context, as it came.
    package var context: ByteBuffer
}
