package import Foundation
package import GRDB
package import GoogleAPI
package import Logging
package import MetadataStore
import ServiceLifecycle

/// Carries operations out, wakes those who wait for them, and takes unfinished ones up again after a restart.
///
/// An operation is inserted in the same transaction as its resource (``insert(_:in:)``) and handed over once that
/// transaction is committed (``begin(_:)``). Its handler runs at least once: after a restart it runs again from the
/// start, so each of its steps must be harmless when repeated.
package actor OperationRunner: Service {
    /// Does the work of one kind of operation.
    ///
    /// - Returns: The operation's `response`.
    /// - Throws: ``GoogleError`` becomes the operation's error; anything else is logged and becomes `INTERNAL`.
    package typealias Handler = @Sendable (Operation) async throws -> JSON

    private let store: MetadataStore
    private let logger: Logger
    private let now: @Sendable () -> Date
    private var handlers: [String: Handler] = [:]
    private var waiters: [String: [UUID: CheckedContinuation<Void, Never>]] = [:]
    private let queue: AsyncStream<String>
    private let enqueue: AsyncStream<String>.Continuation

    package init(store: MetadataStore, logger: Logger, now: @escaping @Sendable () -> Date) {
        self.store = store
        self.logger = logger
        self.now = now
        (queue, enqueue) = AsyncStream.makeStream(of: String.self)
    }

    /// Names who carries out operations of a method. Called before ``run()``.
    package func register(_ method: String, handler: @escaping Handler) {
        handlers[method] = handler
    }

    /// Inserts an operation's row; the caller's transaction also holds the change of its resource.
    package nonisolated static func insert(_ operation: Operation, in db: Database) throws {
        try operation.insert(db)
    }

    /// Starts an operation whose row is committed.
    package nonisolated func begin(_ id: String) {
        enqueue.yield(id)
    }

    /// Carries operations out until the daemon ends; unfinished ones of an earlier run come first.
    package func run() async throws {
        let unfinished = try await store.database.read { db in
            try Operation.filter(sql: "state <> 'done'").order(Column("insertTime")).fetchAll(db)
        }
        for operation in unfinished { enqueue.yield(operation.id) }
        await withDiscardingTaskGroup { group in
            for await id in queue.cancelOnGracefulShutdown() {
                group.addTask { await self.perform(id) }
            }
            group.cancelAll()
        }
    }

    /// Returns when the operation is done, or after `timeout`.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    package func wait(for id: String, timeout: Duration) async throws -> Operation {
        let key = UUID()
        let timer = Task {
            try await Task.sleep(for: timeout)
            self.wake(id, key)
        }
        defer { timer.cancel() }
        // Registering happens on this actor and finishing wakes on this actor, so no end can fall between the
        // look at the row and the wait.
        if try await get(id).isDone { return try await get(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if finished.contains(id) || Task.isCancelled { return continuation.resume() }
                waiters[id, default: [:]][key] = continuation
            }
        } onCancel: {
            Task { await self.wake(id, key) }
        }
        return try await get(id)
    }

    /// Returns when the operation is done, however long it takes.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404); `CancellationError` when the waiting task is cancelled.
    package func waitUntilDone(_ id: String) async throws -> Operation {
        while true {
            let operation = try await wait(for: id, timeout: .seconds(3600))
            if operation.isDone { return operation }
            try Task.checkCancellation()
        }
    }

    /// Reads one operation.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    package nonisolated func get(_ id: String) async throws -> Operation {
        guard let operation = try await store.database.read({ try Operation.fetchOne($0, key: id) }) else {
            throw GoogleError.notFound("The operation '\(id)' was not found.")
        }
        return operation
    }

    /// Lists a project's operations, newest first.
    package nonisolated func list(project: String, scope: String? = nil) async throws -> [Operation] {
        try await store.database.read { db in
            var request = Operation.filter(Column("project") == project)
            if let scope { request = request.filter(Column("scope") == scope) }
            return try request.order(Column("insertTime").desc).fetchAll(db)
        }
    }

    /// Whether an unfinished operation of one of `methods` stands for a change of `target`.
    package nonisolated func isChanging(_ target: String, by methods: Set<String>) async throws -> Bool {
        try await store.database.read { try Self.change(of: target, by: methods, in: $0) != nil }
    }

    /// The unfinished operation of one of `methods` that stands for a change of `target`; the first one of several.
    package nonisolated static func change(
        of target: String,
        by methods: Set<String>,
        in db: Database
    ) throws -> Operation? {
        try Operation.filter(sql: "state <> 'done'").filter(Column("target") == target).order(Column("insertTime"))
            .fetchAll(db).first { methods.contains($0.method) }
    }

    // MARK: - One operation

    /// Operations that ended in this run of the daemon; closes the gap between a look at the row and a wait.
    private var finished: Set<String> = []
    private var running: Set<String> = []

    private func perform(_ id: String) async {
        guard running.insert(id).inserted else { return }
        defer { running.remove(id) }
        do {
            var operation = try await get(id)
            guard !operation.isDone else { return }
            operation.state = .running
            operation.startTime = operation.startTime ?? now()
            try await save(operation)
            do {
                guard let handler = handlers[operation.method] else { throw GoogleError.lacking(operation.method) }
                operation.response = try await handler(operation)
            } catch is CancellationError {
                return  // The daemon ends; the next one takes the operation up again.
            } catch let error as GoogleError {
                operation.error = OperationError(error)
            } catch {
                if Task.isCancelled { return }
                logger.error(
                    "operation failed: \(error)",
                    metadata: ["operation": "\(id)", "method": "\(operation.method)"]
                )
                operation.error = OperationError(
                    GoogleError(.internal, reason: "internalError", message: "Internal error.")
                )
            }
            operation.state = .done
            operation.endTime = now()
            try await save(operation)
            finish(id)
        } catch {
            logger.error("cannot carry out operation: \(error)", metadata: ["operation": "\(id)"])
        }
    }

    private nonisolated func save(_ operation: Operation) async throws {
        try await store.database.write { try operation.update($0) }
    }

    private func finish(_ id: String) {
        finished.insert(id)
        for continuation in (waiters.removeValue(forKey: id) ?? [:]).values { continuation.resume() }
    }

    private func wake(_ id: String, _ key: UUID) {
        waiters[id]?.removeValue(forKey: key)?.resume()
    }
}
