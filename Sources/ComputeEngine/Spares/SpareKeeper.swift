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
                    for await _ in spares.calls {
                        guard let workload = await spares.makeWished(make) else { continue }
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

    /// - Parameter taken: Ends when somebody waits for the machine.
    private func make(_ plan: MachinePlan, _ workload: WorkloadName, _ taken: AsyncStream<Void>) async throws {
        let network = try await life.ensureNetwork(of: plan.place, plan.ranges.network)
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
        var spare = plan
        spare.spec.process.resources.processorTime = .leftOver
        // What it writes before it is somebody's is not to bear a name that nobody knows.
        try await life.engine.create(life.workload(spare, named: workload, host: "instance", as: guest, at: place))
        if spares.isTaken(workload) { try await life.engine.resize(workload, to: plan.spec.process.resources) }
        try await life.engine.start(workload)
        // Nobody's machine takes nothing from anybody.
        try await life.walls.close(workload, in: network)
        try await life.serve(workload)
        await withTaskGroup { group in
            group.addTask { try? await life.waitUntilSettled(workload) }
            // Who waits for it can use it now.
            group.addTask { for await _ in taken {} }
            await group.next()
            group.cancelAll()
        }
        logger.info(
            "a spare machine is ready",
            metadata: ["workload": "\(workload)", "zone": "\(plan.zone)", "network": "\(plan.network)"]
        )
    }
}
