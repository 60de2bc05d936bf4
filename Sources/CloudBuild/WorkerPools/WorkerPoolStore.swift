import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of worker pools.
struct WorkerPoolStore: Sendable {
    let store: MetadataStore

    /// - Throws: ``GoogleError`` `alreadyExists` (409).
    func insert(_ pool: WorkerPool) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO build_worker_pools (project, projectNumber, location, id, document)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    pool.project.id, pool.project.number, pool.location, pool.id, try pool.document.data(),
                ]
            )
            if db.changesCount == 0 { throw GoogleError.connectionExists(pool.name) }
        }
    }

    func find(_ id: String, location: String, project: String) async throws -> WorkerPool? {
        try await store.database.read { db in
            try Row.fetchOne(
                db,
                sql: "SELECT * FROM build_worker_pools WHERE project = ? AND location = ? AND id = ?",
                arguments: [project, location, id]
            ).map(WorkerPool.init(row:))
        }
    }

    func list(location: String, project: String, after id: String, limit: Int) async throws -> [WorkerPool] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM build_worker_pools WHERE project = ? AND location = ? AND id > ? ORDER BY id LIMIT ?
                    """,
                arguments: [project, location, id, limit]
            ).map(WorkerPool.init(row:))
        }
    }

    /// Changes a pool in one transaction; nil when it is gone.
    func update(
        _ pool: WorkerPool,
        _ change: @escaping @Sendable (inout WorkerPool) throws -> Void
    ) async throws -> WorkerPool? {
        try await store.database.write { db in
            let isIt = "project = ? AND location = ? AND id = ?"
            let key: StatementArguments = [pool.project.id, pool.location, pool.id]
            let row = try Row.fetchOne(
                db,
                sql: "SELECT * FROM build_worker_pools WHERE \(isIt)",
                arguments: key
            )
            guard let row else { return nil }
            var changed = try WorkerPool(row: row)
            try change(&changed)
            try db.execute(
                sql: "UPDATE build_worker_pools SET document = ? WHERE \(isIt)",
                arguments: [try changed.document.data()] + key
            )
            return changed
        }
    }

    /// False when there was none.
    func delete(_ id: String, location: String, project: String) async throws -> Bool {
        try await store.database.write { db in
            try db.execute(
                sql: "DELETE FROM build_worker_pools WHERE project = ? AND location = ? AND id = ?",
                arguments: [project, location, id]
            )
            return db.changesCount > 0
        }
    }
}

extension WorkerPool {
    fileprivate init(row: Row) throws {
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        location = row["location"]
        id = row["id"]
        document = try JSON(parsing: row["document"])
    }
}
