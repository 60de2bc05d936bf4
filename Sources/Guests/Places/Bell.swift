import Synchronization

/// Wakes those who wait for a guest's metadata to change.
final class Bell: Sendable {
    private struct State {
        var rings: [String: Int] = [:]
        var waiters: [Int: (owner: String, wake: CheckedContinuation<Void, Never>)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// How often a guest has changed; taken before its metadata are read, so that no change is missed.
    func count(_ owner: String) -> Int { state.withLock { $0.rings[owner] ?? 0 } }

    func ring(_ owner: String) {
        let woken = state.withLock { state in
            state.rings[owner, default: 0] += 1
            let ids = state.waiters.filter { $0.value.owner == owner }.map(\.key)
            return ids.compactMap { state.waiters.removeValue(forKey: $0)?.wake }
        }
        for wake in woken { wake.resume() }
    }

    /// Returns when the guest has changed since `count`, or the task is cancelled.
    func wait(_ owner: String, after count: Int) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { wake in
                let isOver = state.withLock { state in
                    guard state.rings[owner] ?? 0 == count, !Task.isCancelled else { return true }
                    state.waiters[id] = (owner, wake)
                    return false
                }
                if isOver { wake.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.wake.resume()
        }
    }
}
