import Foundation

/// Wakes those who wait for entries of a project.
actor EntryWaiters {
    private var rounds: [String: Int] = [:]
    private var waiters: [String: [UUID: CheckedContinuation<Void, Never>]] = [:]

    /// How often the project's entries have changed. Read it before looking for entries, and give it to ``wait``.
    func round(of project: String) -> Int { rounds[project, default: 0] }

    func announce(_ project: String) {
        rounds[project, default: 0] += 1
        for waiter in (waiters.removeValue(forKey: project) ?? [:]).values { waiter.resume() }
    }

    /// Returns when the project's entries have changed since `round`, after `timeout`, or when cancelled.
    func wait(for project: String, since round: Int, timeout: Duration) async {
        let key = UUID()
        let timer = Task {
            try await Task.sleep(for: timeout)
            self.wake(project, key)
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard rounds[project, default: 0] == round, !Task.isCancelled else { return continuation.resume() }
                waiters[project, default: [:]][key] = continuation
            }
        } onCancel: {
            Task { await self.wake(project, key) }
        }
    }

    private func wake(_ project: String, _ key: UUID) {
        waiters[project]?.removeValue(forKey: key)?.resume()
    }
}
