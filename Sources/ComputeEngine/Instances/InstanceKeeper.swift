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
                for try await status in events { await heed(status) }
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
        let instances = try await life.store.list("instances")
        await withDiscardingTaskGroup { group in
            for (key, instance) in instances where instance["status"]?.string == "RUNNING" {
                group.addTask { await restore(key) }
            }
        }
    }

    private func restore(_ key: ResourceKey) async {
        do {
            try await life.bringUp(key)
        } catch is CancellationError {
        } catch {
            logger.error("cannot bring an instance back: \(error)", metadata: ["instance": "\(key.resourceName)"])
            try? await life.setStatus(key, "TERMINATED")
        }
    }

    /// A machine that changed by itself.
    private func heed(_ status: WorkloadStatus) async {
        guard status.labels["kind"] == "instance", let part = status["machine"] else { return }
        do {
            let rows = try await life.store.list("instances")
            guard let (key, instance) = rows.first(where: { InstanceLife.workload(of: $0.resource) == status.name }),
                instance["status"]?.string == "RUNNING"
            else { return }
            switch part.state {
            case .ended(let exit):
                let restarts = instance["scheduling"]?["automaticRestart"]?.bool ?? true
                logger.info("a machine ended by itself: \(exit)", metadata: ["instance": "\(key.resourceName)"])
                if exit.reason == .rebooted || (restarts && exit.reason != .poweredOff) {
                    await restore(key)
                } else {
                    try await life.setStatus(key, "TERMINATED")
                }
            case .running: try await life.heedStart(instance, key)
            case .waiting, .skipped, .unknown: break
            }
        } catch {
            logger.warning("cannot follow a machine: \(error)", metadata: ["workload": "\(status.name)"])
        }
    }
}

/// Commands that run on inside machines (ssh servers, startup scripts): their output is read so that they never block.
final class MachineSessions: Sendable {
    private let sessions: AsyncStream<any ExecSession>
    private let add: AsyncStream<any ExecSession>.Continuation
    private let first: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    init() {
        (sessions, add) = AsyncStream.makeStream()
        (first, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func keep(_ session: any ExecSession) {
        add.yield(session)
        announce.yield()
    }

    /// Returns once a machine has been started in this run of the daemon.
    func firstMachine() async throws {
        for await _ in first { return }
        throw CancellationError()
    }

    /// Reads all sessions until cancelled.
    func drain() async {
        await withDiscardingTaskGroup { group in
            for await session in sessions {
                group.addTask { do { for try await _ in session.output {} } catch {} }
            }
            group.cancelAll()
        }
    }
}
