import APIServer
import Foundation
import GRDB
import GoogleAPI

/// The rows of secrets.
struct SecretStore: Sendable {
    let database: any DatabaseWriter

    /// - Throws: ``GoogleError`` `ALREADY_EXISTS` (409) when the name is taken.
    func insert(_ secret: Secret) async throws {
        do {
            try await database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO secrets (project, projectNumber, name, createTime, document) VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        secret.project.id, secret.project.number, secret.name, secret.createTime,
                        try secret.settings.data(),
                    ]
                )
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw GoogleError.secretExists(secret.resourceName)
        }
    }

    /// - Parameter project: Its ID or number.
    func find(_ name: String, in project: String) async throws -> Secret? {
        try await database.read { db in
            try Row.fetchOne(
                db,
                sql: "SELECT * FROM secrets WHERE (project = ? OR projectNumber = ?) AND name = ?",
                arguments: [project, Int64(project) ?? -1, name]
            ).map(Secret.init(row:))
        }
    }

    func list(in project: String) async throws -> [Secret] {
        try await database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM secrets WHERE project = ? ORDER BY name", arguments: [project])
                .map(Secret.init(row:))
        }
    }

    /// Changes a secret in one transaction; nil when it is gone.
    func update(_ id: Int64, _ change: @escaping @Sendable (inout Secret) throws -> Void) async throws -> Secret? {
        try await database.write { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM secrets WHERE id = ?", arguments: [id]) else {
                return nil
            }
            var secret = try Secret(row: row)
            try change(&secret)
            try db.execute(
                sql: "UPDATE secrets SET document = ?, policy = ? WHERE id = ?",
                arguments: [try secret.settings.data(), try JSONCoding.encoder.encode(secret.policy), id]
            )
            return secret
        }
    }

    func delete(_ id: Int64) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM secrets WHERE id = ?", arguments: [id])
        }
    }
}

extension Secret {
    fileprivate init(row: Row) throws {
        id = row["id"]
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        name = row["name"]
        createTime = row["createTime"]
        settings = try JSON(parsing: row["document"])
        policy = try (row["policy"] as Data?).map { try JSONCoding.decoder.decode(Policy.self, from: $0) } ?? Policy()
    }
}
