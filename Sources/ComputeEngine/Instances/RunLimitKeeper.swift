import Foundation
import GRDB
import GoogleAPI
import Logging
import Operations
import ServiceLifecycle

/// Ends instances whose time is over: as at Google by a stop or a deletion as any other, that nobody has asked for.
actor RunLimitKeeper: Service {
    private let life: InstanceLife
    private let logger: Logger
    /// What is waited for already, and whether it was seen again since it was last looked at.
    private var waiting: [Limited: Bool] = [:]

    init(life: InstanceLife, logger: Logger) {
        self.life = life
        self.logger = logger
    }

    private struct Limited: Hashable, Sendable {
        var key: ResourceKey
        var id: String
        var end: Date

        /// Nil for an instance that may run for ever, or does not run. One that is being ended counts: it may fail.
        init?(_ key: ResourceKey, _ instance: JSON) {
            guard ["RUNNING", "STOPPING"].contains(instance["status"]?.string), let limit = RunLimit(of: instance)
            else { return nil }
            self.key = key
            id = instance["id"]?.string ?? ""
            end = limit.end
        }
    }

    func run() async throws {
        let all = ValueObservation.tracking { db in
            try ResourceStore.list("instances", in: db).compactMap { Limited($0, $1) }
        }.removeDuplicates()
        await withDiscardingTaskGroup { tasks in
            do {
                for try await limited in all.values(in: life.store.database).cancelOnGracefulShutdown() {
                    for one in limited where waiting.updateValue(true, forKey: one) == nil {
                        tasks.addTask { await self.wait(for: one) }
                    }
                }
            } catch {
                logger.error("cannot watch how long instances run: \(error)")
            }
            tasks.cancelAll()
        }
    }

    private func wait(for one: Limited) async {
        while waiting[one] == true {
            waiting[one] = false
            do {
                try await Task.sleep(for: .seconds(max(0, one.end.timeIntervalSince(life.changes.now()))))
                while let operation = try await end(one) {
                    let error = try await life.changes.runner.waitUntilDone(operation).error
                    guard let error else { continue }
                    logger.warning(
                        "cannot end an instance: \(error)",
                        metadata: ["instance": "\(one.key.resourceName)"]
                    )
                    // An engine that is away tells nobody when it is back.
                    try await Task.sleep(for: Self.pause)
                }
            } catch is CancellationError {
                break
            } catch {
                logger.error("cannot end an instance: \(error)", metadata: ["instance": "\(one.key.resourceName)"])
            }
        }
        waiting[one] = nil
    }

    private static let pause: Duration = .seconds(10)

    /// Begins to end an instance whose time is over.
    ///
    /// - Returns: The operation after which it is to be looked at again: the end, or what is at work before it; nil when
    ///   it has ended, or has been given more time.
    private func end(_ one: Limited) async throws -> String? {
        let target = one.key.resourceName.description
        let changes = life.changes
        let (operation, isNew) = try await life.store.database.write { db -> (String?, Bool) in
            guard let instance = try ResourceStore.fetch(one.key, in: db), Limited(one.key, instance) == one else {
                return (nil, false)
            }
            if let other = try OperationRunner.change(of: target, by: InstanceLife.lifeMethods, in: db) {
                return (other.id, false)
            }
            let verb = RunLimit.deletes(instance) ? "delete" : "stop"
            let ending = changes.systemOperation("compute.instances.\(verb)", on: instance, at: one.key)
            _ = try ResourceStore.update(one.key, in: db) { instance in
                instance["status"] = "STOPPING"
                InstanceLife.settle(&instance)
            }
            try OperationRunner.insert(ending, in: db)
            return (ending.id, true)
        }
        guard isNew, let operation else { return operation }
        logger.info("an instance has run as long as it may", metadata: ["instance": "\(one.key.resourceName)"])
        changes.runner.begin(operation)
        return operation
    }
}
