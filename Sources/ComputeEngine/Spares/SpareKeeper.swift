import APIServer
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import ServiceLifecycle
import Workloads

/// Makes spare machines: one of the kind that was wanted last, which goes when nobody wants it for a while.
struct SpareKeeper: Service {
    let life: InstanceLife
    let spares: SpareMachines
    /// How long a spare machine is kept that nobody wants.
    let patience: Duration
    let logger: Logger

    /// 10 minutes: as long as somebody may think about the next command.
    static let usualPatience: Duration = .seconds(600)

    func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask {
                await withDiscardingTaskGroup { patient in
                    for await plan in spares.wishes {
                        guard spares.mayMake(plan), let workload = await make(plan) else { continue }
                        patient.addTask {
                            try? await Task.sleep(for: patience)
                            if !Task.isCancelled { await spares.discardUnwanted(workload) }
                        }
                    }
                    patient.cancelAll()
                }
            }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await spares.discardAll()
    }

    private func make(_ plan: MachinePlan) async -> WorkloadName? {
        let workload = WorkloadName(SpareMachines.prefix + Token.id())
        do {
            let network = try await life.guests.ensureNetwork(plan.network, subnet: plan.ranges.network)
            let guest = Guest(
                projectID: plan.project.id,
                projectNumber: plan.project.number,
                instance: ["name": .string(workload.text), "zone": .string("zones/\(plan.zone)")]
            )
            let place = try await life.guests.admit(
                guest,
                to: plan.network,
                within: network.subnet == plan.ranges.network ? plan.ranges.part : nil,
                besides: try await Address.kept(in: plan.project.id, store: life.store),
                owner: workload.text
            )
            // What it writes before it is somebody's is not to bear a name that nobody knows.
            var named = plan
            named.spec.process.files.append(
                GuestTools.name("instance", domain: HostName.domain(plan.zone, of: plan.project.id))
            )
            try await life.engine.create(
                life.workload(named, named: workload, host: workload.text, as: guest, at: place)
            )
            try await life.engine.start(workload)
            // Nobody's machine takes nothing from anybody.
            try await life.walls.close(workload, in: network)
            try await life.serve(workload)
            await spares.offer(.init(workload: workload, kind: plan.kind))
            logger.info("a spare machine is ready", metadata: ["workload": "\(workload)"])
            return workload
        } catch {
            if !Task.isCancelled {
                logger.warning("no spare machine: \(error)", metadata: ["image": "\(plan.spec.process.image)"])
            }
            await spares.discard(workload)
            return nil
        }
    }
}
