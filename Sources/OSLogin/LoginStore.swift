import GRDB
import GoogleAPI

struct LoginStore: Sendable {
    let database: any DatabaseWriter

    func profile(of account: String) async throws -> JSON {
        try await database.read { db in
            LoginProfile.document(
                of: account,
                keys: try Self.keys(of: account, in: db),
                projects: try String.fetchAll(
                    db,
                    sql: "SELECT project FROM osloginUsers WHERE account = ? ORDER BY project",
                    arguments: [account]
                )
            )
        }
    }

    static func keys(of account: String, in db: Database) throws -> [PublicKey] {
        let sql = "SELECT key, expires FROM osloginKeys WHERE account = ? ORDER BY fingerprint"
        return try Row.fetchAll(db, sql: sql, arguments: [account]).map { PublicKey(key: $0[0], expires: $0[1]) }
    }

    /// All accounts that have a user in a project, with their keys.
    func users(of project: String) async throws -> [(account: String, keys: [PublicKey])] {
        try await database.read { db in
            let sql = "SELECT account FROM osloginUsers WHERE project = ? ORDER BY account"
            return try String.fetchAll(db, sql: sql, arguments: [project]).map { ($0, try Self.keys(of: $0, in: db)) }
        }
    }

    /// Keeps a key, in the place of an equal one; gives the account a user in the project.
    ///
    /// - Throws: ``GoogleError`` `alreadyExists` (409) when the user is another account's there: machines could not tell
    ///   them apart.
    func put(_ key: PublicKey, of account: String, project: String?) async throws {
        try await database.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO osloginKeys VALUES (?, ?, ?, ?)",
                arguments: [account, key.fingerprint, key.key, key.expires]
            )
            guard let project else { return }
            let accounts = try String.fetchAll(
                db,
                sql: "SELECT account FROM osloginUsers WHERE project = ? AND account <> ?",
                arguments: [project, account]
            )
            let user = LoginProfile.username(of: account)
            if let other = accounts.first(where: { LoginProfile.username(of: $0) == user }) {
                throw GoogleError.alreadyExists("The POSIX user '\(user)' is '\(other)' in the project '\(project)'.")
            }
            try db.execute(sql: "INSERT OR IGNORE INTO osloginUsers VALUES (?, ?)", arguments: [account, project])
        }
    }

    func key(_ fingerprint: String, of account: String) async throws -> PublicKey? {
        try await database.read { try Self.keys(of: account, in: $0) }.first { $0.fingerprint == fingerprint }
    }

    /// - Returns: Whether there was one.
    func deleteKey(_ fingerprint: String, of account: String) async throws -> Bool {
        try await delete("osloginKeys WHERE account = ? AND fingerprint = ?", [account, fingerprint])
    }

    /// - Returns: Whether there was one.
    func deleteUser(of account: String, project: String) async throws -> Bool {
        try await delete("osloginUsers WHERE account = ? AND project = ?", [account, project])
    }

    private func delete(_ rows: String, _ arguments: StatementArguments) async throws -> Bool {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM " + rows, arguments: arguments)
            return db.changesCount > 0
        }
    }
}
