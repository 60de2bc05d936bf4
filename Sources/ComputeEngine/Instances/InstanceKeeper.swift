import Foundation
import GoogleAPI
import Logging
import ServiceLifecycle
import Workloads

/// Keeps instances what their rows say: starts again what should run after a restart, follows machines that end or
/// reboot by themselves.
struct InstanceKeeper: Service {
    let life: InstanceLife
    let sessions: MachineSessions
    let logger: Logger

    func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await sessions.drain() }
            group.addTask { await follow() }
            do {
                try await gracefulShutdown()
            } catch {}
            group.cancelAll()
        }
    }

    /// Brings all instances to their wanted state, then follows the engine; begins anew when the engine went away.
    private func follow() async {
        // Without instances nothing asks for an engine: it is started on first need.
        while !Task.isCancelled {
            do {
                if try await !hasInstances() { try await sessions.firstMachine() }
                // Listening begins first: nothing that happens meanwhile is missed.
                let events = try await life.engine.events()
                try await reconcile()
                try await heed(events)
            } catch is CancellationError {
                return
            } catch {
                if Task.isCancelled { return }
                logger.warning("lost sight of the machines: \(error)")
                // The engine is being started again; there is no event for "it can be had".
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func hasInstances() async throws -> Bool { try await !life.store.list("instances").isEmpty }

    private func reconcile() async throws {
        try await life.spares.clear()
        let instances = try await life.store.list("instances")
        await withDiscardingTaskGroup { group in
            // One that was being started when the daemon ended is still to be started.
            for (key, instance) in instances where ["RUNNING", "STAGING"].contains(instance["status"]?.string) {
                group.addTask { await restore(key, from: instance["status"]?.string ?? "") }
            }
            // One that was suspended has lost its memory when its machine does not run any more.
            for (key, instance) in instances where instance["status"]?.string == "SUSPENDED" {
                group.addTask { await forgetEnded(instance, key) }
            }
        }
    }

    private func heed(_ events: some AsyncSequence<WorkloadStatus, any Error> & Sendable) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for try await status in events { group.addTask { await heed(status) } }
        }
    }

    private func forgetEnded(_ instance: JSON, _ key: ResourceKey) async {
        do {
            guard try await life.engine.status(of: InstanceLife.workload(of: instance))?.hasEnded ?? true else {
                return
            }
            try await life.emptyLocalDisks(of: instance, key)
            _ = try await life.claim(key, from: "SUSPENDED", to: "TERMINATED")
        } catch {
            logger.warning("cannot follow a machine: \(error)", metadata: ["instance": "\(key.resourceName)"])
        }
    }

    /// Starts an instance that ought to run, unless an operation is about to change its life anyway.
    ///
    /// - Parameter failed: The instance as it was, when its machine died.
    private func restore(_ key: ResourceKey, from status: String, failed: JSON? = nil) async {
        do {
            guard try await !life.isChanging(key), try await life.claim(key, from: status, to: "STAGING") else {
                return
            }
            if let failed { try await life.changes.note(.hostError, of: failed, at: key) }
            try await life.bringUp(key)
            if let failed { try await life.changes.note(.automaticRestart, of: failed, at: key) }
        } catch is CancellationError {
        } catch {
            logger.error("cannot bring an instance back: \(error)", metadata: ["instance": "\(key.resourceName)"])
            let known = (error as? EngineError)?.asGoogleError ?? error as? GoogleError
            let reason = "The machine could not be started again: \(known?.message ?? "internal error.")"
            try? await life.setStatus(key, "TERMINATED", because: reason)
        }
    }

    /// A machine that ended or started by itself.
    private func heed(_ status: WorkloadStatus) async {
        guard status.labels["kind"] == "instance", let state = status["machine"]?.state else { return }
        do {
            let rows = try await life.store.list("instances")
            guard let (key, instance) = rows.first(where: { InstanceLife.workload(of: $0.resource) == status.name }),
                try await !life.isChanging(key)
            else { return }
            guard instance["status"]?.string == "RUNNING" else {
                return instance["status"]?.string == "SUSPENDED" ? await forgetEnded(instance, key) : ()
            }
            switch state {
            case .running: try await life.letIn(instance, key)
            case .ended(let exit): try await heedEnd(of: instance, key, exit)
            case .waiting, .skipped, .unknown: break
            }
        } catch {
            logger.warning("cannot follow a machine: \(error)", metadata: ["workload": "\(status.name)"])
        }
    }

    private func heedEnd(of instance: JSON, _ key: ResourceKey, _ exit: Exit) async throws {
        // What is told may be old: it may have been started again.
        guard try await life.engine.status(of: InstanceLife.workload(of: instance))?.hasEnded ?? true else { return }
        let restarts = instance["scheduling"]?["automaticRestart"]?.bool ?? true
        logger.info("a machine ended by itself: \(exit)", metadata: ["instance": "\(key.resourceName)"])
        if exit.reason == .rebooted { return await restore(key, from: "RUNNING") }
        if restarts, exit.reason != .poweredOff { return await restore(key, from: "RUNNING", failed: instance) }
        // Before anybody may start it again.
        try await life.emptyLocalDisks(of: instance, key)
        guard try await life.claim(key, from: "RUNNING", to: "TERMINATED", because: exit.failure) else { return }
        let event: SystemEvent = exit.reason == .poweredOff ? .guestTerminate : .hostError
        try await life.changes.note(event, of: instance, at: key)
    }
}

extension Exit {
    /// Why a machine is off that nobody switched off; nil when somebody did, inside.
    fileprivate var failure: String? {
        switch reason {
        case .rebooted, .poweredOff: nil
        case .outOfMemory: "The machine was ended: it took more memory than its machine type has."
        case .exited, .timedOut, .failedToStart, .outOfDisk:
            "The machine ended by itself, with the exit code \(code)." + (message.map { " \($0)" } ?? "")
        }
    }
}
