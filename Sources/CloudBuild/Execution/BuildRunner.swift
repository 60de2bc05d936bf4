import Foundation
import GoogleAPI
import Logging
import ServiceLifecycle
import Synchronization

/// Carries builds out in the order in which they came, some at a time.
///
/// What is unfinished when the daemon ends is taken up by the next: a build whose steps the engine still knows goes on
/// there, any other ends as INTERNAL_ERROR; none stays WORKING.
actor BuildRunner: Service {
    private enum Event: Sendable {
        case queued(String)
        case ended(String)
    }

    private let store: BuildStore
    private let neighbours: CloudBuild.Neighbours
    private let repositories: RepositorySources
    private let limit: Int
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let events: AsyncStream<Event>
    private let send: AsyncStream<Event>.Continuation
    private var waiting: [String] = []
    private var running: [String: BuildRun] = [:]

    init(
        store: BuildStore,
        neighbours: CloudBuild.Neighbours,
        repositories: RepositorySources,
        limit: Int,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.store = store
        self.neighbours = neighbours
        self.repositories = repositories
        self.limit = max(1, limit)
        self.logger = logger
        self.now = now
        (events, send) = AsyncStream.makeStream(of: Event.self)
    }

    /// Hands over a build whose row is committed.
    nonisolated func enqueue(_ id: String) { send.yield(.queued(id)) }

    func run() async throws {
        for build in try await store.unfinished() { send.yield(.queued(build.id)) }
        await withDiscardingTaskGroup { group in
            for await event in events.cancelOnGracefulShutdown() {
                switch event {
                case .queued(let id):
                    guard !waiting.contains(id), running[id] == nil else { break }
                    waiting.append(id)
                    group.addTask { await self.expireIfStillWaiting(id) }
                case .ended(let id): running[id] = nil
                }
                while running.count < limit, !waiting.isEmpty {
                    let id = waiting.removeFirst()
                    let run = BuildRun(
                        id: id,
                        store: store,
                        neighbours: neighbours,
                        repositories: repositories,
                        logger: logger,
                        now: now
                    )
                    running[id] = run
                    group.addTask { [send] in
                        await run.carryOut()
                        send.yield(.ended(id))
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// Ends a build that has not ended; returns when it has.
    func cancel(_ id: String) async throws {
        let time = Timestamp.text(now())
        let build = try await store.update(id) { build in
            build.isCancelled = true
            guard [.pending, .queued].contains(build.status) else { return }
            build.status = .cancelled
            build.document["finishTime"] = .string(time)
        }
        waiting.removeAll { $0 == id }
        guard build?.status.isFinal != true, let run = running[id] else { return }
        await run.end(as: .cancelled)
    }

    /// Ends a build as EXPIRED when nothing takes it up in `queueTtl`.
    private func expireIfStillWaiting(_ id: String) async {
        guard let build = try? await store.find(id), build.status == .queued else { return }
        let age = Duration.seconds(now().timeIntervalSince(build.queueTime))
        guard (try? await Task.sleep(for: max(.zero, build.queueTTL - age))) != nil else { return }
        guard waiting.contains(id) else { return }
        waiting.removeAll { $0 == id }
        let time = Timestamp.text(now())
        _ = try? await store.update(id) { build in
            guard build.status == .queued else { return }
            build.status = .expired
            build.document["finishTime"] = .string(time)
            build.document["statusDetail"] = "The build waited in the queue for longer than its queueTtl."
        }
    }
}

/// Why a build is ended from outside.
enum EndReason: Sendable {
    case cancelled
    case timedOut
}

/// One build from its start to its end, and the ways to end it early.
final class BuildRun: Sendable {
    private let id: String
    private let store: BuildStore
    private let neighbours: CloudBuild.Neighbours
    private let repositories: RepositorySources
    private let logger: Logger
    private let now: @Sendable () -> Date

    private struct State {
        var task: Task<Void, Never>?
        var reason: EndReason?
        var isOver = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// How many times a build is begun, or gone on with, before an engine that goes away again and again ends it.
    private static let engineLives = 4

    init(
        id: String,
        store: BuildStore,
        neighbours: CloudBuild.Neighbours,
        repositories: RepositorySources,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.id = id
        self.store = store
        self.neighbours = neighbours
        self.repositories = repositories
        self.logger = logger
        self.now = now
    }

    var endReason: EndReason? { state.withLock(\.reason) }

    func carryOut() async {
        let task = Task { await self.perform() }
        let isEnding = state.withLock { state in
            state.task = task
            return state.reason != nil
        }
        if isEnding { task.cancel() }
        // When the daemon ends, the steps are left to run, and the row as it is.
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        let waiters = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Ends the build early; returns when its row says so.
    func end(as reason: EndReason) async {
        let task = state.withLock { state in
            state.reason = state.reason ?? reason
            return state.task
        }
        task?.cancel()
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiters.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    private func perform() async {
        do {
            let time = now()
            let begun = try await store.update(id) { build in
                guard build.status == .queued else { return }
                build.status = .working
                build.document["startTime"] = .string(Timestamp.text(time))
            }
            guard let build = begun, build.status == .working else { return }
            if build.isCancelled { state.withLock { $0.reason = $0.reason ?? .cancelled } }
            let started = build.document["startTime"]?.string.flatMap(Timestamp.date) ?? time
            let left = build.timeout - .seconds(time.timeIntervalSince(started))
            let timer = Task {
                try await Task.sleep(for: max(.zero, left))
                let task = self.state.withLock { state in
                    state.reason = state.reason ?? .timedOut
                    return state.task
                }
                task?.cancel()
            }
            defer { timer.cancel() }
            try await carryOutWhileEngineLives()
        } catch {
            if !Task.isCancelled {
                logger.error("a build cannot be carried out: \(error)", metadata: ["build": "\(id)"])
            }
        }
    }

    /// Runs the build; where the engine went away, and was started again, from where the build was.
    private func carryOutWhileEngineLives() async throws {
        for lives in stride(from: Self.engineLives, to: 0, by: -1) {
            // The row is read again: the steps may have been handed over meanwhile.
            guard let build = try await store.find(id), !build.status.isFinal else { return }
            let execution = BuildExecution(
                build,
                store: store,
                neighbours: neighbours,
                repositories: repositories,
                logger: logger,
                now: now
            )
            if await execution.run(mayReturn: lives > 1, reason: { self.endReason }) { return }
            logger.warning("the engine went away under a build", metadata: ["build": "\(id)"])
        }
    }
}
