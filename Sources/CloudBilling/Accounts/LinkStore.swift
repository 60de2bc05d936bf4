import GRDB

/// The rows of links: which projects have no account.
struct LinkStore: Sendable {
    let database: any DatabaseWriter

    func isLinked(_ project: String) async throws -> Bool {
        try await database.read { db in
            try Row.fetchOne(db, sql: "SELECT 1 FROM cloudbilling_unlinked WHERE project = ?", arguments: [project])
                == nil
        }
    }

    func set(_ project: String, isLinked: Bool) async throws {
        let change =
            isLinked
            ? "DELETE FROM cloudbilling_unlinked WHERE project = ?"
            : "INSERT OR IGNORE INTO cloudbilling_unlinked (project) VALUES (?)"
        try await database.write { db in try db.execute(sql: change, arguments: [project]) }
    }
}
