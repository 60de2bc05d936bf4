import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import Operations

/// The rows of custom jobs.
struct CustomJobStore: Sendable {
    let metadata: MetadataStore

    func insert(_ job: CustomJob) async throws {
        try await metadata.database.write { try job.insert($0) }
    }

    func find(_ id: String) async throws -> CustomJob? {
        try await metadata.database.read { try CustomJob.fetchOne($0, key: id) }
    }

    /// Newest first.
    func list(project: String, location: String) async throws -> [CustomJob] {
        try await metadata.database.read { db in
            try CustomJob.filter(Column("project") == project && Column("location") == location)
                .order(Column("createTime").desc, Column("id").desc).fetchAll(db)
        }
    }

    func unfinished() async throws -> [String] {
        try await metadata.database.read { db in
            try String.fetchAll(db, sql: "SELECT id FROM vertex_custom_jobs WHERE NOT isOver ORDER BY createTime")
        }
    }

    /// Changes a job in one transaction; nil when it is gone.
    @discardableResult
    func change(_ id: String, _ body: @escaping @Sendable (inout CustomJob) -> Void) async throws -> CustomJob? {
        try await metadata.database.write { db in
            guard var job = try CustomJob.fetchOne(db, key: id) else { return nil }
            body(&job)
            try job.update(db)
            return job
        }
    }

    /// Notes that nothing is left to do for a job.
    func finish(_ id: String) async throws {
        try await metadata.database.write { db in
            try db.execute(sql: "UPDATE vertex_custom_jobs SET isOver = 1 WHERE id = ?", arguments: [id])
        }
    }

    /// Deletes a job, and keeps the finished operation that tells of it.
    func delete(_ id: String, operation: Operations.Operation) async throws {
        try await metadata.database.write { db in
            try CustomJob.deleteOne(db, key: id)
            try OperationRunner.insert(operation, in: db)
        }
    }

    func copiedLines(_ id: String, replica: String) async throws -> Int {
        try await metadata.database.read { db in
            try Int.fetchOne(
                db,
                sql: "SELECT lines FROM vertex_copied_lines WHERE job = ? AND replica = ?",
                arguments: [id, replica]
            ) ?? 0
        }
    }

    func setCopiedLines(_ id: String, replica: String, to lines: Int) async throws {
        try await metadata.database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO vertex_copied_lines VALUES (?, ?, ?)
                    ON CONFLICT (job, replica) DO UPDATE SET lines = excluded.lines
                    """,
                arguments: [id, replica, lines]
            )
        }
    }
}

extension CustomJob: FetchableRecord, PersistableRecord {
    static let databaseTableName = "vertex_custom_jobs"

    init(row: Row) throws {
        id = row["id"]
        project = row["project"]
        location = row["location"]
        state = State(rawValue: row["state"]) ?? .failed
        createTime = row["createTime"]
        document = try JSON(parsing: row["job"])
        isCancelled = row["isCancelled"]
    }

    func encode(to container: inout PersistenceContainer) throws {
        container["id"] = id
        container["project"] = project
        container["location"] = location
        container["state"] = state.rawValue
        container["createTime"] = createTime
        container["job"] = try document.data()
        container["isCancelled"] = isCancelled
    }
}
