import Foundation
import GRDB
import GoogleAPI

/// The rows of services: what a project has switched on or off.
struct ServiceStore: Sendable {
    let database: any DatabaseWriter

    /// The services whose state differs from a new project's.
    func changes(of project: String) async throws -> [String: Bool] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT service, isEnabled FROM serviceusage_services WHERE project = ?",
                arguments: [project]
            )
            return Dictionary(rows.map { ($0["service"], $0["isEnabled"]) }, uniquingKeysWith: { $1 })
        }
    }

    /// Switches services and inserts the operation that did it.
    func set(_ services: [String], isEnabled: Bool, project: String, operation: JSON) async throws {
        try await database.write { db in
            for service in services {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO serviceusage_services (project, service, isEnabled) VALUES (?, ?, ?)",
                    arguments: [project, service, isEnabled]
                )
            }
            try db.execute(
                sql: "INSERT INTO serviceusage_operations (id, project, document) VALUES (?, ?, ?)",
                arguments: [operation["name"]?.string, project, try operation.data()]
            )
        }
    }

    func operation(_ name: String) async throws -> (project: String, document: JSON)? {
        try await database.read { db in
            let row = try Row.fetchOne(
                db,
                sql: "SELECT project, document FROM serviceusage_operations WHERE id = ?",
                arguments: [name]
            )
            return try row.map { ($0["project"], try JSON(parsing: $0["document"])) }
        }
    }
}
