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

    /// Forgets everything whenever a transaction has changed one of these tables, before its writer returns.
    ///
    /// Nothing can be forgotten here: SQLite itself tells of each change.
    package func clear(onChangesOf tables: Set<String>, in database: any DatabaseWriter) {
        database.add(
            transactionObserver: TableWatcher(tables: tables) { [weak self] in self?.clear() },
            extent: .databaseLifetime
        )
    }
}

/// Tells of commits that changed some tables. GRDB calls it on the writer's queue only.
private final class TableWatcher: TransactionObserver {
    private let tables: Set<String>
    private let onChange: @Sendable () -> Void
    private var hasChanged = false

    init(tables: Set<String>, onChange: @escaping @Sendable () -> Void) {
        self.tables = tables
        self.onChange = onChange
    }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { tables.contains(eventKind.tableName) }
    func databaseDidChange(with event: DatabaseEvent) { hasChanged = true }

    func databaseDidCommit(_ db: Database) {
        if hasChanged { onChange() }
        hasChanged = false
    }

    func databaseDidRollback(_ db: Database) { hasChanged = false }
}
