import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of projects.
struct ProjectStore: Sendable {
    let database: any DatabaseWriter
    /// By ID and by number.
    let cache = RowCache<String, Project>()

    /// A project in any state, by ID or number.
    func find(_ idOrNumber: String) async throws -> Project? {
        try await cache.value(for: idOrNumber) {
            try await database.read { db in try Self.fetch(idOrNumber, in: db) }
        }
    }

    func all(after id: String) async throws -> [Project] {
        try await database.read { db in
            try Data.fetchAll(
                db,
                sql: "SELECT document FROM resourcemanager_projects WHERE id > ? ORDER BY id",
                arguments: [id]
            ).map { try JSONCoding.decoder.decode(Project.self, from: $0) }
        }
    }

    /// Inserts a project together with what else begins with it.
    func insert(_ project: Project, with more: @Sendable (Database) throws -> Void) async throws {
        try await database.write { db in
            guard try Self.fetch(project.projectId, in: db) == nil else { throw GoogleError.projectTaken }
            try db.execute(
                sql: "INSERT INTO resourcemanager_projects (id, number, state, document) VALUES (?, ?, ?, ?)",
                arguments: [
                    project.projectId, project.projectNumber, project.lifecycleState.rawValue,
                    try JSONCoding.encoder.encode(project),
                ]
            )
            try more(db)
            cache.clear(after: db)
        }
    }

    func update(_ id: String, _ change: @Sendable (inout Project) throws -> Void) async throws -> Project {
        try await database.write { db in
            guard var project = try Self.fetch(id, in: db) else { throw GoogleError.projectMissing(id) }
            try change(&project)
            try db.execute(
                sql: "UPDATE resourcemanager_projects SET state = ?, document = ? WHERE id = ?",
                arguments: [
                    project.lifecycleState.rawValue, try JSONCoding.encoder.encode(project), project.projectId,
                ]
            )
            cache.clear(after: db)
            return project
        }
    }

    private static func fetch(_ idOrNumber: String, in db: Database) throws -> Project? {
        let column = Int64(idOrNumber) == nil ? "id" : "number"
        return try Data.fetchOne(
            db,
            sql: "SELECT document FROM resourcemanager_projects WHERE \(column) = ?",
            arguments: [idOrNumber]
        ).map { try JSONCoding.decoder.decode(Project.self, from: $0) }
    }
}
