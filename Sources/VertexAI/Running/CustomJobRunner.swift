import APIServer
import Foundation
import GoogleAPI
import Logging
import ServiceLifecycle
import Workloads

/// Carries jobs out, and takes unfinished ones up again after a restart: the workload may run on meanwhile.
actor CustomJobRunner: Service {
    let store: CustomJobStore
    let projects: any ProjectDirectory
    let engine: any WorkloadEngine
    let images: any JobImages
    let surroundings: any JobSurroundings
    let logs: any JobLogs
    let simulatesAccelerators: Bool
    let accelerators = AcceleratorQueue()
    let logger: Logger
    let now: @Sendable () -> Date
    private var inHand: Set<String> = []
    private var cancellations: [String: AsyncStream<Void>.Continuation] = [:]
    private let queue: AsyncStream<String>
    private let enqueue: AsyncStream<String>.Continuation

    init(
        store: CustomJobStore,
        projects: any ProjectDirectory,
        engine: any WorkloadEngine,
        images: any JobImages,
        surroundings: any JobSurroundings,
        logs: any JobLogs,
        simulatesAccelerators: Bool,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.store = store
        self.projects = projects
        self.engine = engine
        self.images = images
        self.surroundings = surroundings
        self.logs = logs
        self.simulatesAccelerators = simulatesAccelerators
        self.logger = logger
        self.now = now
        (queue, enqueue) = AsyncStream.makeStream(of: String.self)
    }

    /// Takes a job on whose row is committed.
    nonisolated func begin(_ id: String) { enqueue.yield(id) }

    /// Ends a job whose row says that it is cancelled.
    func cancel(_ id: String) { cancellations[id]?.yield() }

    func run() async throws {
        for id in try await store.unfinished() { enqueue.yield(id) }
        await withDiscardingTaskGroup { group in
            for await id in queue.cancelOnGracefulShutdown() {
                group.addTask { await self.perform(id) }
            }
            group.cancelAll()
        }
    }

    private func perform(_ id: String) async {
        guard inHand.insert(id).inserted else { return }
        defer { inHand.remove(id) }
        do {
            guard let job = try await store.find(id) else { return }
            let project = try await projects.project(job.project)
            let execution = JobExecution(runner: self, job: job, project: project)
            if !job.state.isEnd { try await execution.end(try await outcome(of: execution)) }
            try await execution.clean()
        } catch {
            // The daemon ends: the next one takes the job up again.
            if Task.isCancelled { return }
            logger.error("cannot carry out job: \(error)", metadata: ["job": "\(id)"])
        }
    }

    /// Runs a job to its end, or to its cancellation.
    private func outcome(of execution: JobExecution) async throws -> JobOutcome {
        let id = execution.job.id
        let (cancelled, signal) = AsyncStream.makeStream(of: Void.self)
        cancellations[id] = signal
        defer { cancellations[id] = nil }
        if try await store.find(id)?.isCancelled != false { return .cancelled }
        return try await withThrowingTaskGroup(of: JobOutcome?.self) { group in
            group.addTask { try await execution.run() }
            group.addTask {
                for await _ in cancelled { return .cancelled }
                return nil
            }
            while let outcome = try await group.next() {
                guard let outcome else { continue }
                group.cancelAll()
                return outcome
            }
            throw CancellationError()
        }
    }
}
