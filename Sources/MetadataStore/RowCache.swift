package import GRDB
import Synchronization

/// Rows kept in memory between two writes.
///
/// A writer calls ``clear(after:)`` in its transaction; a value that was read before the commit is never kept after it.
package final class RowCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State: Sendable {
        var generation = 0
        var values: [Key: Value] = [:]
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: How many values are kept at most; when there are more, all are forgotten.
    package init(limit: Int = 10_000) { self.limit = limit }

    /// The kept value, else what `read` finds; nothing is kept when it finds nothing.
    package func value(for key: Key, read: () async throws -> Value?) async rethrows -> Value? {
        let (kept, generation) = state.withLock { ($0.values[key], $0.generation) }
        if let kept { return kept }
        guard let value = try await read() else { return nil }
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.values.count >= limit { state.values.removeAll(keepingCapacity: true) }
            state.values[key] = value
        }
        return value
    }

    /// Forgets everything now.
    package func clear() {
        state.withLock { state in
            state.generation += 1
            state.values.removeAll(keepingCapacity: true)
        }
    }

    /// Forgets everything when the transaction is committed, before the writer returns.
    package func clear(after db: Database) {
        db.afterNextTransaction { _ in self.clear() }
    }
}
