import GoogleAPI
import Logging
import ServiceLifecycle
import Workloads

/// Machines with shared cores, while they may take more of the processors than is theirs for long: as they start.
///
/// See [shared-core machine types](https://docs.cloud.google.com/compute/docs/general-purpose-machines#e2-shared-core).
final class MachineBursts: Sendable {
    /// Machines whose burst has begun.
    let begun: AsyncStream<ResourceKey>
    private let add: AsyncStream<ResourceKey>.Continuation

    init() { (begun, add) = AsyncStream.makeStream() }

    func begin(_ key: ResourceKey) { add.yield(key) }

    /// Whether an instance's machine type shares its cores with others.
    static func has(_ instance: JSON) -> Bool {
        MachineType.named(ResourceName(parsing: instance["machineType"]?.string ?? "").last)?.sharesCores ?? false
    }

    /// What a machine has when it starts.
    static func beginning(of instance: JSON) -> Resources {
        InstanceLife.resources(of: instance).with(has(instance) ? .bursting : .limited)
    }
}

/// Ends bursts. A daemon that ends before them leaves them to the next one, as it looks after its machines.
struct BurstKeeper: Service {
    let life: InstanceLife
    let length: Duration

    /// Google says no more than "short periods".
    static let usualLength: Duration = .seconds(30)

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await key in life.bursts.begun.cancelOnGracefulShutdown() {
                group.addTask {
                    try? await Task.sleep(for: length)
                    if !Task.isCancelled { await life.endBurst(key) }
                }
            }
            group.cancelAll()
        }
    }
}

extension InstanceLife {
    /// Gives a running machine of shared cores what its type says from now on. It goes on also when that fails.
    func endBurst(_ key: ResourceKey) async {
        do {
            guard let instance = try await store.find(key), MachineBursts.has(instance) else { return }
            let workload = Self.workload(of: instance)
            guard try await engine.status(of: workload)?.isRunning ?? false else { return }
            try await engine.resize(workload, to: Self.resources(of: instance))
        } catch {
            if Task.isCancelled { return }
            logger.warning("cannot end a burst: \(error)", metadata: ["instance": "\(key.resourceName)"])
        }
    }
}
