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

/// Ends bursts.
struct BurstKeeper: Service {
    let life: InstanceLife
    let logger: Logger
    /// Google says no more than "short periods". A daemon that ends meanwhile leaves the end to the next one's start.
    static let length: Duration = .seconds(30)

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await key in life.bursts.begun.cancelOnGracefulShutdown() {
                group.addTask {
                    do {
                        try await Task.sleep(for: Self.length)
                        try await life.endBurst(key)
                    } catch is CancellationError {
                    } catch {
                        logger.warning(
                            "cannot limit a machine: \(error)",
                            metadata: ["instance": "\(key.resourceName)"]
                        )
                    }
                }
            }
            group.cancelAll()
        }
    }
}

extension InstanceLife {
    /// Gives a running machine what its type says from now on.
    func endBurst(_ key: ResourceKey) async throws {
        guard let instance = try await store.find(key), instance["status"]?.string != "TERMINATED" else { return }
        let workload = Self.workload(of: instance)
        // It may be gone, or not be there yet under its name.
        guard try await engine.status(of: workload)?.isRunning ?? false else { return }
        try await engine.resize(workload, to: Self.resources(of: instance))
    }
}
