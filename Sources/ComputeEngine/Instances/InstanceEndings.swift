import APIServer
import Foundation
import GRDB
import GoogleAPI
import Guests
import Operations
import Workloads

// How an instance ends: it is stopped, preempted, or deleted.
extension InstanceLife {
    func stop(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        try await stop(key, id: operation.metadata["targetId"]?.string)
    }

    /// Stops an instance; another that has its name by now is left alone.
    private func stop(_ key: ResourceKey, id: String?) async throws {
        let instance = try await store.get(key)
        let isMeant = { @Sendable (found: JSON) in id == nil || found["id"]?.string == id }
        guard isMeant(instance) else { throw GoogleError.resourceMissing(key.resourceName) }
        guard instance["status"]?.string != "TERMINATED" else { return }
        try await shutDown(instance, key, grace: .seconds(90))
        try await emptyLocalDisks(of: instance, key)
        try await store.update(key) { instance in
            guard isMeant(instance) else { throw GoogleError.resourceMissing(key.resourceName) }
            instance["lastStopTimestamp"] = .string(Timestamp.text(changes.now()))
            Self.turn(&instance, to: "TERMINATED")
        }
    }

    func delete(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        try await delete(key, id: operation.metadata["targetId"]?.string)
    }

    /// Ends an instance; one that is gone already is no error, and another that has its name by now is left alone.
    func delete(_ key: ResourceKey, id: String?) async throws {
        do {
            let instance = try await store.update(key) { instance in
                guard id == nil || instance["id"]?.string == id else {
                    throw GoogleError.resourceMissing(key.resourceName)
                }
                Self.turn(&instance, to: "STOPPING")
            }
            try await shutDown(instance, key, grace: .seconds(30))
            let disks = (instance["disks"]?.array ?? []).filter { $0["autoDelete"]?.bool ?? false }
            try await discard(
                instance,
                key,
                andDisks: Set(disks.compactMap { $0["source"]?.string }.map { ResourceName(parsing: $0).last })
            )
        } catch let error as GoogleError where error.status == .notFound {
            return  // An earlier run got this far.
        }
    }

    /// What Google does to a machine whose host needs care: it moves it, or stops it and starts it elsewhere; a Spot
    /// machine is preempted, by an operation of its own that nobody waits for.
    ///
    /// See [simulating events](https://docs.cloud.google.com/compute/docs/instances/simulating-host-maintenance).
    func maintain(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        let scheduling = instance["scheduling"]
        let occasion = operation.metadata["id"]?.string ?? operation.id
        if Scheduling.isSpot(instance) { return try await beginPreemption(of: key, occasion: occasion) }
        let isStopped = scheduling?["onHostMaintenance"]?.string == "TERMINATE"
        let event: SystemEvent = isStopped ? .terminateOnHostMaintenance : .migrateOnHostMaintenance
        // One that an earlier run had begun to stop is started again.
        let hasBegun = try await changes.isNoted(event, of: instance, at: key, occasion: occasion)
        guard hasBegun || instance["status"] == "RUNNING" else { return }
        let shown = isStopped ? "TERMINATE_ON_HOST_MAINTENANCE" : "MIGRATE_ON_HOST_MAINTENANCE"
        try await show(instance, key, maintenance: shown)
        try await changes.note(event, of: instance, at: key, occasion: occasion)
        if isStopped {
            try await setStatus(key, "STOPPING")
            try await stop(key, id: instance["id"]?.string)
            if scheduling?["automaticRestart"]?.bool ?? true {
                try await start(key, operation)
                try await changes.note(.automaticRestart, of: instance, at: key, occasion: occasion)
            }
        }
        try await show(instance, key)
    }

    private func beginPreemption(of key: ResourceKey, occasion: String) async throws {
        let instance = try await store.get(key)
        let preemption = changes.systemOperation(
            SystemEvent.preempted.method,
            on: instance,
            at: key,
            occasion: occasion
        )
        let isNew = try await store.database.write { db in
            guard try !Operations.Operation.exists(db, key: preemption.id),
                try ResourceStore.fetch(key, in: db)?["status"] == "RUNNING"
            else { return false }
            _ = try ResourceStore.update(key, in: db) { Self.turn(&$0, to: "STOPPING") }
            try OperationRunner.insert(preemption, in: db)
            return true
        }
        if isNew { changes.runner.begin(preemption.id) }
    }

    /// Ends a Spot machine, with 30 seconds for its shutdown script, as it says.
    func preempt(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        guard let instance = try await store.find(key), instance["id"] == operation.metadata["targetId"] else { return }
        do {
            try await show(instance, key, maintenance: "TERMINATE_ON_HOST_MAINTENANCE", isPreempted: true)
        } catch let error as GoogleError where error.status == .notFound {
            // An earlier run got so far that nobody is there to be told.
        }
        guard RunLimit.deletes(instance) else {
            try await stop(key, id: instance["id"]?.string)
            return try await show(instance, key)
        }
        // Its machine ends at once; clients still look for the instance that they have seen preempted.
        try await shutDown(instance, key, grace: .seconds(30))
        let passed = changes.now().timeIntervalSince(operation.insertTime)
        try await Task.sleep(for: max(.zero, preemptionNotice - .seconds(passed)))
        try await delete(key, id: instance["id"]?.string)
    }

    /// Asks a machine to end, its shutdown script first; both share the time.
    private func shutDown(_ instance: JSON, _ key: ResourceKey, grace: Duration) async throws {
        let workload = Self.workload(of: instance)
        guard try await engine.status(of: workload)?.isRunning ?? false else { return }
        try await engine.resume(workload)
        await runShutdownScript(of: instance, key, limit: grace)
        try await engine.stop(workload, grace: grace)
    }

    /// Removes the machine, its place and its row, and the named disks; other disks are free again, and keep what they
    /// hold.
    func discard(_ instance: JSON, _ key: ResourceKey, andDisks unwanted: Set<String>) async throws {
        let workload = Self.workload(of: instance)
        let disks = Disk.keys(of: instance, at: key)
        if let boot = disks.first, !unwanted.contains(boot.name) {
            try await contents.keep(try await store.get(boot), of: workload)
        }
        try await engine.remove(workload)
        try await removeLocalDisks(of: instance)
        // As long as the row is there, nobody else has the address.
        for address in Address.reserved(of: instance) {
            try await engine.lead(address, to: nil, in: InstancePlace(of: instance).engineNetwork)
        }
        try await guests.release(owner: workload.text)
        for disk in disks where unwanted.contains(disk.name) {
            if let row = try await store.find(disk) {
                try await contents.remove(row)
            }
        }
        try await store.database.write { db in
            // Another instance may have the name by now.
            guard try ResourceStore.fetch(key, in: db)?["id"] == instance["id"] else { return }
            for disk in disks {
                if unwanted.contains(disk.name) {
                    try ResourceStore.delete(disk, in: db)
                } else {
                    _ = try ResourceStore.update(disk, in: db) { Disk.release(&$0, by: key) }
                }
            }
            try ResourceStore.delete(key, in: db)
        }
    }
}
