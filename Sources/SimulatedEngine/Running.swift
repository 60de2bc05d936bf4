import Foundation
import NIOCore
import Workloads

// How programs run, and how steps follow each other.
extension SimulatedEngine {
    /// Starts a part's program.
    func run(_ name: WorkloadName, _ part: String) {
        guard var entry = workloads[name]?.parts[part], let spec = workloads[name]?.spec else { return }
        entry.runs += 1
        entry.state = .running
        entry.startTime = now()
        entry.endTime = nil
        if let network = entry.process.network?.network {
            entry.address = entry.reserved ?? entry.address ?? freeAddress(in: network)
        }
        let run = entry.runs
        let process = SimulatedProcess(engine: self, workload: name, part: part, spec: entry.process, run: run)
        let program = programs.last { $0.isMeant(process) }?.run
        let staysByItself = if case .machine = spec.shape { true } else { false }
        entry.task = Task {
            let exit: Exit
            do {
                if let program {
                    exit = try await program(process)
                } else {
                    if staysByItself { await process.untilStopped() }
                    exit = Exit(code: 0)
                }
            } catch {
                exit = Exit(code: 1, message: "\(error)")
            }
            self.finish(name, part, run: run, with: exit)
        }
        workloads[name]?.parts[part] = entry
        publish(name)
    }

    /// Records the end of a program, unless it was ended from outside before.
    func finish(_ name: WorkloadName, _ part: String, run: Int, with exit: Exit) {
        let name = renamed[name] ?? name
        guard let entry = workloads[name]?.parts[part], entry.runs == run, !entry.isOver else { return }
        end(name, part: part, with: exit)
    }

    /// Starts the steps whose turn it is.
    func advance(_ name: WorkloadName) async {
        guard let workload = workloads[name], workload.isStarted, let steps = workload.steps else { return }
        let plan = StepPlan(steps.steps, states: workload.parts.mapValues(\.state))
        for part in plan.skip { set(name, part, .skipped) }
        for part in plan.stop { end(name, part: part, with: Exit(code: 137)) }
        for part in plan.start {
            guard let entry = workloads[name]?.parts[part], entry.state == .waiting, !entry.isFetching else { continue }
            if let problem = await imageProblem(name, part, entry.process.image, of: steps) {
                end(name, part: part, with: Exit(code: 127, reason: .failedToStart, message: problem))
            } else if workloads[name]?.parts[part]?.state == .waiting {
                run(name, part)
            }
        }
    }

    private func imageProblem(
        _ name: WorkloadName,
        _ part: String,
        _ image: ImageReference,
        of steps: StepsSpec
    ) async -> String? {
        if let message = startFailures[image] { return message }
        guard images[image] == nil else { return nil }
        workloads[name]?.parts[part]?.isFetching = true
        defer { workloads[name]?.parts[part]?.isFetching = false }
        do {
            if let ensureImage = steps.ensureImage {
                try await ensureImage(image)
            } else {
                try await pull(image, credential: nil) { _ in }
            }
            return images[image] == nil ? "The image '\(image)' is not there." : nil
        } catch {
            return "\(error)"
        }
    }

    func set(_ name: WorkloadName, _ part: String, _ state: WorkloadStatus.State) {
        guard var entry = workloads[name]?.parts[part] else { return }
        entry.state = state
        if entry.isOver {
            workloads[name]?.attached = []
            workloads[name]?.filter = nil
            workloads[name]?.isPaused = false
            entry.endTime = now()
            entry.address = entry.reserved
            for follower in entry.followers.values { follower.finish() }
            entry.followers = [:]
        }
        workloads[name]?.parts[part] = entry
        publish(name)
    }

    func write(_ chunk: LogChunk, name: WorkloadName, part: String, run: Int) {
        let name = renamed[name] ?? name
        guard workloads[name]?.parts[part]?.runs == run else { return }
        workloads[name]?.parts[part]?.log.append(chunk)
        for follower in (workloads[name]?.parts[part]?.followers ?? [:]).values { follower.yield(chunk) }
    }
}

/// What a simulated engine remembers of a workload.
struct SimulatedWorkload {
    struct Part {
        var process: ProcessSpec
        var state: WorkloadStatus.State = .waiting
        var reserved: String?
        var address: String?
        var startTime: Date?
        var endTime: Date?
        var log: [LogChunk] = []
        var followers: [Int: AsyncThrowingStream<LogChunk, any Error>.Continuation] = [:]
        var task: Task<Void, Never>?
        var runs = 0
        var isFetching = false

        var isOver: Bool {
            switch state {
            case .ended, .skipped: true
            case .waiting, .running, .unknown: false
            }
        }
    }

    var spec: WorkloadSpec
    var order: [String] = []
    var parts: [String: Part] = [:]
    var isStarted = false
    var isPaused = false
    /// Volumes and rules that go when the machine ends.
    var attached: [Mount] = []
    var filter: PacketFilter?
    var source: ByteBuffer?

    init(spec: WorkloadSpec) { self.spec = spec }

    mutating func add(_ name: String, _ process: ProcessSpec) {
        order.append(name)
        parts[name] = Part(process: process)
    }

    var steps: StepsSpec? { if case .steps(let steps) = spec.shape { steps } else { nil } }

    var status: WorkloadStatus {
        let shown = order.compactMap { name -> WorkloadStatus.Part? in
            guard let part = parts[name] else { return nil }
            var shown = WorkloadStatus.Part(name: name, state: part.state)
            shown.address = part.address
            shown.startTime = part.startTime
            shown.endTime = part.endTime
            return shown
        }
        return WorkloadStatus(name: spec.name, labels: spec.labels, parts: shown)
    }
}
