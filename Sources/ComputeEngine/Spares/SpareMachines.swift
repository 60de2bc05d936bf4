import GoogleAPI
import Guests
import Logging
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
        /// Of which a spare machine should be made; the latest counts.
        var wished: MachinePlan?
        var making: Making?
        var clearing: Task<Void, any Error>?
    }

    private struct Spare {
        var workload: WorkloadName
        var kind: MachinePlan.Kind
    }

    /// A machine that is being made. The task ends with its name when it may be given away.
    private struct Making {
        var plan: MachinePlan
        var workload: WorkloadName
        var task: Task<WorkloadName?, Never>
        /// Ends when the task does.
        var end: AsyncStream<Void>
        /// Whether somebody waits for it, to have it or to remove it.
        var isTaken = false
        /// Tells who makes it that somebody waits for it.
        var taken: AsyncStream<Void>.Continuation

        mutating func take() {
            isTaken = true
            taken.finish()
        }

        var kind: MachinePlan.Kind { plan.kind }
    }

    /// As many kinds have a spare machine at most; the one that was made first goes first.
    private static let limit = 2
    /// How long an instance waits for a machine that is being made, before it has one of its own made.
    private static let patience: Duration = .seconds(30)
    static let prefix = "spare-"

    let engine: any WorkloadEngine
    let guests: Guests
    let logger: Logger
    /// Whether any are made.
    private let isWanted: Bool
    private let state = Mutex(State())
    /// Tells when it is time to make what is wished.
    let calls: AsyncStream<Void>
    private let call: AsyncStream<Void>.Continuation

    init(engine: any WorkloadEngine, guests: Guests, isWanted: Bool, logger: Logger) {
        self.isWanted = isWanted
        self.logger = logger
        self.engine = engine
        self.guests = guests
        (calls, call) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: When

    /// A start begins: no spare machine is made meanwhile, it would take the processor from somebody who waits.
    func startBegins() { state.withLock { $0.startsInProgress += 1 } }

    /// A start has ended; the last of several lets a spare machine be made.
    ///
    /// - Parameter plan: Of the machine that was made for it; nil when none was, or the start failed.
    func startEnds(of plan: MachinePlan?) {
        let isTime = state.withLock { state in
            state.startsInProgress -= 1
            if let plan, plan.isCommon, isWanted { state.wished = plan }
            return state.startsInProgress == 0 && state.wished != nil
        }
        if isTime { call.yield() }
    }

    /// Makes what is wished, unless somebody waits for a start or there is one of the kind.
    ///
    /// - Parameter work: Makes the machine and starts it; soon, once the stream has ended, for then somebody waits for it.
    /// - Returns: The machine, when it is nobody's yet.
    func makeWished(
        _ work: @escaping @Sendable (MachinePlan, WorkloadName, AsyncStream<Void>) async throws -> Void
    ) async -> WorkloadName? {
        let begun = state.withLock { state -> Task<WorkloadName?, Never>? in
            guard state.startsInProgress == 0, let plan = state.wished.take(),
                !state.ready.contains(where: { $0.kind == plan.kind })
            else { return nil }
            let (end, ending) = AsyncStream.makeStream(of: Void.self)
            let (whenTaken, taken) = AsyncStream.makeStream(of: Void.self)
            let workload = WorkloadName(Self.prefix + Token.id())
            let task = Task {
                defer { ending.finish() }
                return await make(plan, workload) { try await work($0, $1, whenTaken) }
            }
            state.making = Making(plan: plan, workload: workload, task: task, end: end, taken: taken)
            return task
        }
        guard let begun else { return nil }
        let made = await withTaskCancellationHandler {
            await begun.value
        } onCancel: {
            begun.cancel()
        }
        let (isOffered, surplus) = state.withLock { state -> (Bool, Spare?) in
            guard let making = state.making.take(), let made, !making.isTaken else { return (false, nil) }
            state.ready.append(Spare(workload: made, kind: making.kind))
            return (true, state.ready.count > Self.limit ? state.ready.removeFirst() : nil)
        }
        if let surplus { await discard(surplus.workload) }
        return isOffered ? made : nil
    }

    private func make(
        _ plan: MachinePlan,
        _ workload: WorkloadName,
        _ work: @Sendable (MachinePlan, WorkloadName) async throws -> Void
    ) async -> WorkloadName? {
        do {
            try await work(plan, workload)
            return workload
        } catch {
            if !Task.isCancelled {
                logger.warning("no spare machine: \(error)", metadata: ["image": "\(plan.spec.process.image)"])
            }
            await discard(workload)
            return nil
        }
    }

    // MARK: Which

    /// Whether somebody waits for a machine that is being made.
    func isTaken(_ workload: WorkloadName) -> Bool {
        state.withLock { $0.making?.workload == workload && $0.making?.isTaken == true }
    }

    /// Gives a spare machine away, one that is being made as soon as it takes ssh; nil when there is none of the kind.
    func take(_ kind: MachinePlan.Kind) async -> WorkloadName? {
        let (ready, making) = state.withLock { state -> (WorkloadName?, Making?) in
            if let index = state.ready.firstIndex(where: { $0.kind == kind }) {
                return (state.ready.remove(at: index).workload, nil)
            }
            guard let making = state.making, making.kind == kind, !making.isTaken else { return (nil, nil) }
            state.making?.take()
            return (nil, making)
        }
        guard let making else { return ready }
        // It need not yield any more; who makes it sees to one that is not there yet.
        try? await engine.resize(making.workload, to: making.plan.spec.process.resources)
        let isOver = await withTaskGroup { group in
            group.addTask {
                for await _ in making.end {}
                return !Task.isCancelled
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        let isGivenBack = state.withLock { state in
            guard !isOver, state.making?.task == making.task else { return false }
            state.making?.isTaken = false
            return true
        }
        guard isGivenBack else { return await making.task.value }
        try? await engine.resize(making.workload, to: making.plan.spec.process.resources.with(.leftOver))
        return nil
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

    /// Removes the machines in one of the engine's networks, or all; none is made there any more that was wished before.
    func discardAll(in network: String? = nil) async {
        let (ready, making) = state.withLock { state in
            let goes = { (kind: MachinePlan.Kind) in network == nil || kind.network == network }
            if let wished = state.wished, goes(wished.kind) { state.wished = nil }
            let ready = state.ready.filter { goes($0.kind) }
            state.ready.removeAll { goes($0.kind) }
            guard let making = state.making, goes(making.kind) else { return (ready, nil as Making?) }
            state.making?.take()
            return (ready, making)
        }
        for spare in ready { await discard(spare.workload) }
        guard let making, let made = await making.task.value else { return }
        // One that an instance waits for is the instance's.
        if !making.isTaken { await discard(made) }
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
