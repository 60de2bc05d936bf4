import APIServer
import Foundation
import GRDB
import GoogleAPI

/// The rows of repositories and of their references.
struct RepositoryStore: Sendable {
    let database: any DatabaseWriter

    /// - Throws: ``GoogleError`` `alreadyExists` (409) when the name is taken.
    func insert(_ repository: Repository) async throws {
        do {
            try await database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO source_repositories (id, project, projectNumber, name, createTime)
                        VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        repository.id, repository.project.id, repository.project.number, repository.name,
                        repository.createTime,
                    ]
                )
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw GoogleError.repositoryExists(repository.name, in: repository.project.id)
        }
    }

    /// - Parameter project: Its ID or number.
    func find(_ name: String, in project: String) async throws -> Repository? {
        try await database.read { db in
            try Row.fetchOne(
                db,
                sql: "SELECT * FROM source_repositories WHERE (project = ? OR projectNumber = ?) AND name = ?",
                arguments: [project, Int64(project) ?? -1, name]
            ).map(Repository.init(row:))
        }
    }

    func list(in project: String, after name: String, limit: Int) async throws -> [Repository] {
        try await database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM source_repositories WHERE project = ? AND name > ? ORDER BY name LIMIT ?",
                arguments: [project, name, limit]
            ).map(Repository.init(row:))
        }
    }

    func all() async throws -> [Repository] {
        try await database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM source_repositories").map(Repository.init(row:))
        }
    }

    func delete(_ id: String) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM source_repositories WHERE id = ?", arguments: [id])
        }
    }

    func setPolicy(_ policy: Policy, of id: String) async throws {
        try await database.write { db in
            try db.execute(
                sql: "UPDATE source_repositories SET policy = ? WHERE id = ?",
                arguments: [try JSONCoding.encoder.encode(policy), id]
            )
        }
    }

    /// Makes the rows say where the references stand now; `told` gets every change, in the same transaction.
    func move(
        _ id: String,
        to references: [String: String],
        telling told: @escaping @Sendable ([ReferenceChange], Database) throws -> Void
    ) async throws {
        try await database.write { db in
            var known: [String: String] = [:]
            for row in try Row.fetchAll(
                db,
                sql: "SELECT name, object FROM source_refs WHERE repository = ?",
                arguments: [id]
            ) { known[row["name"]] = row["object"] }
            var changes: [ReferenceChange] = []
            for name in Set(known.keys).union(references.keys).sorted() where known[name] != references[name] {
                changes.append(ReferenceChange(name: name, old: known[name], new: references[name]))
                if let object = references[name] {
                    try db.execute(
                        sql: "INSERT OR REPLACE INTO source_refs (repository, name, object) VALUES (?, ?, ?)",
                        arguments: [id, name, object]
                    )
                } else {
                    try db.execute(
                        sql: "DELETE FROM source_refs WHERE repository = ? AND name = ?",
                        arguments: [id, name]
                    )
                }
            }
            if !changes.isEmpty { try told(changes, db) }
        }
    }
}

/// How a branch or tag moved; nil stands for its absence.
struct ReferenceChange: Sendable, Equatable {
    var name: String
    var old: String?
    var new: String?
}

extension Repository {
    fileprivate init(row: Row) throws {
        id = row["id"]
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        name = row["name"]
        createTime = row["createTime"]
        policy = try (row["policy"] as Data?).map { try JSONCoding.decoder.decode(Policy.self, from: $0) } ?? Policy()
    }
}
