import Logging
import ServiceLifecycle

/// What the services put in order at the start, and then from time to time.
struct Housekeeping: Service {
    struct Chore: Sendable {
        var name: String
        /// Removes what an earlier process left behind; run once, beside everything else.
        var recover: @Sendable () async throws -> Void
        /// Removes what time has made useless.
        var sweep: @Sendable () async throws -> Void
    }

    let chores: [Chore]
    let interval: Duration
    let logger: Logger

    func run() async {
        try? await cancelWhenGracefulShutdown {
            for chore in chores { try await attempt(chore.name, chore.recover) }
            while true {
                for chore in chores { try await attempt(chore.name, chore.sweep) }
                try await Task.sleep(for: interval)
            }
        }
    }

    private func attempt(_ name: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error where !(error is CancellationError) {
            logger.error("\(name): putting things in order failed: \(error)")
        }
    }
}
