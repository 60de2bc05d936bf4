import NIOConcurrencyHelpers
import NIOPosix

/// Runs jobs one after another on a pool of threads, and lets only a few of them wait.
///
/// After a job has failed, those behind it are dropped, and every later call throws its error.
final class Lane: Sendable {
    /// Each job is either run or dropped, once.
    private struct Job {
        var run: @Sendable () throws -> Void
        var drop: @Sendable (any Error) -> Void
    }

    private struct State {
        var jobs: [Job] = []
        var isRunning = false
        var failure: (any Error)?
        /// Those who wait until only a few jobs are left.
        var waiters: [CheckedContinuation<Void, any Error>] = []
    }

    private let pool: NIOThreadPool
    private let depth: Int
    private let state = NIOLockedValueBox(State())

    init(pool: NIOThreadPool, depth: Int = 3) {
        self.pool = pool
        self.depth = depth
    }

    /// Adds a job; returns when no more than a few are waiting.
    func enqueue(_ body: @escaping @Sendable () throws -> Void) async throws {
        try add(Job(run: body, drop: { _ in }))
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            state.withLockedValue { state in
                if let failure = state.failure {
                    continuation.resume(throwing: failure)
                } else if state.jobs.count <= depth {
                    continuation.resume()
                } else {
                    state.waiters.append(continuation)
                }
            }
        }
    }

    /// Runs a job after all earlier ones and returns its result.
    func perform<Success: Sendable>(_ body: @escaping @Sendable () throws -> Success) async throws -> Success {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job(
                run: {
                    let result = Result(catching: body)
                    continuation.resume(with: result)
                    _ = try result.get()
                },
                drop: { continuation.resume(throwing: $0) }
            )
            do { try add(job) } catch { continuation.resume(throwing: error) }
        }
    }

    private func add(_ job: Job) throws {
        let mustStart = try state.withLockedValue { state in
            if let failure = state.failure { throw failure }
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart { start() }
    }

    private func start() {
        pool.submit { poolState in
            guard case .active = poolState else {
                return self.fail(with: BlobError.refused("use the blob store", "Brume is stopping"))
            }
            self.runOne()
        }
    }

    private func runOne() {
        guard let job = state.withLockedValue({ $0.jobs.first }) else { return }
        do {
            try job.run()
        } catch {
            return fail(with: error, after: 1)
        }
        let (waiters, hasMore) = state.withLockedValue { state in
            state.jobs.removeFirst()
            state.isRunning = !state.jobs.isEmpty
            guard state.jobs.count <= depth else { return ([CheckedContinuation<Void, any Error>](), true) }
            defer { state.waiters = [] }
            return (state.waiters, state.isRunning)
        }
        for waiter in waiters { waiter.resume() }
        // Through the pool again, so that many lanes share few threads fairly.
        if hasMore { start() }
    }

    /// Drops what waits behind `done` jobs that have run, in one step with the failure: nothing can slip in between.
    private func fail(with error: any Error, after done: Int = 0) {
        let (jobs, waiters) = state.withLockedValue { state in
            state.failure = error
            defer { (state.jobs, state.waiters) = ([], []) }
            return (state.jobs.dropFirst(done), state.waiters)
        }
        for job in jobs { job.drop(error) }
        for waiter in waiters { waiter.resume(throwing: error) }
    }
}
