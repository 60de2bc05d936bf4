import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of connections and of their repositories.
struct ConnectionStore: Sendable {
    let store: MetadataStore

    // MARK: Connections

    /// - Throws: ``GoogleError`` `alreadyExists` (409).
    func insert(_ connection: Connection) async throws {
        do {
            try await store.database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO build_connections
                        (name, project, projectNumber, location, id, createTime, document, webhookKey, webhookSecret)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        connection.name, connection.project.id, connection.project.number, connection.location,
                        connection.id, connection.createTime, try connection.document.data(), connection.webhookKey,
                        connection.webhookSecret,
                    ]
                )
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw GoogleError.connectionExists(connection.name)
        }
    }

    func find(_ name: String) async throws -> Connection? {
        try await first("SELECT * FROM build_connections WHERE name = ?", name)
    }

    func find(webhookKey: String) async throws -> Connection? {
        try await first("SELECT * FROM build_connections WHERE webhookKey = ?", webhookKey)
    }

    private func first(_ sql: String, _ argument: String) async throws -> Connection? {
        try await store.database.read { db in
            try Row.fetchOne(db, sql: sql, arguments: [argument]).map(Connection.init(row:))
        }
    }

    func list(project: String, location: String, after id: String, limit: Int) async throws -> [Connection] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM build_connections WHERE project = ? AND (? = '-' OR location = ?) AND name > ?
                    ORDER BY name LIMIT ?
                    """,
                arguments: [project, location, location, id, limit]
            ).map(Connection.init(row:))
        }
    }

    func update(_ connection: Connection) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: "UPDATE build_connections SET document = ? WHERE name = ?",
                arguments: [try connection.document.data(), connection.name]
            )
        }
    }

    func delete(_ name: String) async throws {
        try await store.database.write { db in
            try db.execute(sql: "DELETE FROM build_connections WHERE name = ?", arguments: [name])
        }
    }

    // MARK: Repositories

    /// Inserts all or none.
    ///
    /// - Throws: ``GoogleError`` `alreadyExists` (409).
    func insert(_ repositories: [ConnectedRepository]) async throws {
        do {
            try await store.database.write { db in
                for repository in repositories {
                    try db.execute(
                        sql: """
                            INSERT INTO build_repositories (name, connection, id, remote, createTime)
                            VALUES (?, ?, ?, ?, ?)
                            """,
                        arguments: [
                            repository.name, repository.connection, repository.id, repository.remote,
                            repository.createTime,
                        ]
                    )
                }
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw GoogleError.connectionExists(repositories.map(\.name).joined(separator: ", "))
        }
    }

    func repository(_ name: String) async throws -> ConnectedRepository? {
        try await store.database.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM build_repositories WHERE name = ?", arguments: [name])
                .map(ConnectedRepository.init(row:))
        }
    }

    func repositories(of connection: String) async throws -> [ConnectedRepository] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM build_repositories WHERE connection = ? ORDER BY id",
                arguments: [connection]
            ).map(ConnectedRepository.init(row:))
        }
    }

    func deleteRepository(_ name: String) async throws {
        try await store.database.write { db in
            try db.execute(sql: "DELETE FROM build_repositories WHERE name = ?", arguments: [name])
        }
    }

    /// Where a connected repository of a project really is; the name may hold the project's number.
    func remote(of name: String, in project: ProjectIdentity) async throws -> String? {
        var segments = name.split(separator: "/").map(String.init)
        guard segments.count == 8, [project.id, String(project.number)].contains(segments[1]) else { return nil }
        segments[1] = project.id
        return try await repository(segments.joined(separator: "/"))?.remote
    }
}

extension Connection {
    fileprivate init(row: Row) throws {
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        location = row["location"]
        id = row["id"]
        createTime = row["createTime"]
        document = try JSON(parsing: row["document"])
        webhookKey = row["webhookKey"]
        webhookSecret = row["webhookSecret"]
    }
}

extension ConnectedRepository {
    fileprivate init(row: Row) throws {
        connection = row["connection"]
        id = row["id"]
        remote = row["remote"]
        createTime = row["createTime"]
    }
}
