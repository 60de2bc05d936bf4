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
                try await end(one)
            } catch is CancellationError {
                break
            } catch {
                logger.error("cannot end an instance: \(error)", metadata: ["instance": "\(one.key.resourceName)"])
            }
        }
        waiting[one] = nil
    }

    /// Ends an instance whose time is over, again and again, later each time, until it has ended or been given more time.
    private func end(_ one: Limited) async throws {
        var pause = Self.pauses.lowerBound
        while true {
            switch try await begin(one) {
            case .nothing: return
            case .waiting(let other): _ = try await life.changes.runner.waitUntilDone(other)
            case .begun(let ending):
                logger.info("an instance has run as long as it may", metadata: ["instance": "\(one.key.resourceName)"])
                life.changes.runner.begin(ending)
                guard try await life.changes.runner.waitUntilDone(ending).error != nil else { continue }
                // An engine that is away tells nobody when it is back. The runner has logged why.
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.pauses.upperBound)
            }
        }
    }

    private static let pauses: ClosedRange<Duration> = .seconds(10)...(.seconds(600))

    private enum Step {
        case nothing
        /// An operation is at work, after which the instance is to be looked at again.
        case waiting(String)
        /// The operation that ends the instance is inserted.
        case begun(String)
    }

    private func begin(_ one: Limited) async throws -> Step {
        let target = one.key.resourceName.description
        let changes = life.changes
        return try await life.store.database.write { db in
            guard let instance = try ResourceStore.fetch(one.key, in: db), Limited(one.key, instance) == one else {
                return .nothing
            }
            if let other = try OperationRunner.change(of: target, by: InstanceLife.lifeMethods, in: db) {
                return .waiting(other.id)
            }
            let verb = RunLimit.deletes(instance) ? "delete" : "stop"
            let ending = changes.systemOperation("compute.instances.\(verb)", on: instance, at: one.key)
            _ = try ResourceStore.update(one.key, in: db) { InstanceLife.turn(&$0, to: "STOPPING") }
            try OperationRunner.insert(ending, in: db)
            return .begun(ending.id)
        }
    }
}
