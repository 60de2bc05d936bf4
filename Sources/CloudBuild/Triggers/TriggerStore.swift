import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of triggers.
struct TriggerStore: Sendable {
    let store: MetadataStore

    /// - Throws: ``GoogleError`` `alreadyExists` (409) when the name is taken.
    func insert(_ trigger: Trigger) async throws {
        do {
            try await store.database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO build_triggers (id, project, projectNumber, location, name, createTime, document)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        trigger.id, trigger.project.id, trigger.project.number, trigger.location, trigger.name,
                        trigger.createTime, try trigger.document.data(),
                    ]
                )
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw GoogleError.triggerExists(trigger.name)
        }
    }

    /// Finds a trigger by its ID or its name: clients write either in the path.
    func find(_ idOrName: String, project: String, location: String) async throws -> Trigger? {
        try await store.database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT * FROM build_triggers WHERE project = ? AND (? = '-' OR location = ?) AND (id = ? OR name = ?)
                    ORDER BY id = ? DESC
                    """,
                arguments: [project, location, location, idOrName, idOrName, idOrName]
            ).map(Trigger.init(row:))
        }
    }

    func list(project: String, location: String, after id: String, limit: Int) async throws -> [Trigger] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM build_triggers WHERE project = ? AND (? = '-' OR location = ?) AND id > ?
                    ORDER BY id LIMIT ?
                    """,
                arguments: [project, location, location, id, limit]
            ).map(Trigger.init(row:))
        }
    }

    func all() async throws -> [Trigger] {
        try await store.database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM build_triggers ORDER BY createTime, id").map(Trigger.init(row:))
        }
    }

    /// - Throws: ``GoogleError`` `alreadyExists` (409) when the new name is taken.
    func update(_ trigger: Trigger) async throws {
        do {
            try await store.database.write { db in
                try db.execute(
                    sql: "UPDATE build_triggers SET name = ?, document = ? WHERE id = ?",
                    arguments: [trigger.name, try trigger.document.data(), trigger.id]
                )
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw GoogleError.triggerExists(trigger.name)
        }
    }

    func delete(_ id: String) async throws {
        try await store.database.write { db in
            try db.execute(sql: "DELETE FROM build_triggers WHERE id = ?", arguments: [id])
        }
    }
}

extension Trigger {
    fileprivate init(row: Row) throws {
        id = row["id"]
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        location = row["location"]
        createTime = row["createTime"]
        document = try JSON(parsing: row["document"])
    }
}
