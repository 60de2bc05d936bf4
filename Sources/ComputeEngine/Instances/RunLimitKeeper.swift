import Foundation
import GRDB
import GoogleAPI
import Logging
import ServiceLifecycle
import Workloads

/// Ends instances whose time is over.
actor RunLimitKeeper: Service {
    private let life: InstanceLife
    private let logger: Logger
    /// What is waited for already.
    private var waiting: Set<Limited> = []

    init(life: InstanceLife, logger: Logger) {
        self.life = life
        self.logger = logger
    }

    private struct Limited: Hashable, Sendable {
        var key: ResourceKey
        var id: String
        var end: Date
    }

    func run() async throws {
        let all = ValueObservation.tracking { try Self.limited(in: $0) }.removeDuplicates()
        await withDiscardingTaskGroup { tasks in
            do {
                for try await limited in all.values(in: life.store.database).cancelOnGracefulShutdown() {
                    for one in limited where waiting.insert(one).inserted {
                        tasks.addTask { await self.wait(for: one) }
                    }
                }
            } catch {
                logger.error("cannot watch how long instances run: \(error)")
            }
            tasks.cancelAll()
        }
    }

    /// The instances that run, or were being ended when an earlier run of the daemon was, and have a limit.
    private static func limited(in db: Database) throws -> [Limited] {
        try ResourceStore.list("instances", in: db).compactMap { key, instance in
            guard ["RUNNING", "STOPPING"].contains(instance["status"]?.string), let limit = RunLimit(of: instance)
            else {
                return nil
            }
            return Limited(key: key, id: instance["id"]?.string ?? "", end: limit.end)
        }
    }

    private func wait(for one: Limited) async {
        defer { waiting.remove(one) }
        do {
            try await Task.sleep(for: .seconds(max(0, one.end.timeIntervalSince(life.changes.now()))))
            while try await !hasEnded(one) { try await Task.sleep(for: Self.pause) }
        } catch is CancellationError {
        } catch {
            logger.error("cannot end an instance: \(error)", metadata: ["instance": "\(one.key.resourceName)"])
        }
    }

    /// An operation that is at work, or an engine that is away, tells nobody when it is over.
    private static let pause: Duration = .seconds(1)

    /// Ends an instance whose time is over.
    ///
    /// - Returns: False when it is to be tried again.
    private func hasEnded(_ one: Limited) async throws -> Bool {
        // It may have been stopped, or been given more time.
        guard let instance = try await life.store.find(one.key), instance["id"]?.string == one.id,
            ["RUNNING", "STOPPING"].contains(instance["status"]?.string), RunLimit(of: instance)?.end == one.end
        else { return true }
        guard try await !life.isChanging(one.key) else { return false }
        logger.info("an instance has run as long as it may", metadata: ["instance": "\(one.key.resourceName)"])
        do {
            // As at Google it is a stop or a deletion as any other, by nobody.
            let ending = life.changes.systemOperation(
                "compute.instances.\(RunLimit.deletes(instance) ? "delete" : "stop")",
                on: instance,
                at: one.key,
                occasion: "\(one.id)-\(Int(one.end.timeIntervalSince1970 * 1000))"
            )
            try await life.terminate(instance, one.key)
            try await life.changes.note(done: ending)
            return true
        } catch let error as EngineError {
            logger.warning("cannot end an instance: \(error)", metadata: ["instance": "\(one.key.resourceName)"])
            return false
        }
    }
}
