import Guests
import Synchronization
import Workloads

/// Machines that were started before anybody asked for them: an instance of their kind has one at once.
///
/// What is known here is known in memory alone. A spare machine is a workload whose name says so; whatever an earlier
/// run of the daemon left of them is removed before the first machine is made.
final class SpareMachines: Sendable {
    private struct State {
        var ready: [Spare] = []
        /// How many instances are being brought up now.
        var startsInProgress = 0
        var wished: MachinePlan?
        var clearing: Task<Void, any Error>?
    }

    struct Spare: Sendable {
        var workload: WorkloadName
        var kind: MachinePlan.Kind
    }

    /// As many kinds have a spare machine at most; the one that was made first goes first.
    private static let limit = 2
    static let prefix = "spare-"

    let engine: any WorkloadEngine
    let guests: Guests
    /// Whether any are made.
    private let isWanted: Bool
    private let state = Mutex(State())
    /// Of which a spare machine should be made; the latest counts.
    let wishes: AsyncStream<MachinePlan>
    private let wish: AsyncStream<MachinePlan>.Continuation

    init(engine: any WorkloadEngine, guests: Guests, isWanted: Bool) {
        self.isWanted = isWanted
        self.engine = engine
        self.guests = guests
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: When

    /// A start begins: no spare machine is made meanwhile, it would take the processor from somebody who waits.
    func startBegins() { state.withLock { $0.startsInProgress += 1 } }

    /// A start has ended, of a machine that was made by a plan; the last of several lets a spare machine be made.
    func startEnds(of plan: MachinePlan?) {
        let wanted = state.withLock { state -> MachinePlan? in
            state.startsInProgress -= 1
            if let plan, plan.isCommon, isWanted { state.wished = plan }
            guard state.startsInProgress == 0, let wished = state.wished.take() else { return nil }
            return state.ready.contains { $0.kind == wished.kind } ? nil : wished
        }
        if let wanted { wish.yield(wanted) }
    }

    // MARK: Which

    /// Gives a spare machine away; nil when there is none of the kind.
    func take(_ kind: MachinePlan.Kind) -> WorkloadName? {
        state.withLock { state in
            guard let index = state.ready.firstIndex(where: { $0.kind == kind }) else { return nil }
            return state.ready.remove(at: index).workload
        }
    }

    /// Offers a machine that runs.
    func offer(_ spare: Spare) async {
        let surplus = state.withLock { state -> Spare? in
            state.ready.append(spare)
            return state.ready.count > Self.limit ? state.ready.removeFirst() : nil
        }
        if let surplus { await discard(surplus.workload) }
    }

    // MARK: Removal

    /// Removes a machine that is nobody's; what cannot be removed now is removed by the next run of the daemon.
    ///
    /// The work is done also when who asks for it is cancelled.
    func discard(_ workload: WorkloadName) async {
        await Task { [engine, guests] in
            do {
                try await engine.remove(workload)
                try await guests.release(owner: workload.text)
            } catch {}
        }.value
    }

    /// Removes a machine that was offered, unless it was given away.
    func discardUnwanted(_ workload: WorkloadName) async {
        let isStillThere = state.withLock { state -> Bool in
            guard let index = state.ready.firstIndex(where: { $0.workload == workload }) else { return false }
            state.ready.remove(at: index)
            return true
        }
        if isStillThere { await discard(workload) }
    }

    func discardAll(in network: String? = nil) async {
        let gone = state.withLock { state in
            let gone = state.ready.filter { network == nil || $0.kind.network == network }
            state.ready.removeAll { spare in gone.contains { $0.workload == spare.workload } }
            return gone
        }
        for spare in gone { await discard(spare.workload) }
    }

    /// Whether a machine of a plan may be made now: nobody waits for a start, and there is none of the kind.
    func mayMake(_ plan: MachinePlan) -> Bool {
        state.withLock { state in
            state.startsInProgress == 0 && !state.ready.contains { $0.kind == plan.kind }
        }
    }

    /// Removes what an earlier run of the daemon left, once.
    func clear() async throws {
        let clearing = state.withLock { state in
            if let clearing = state.clearing { return clearing }
            let clearing = Task {
                for left in try await engine.recover(labels: InstanceLife.kindLabel)
                where left.name.text.hasPrefix(Self.prefix) {
                    try await engine.remove(left.name)
                }
                try await guests.release(ownersBeginningWith: Self.prefix)
            }
            state.clearing = clearing
            return clearing
        }
        do {
            try await clearing.value
        } catch {
            state.withLock { if $0.clearing == clearing { $0.clearing = nil } }
            throw error
        }
    }
}
