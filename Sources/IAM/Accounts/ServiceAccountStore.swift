import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of service accounts and of their keys.
struct ServiceAccountStore: Sendable {
    let database: any DatabaseWriter
    /// Accounts by e-mail address.
    let cache: RowCache<String, ServiceAccount>
    /// Keys by ID.
    let keyCache: RowCache<String, ServiceAccountKey>
    /// What else must be forgotten when an account or a key changes.
    let signedIn: RowCache<String, SignedIn>

    func forget(after db: Database) {
        cache.clear(after: db)
        keyCache.clear(after: db)
        signedIn.clear(after: db)
    }

    // MARK: Accounts

    func account(_ email: String) async throws -> ServiceAccount? {
        try await cache.value(for: email) {
            try await database.read { db in try Self.fetch(db, "email = ?", [email]).first }
        }
    }

    func account(uniqueID: String) async throws -> ServiceAccount? {
        try await database.read { db in try Self.fetch(db, "uniqueID = ?", [uniqueID]).first }
    }

    /// A page of a project's accounts, by address; Google's own agents left out.
    func accounts(of project: String, after email: String, limit: Int) async throws -> [ServiceAccount] {
        try await database.read { db in
            try Self.fetch(
                db,
                "project = ? AND email > ? AND NOT isAgent ORDER BY email LIMIT ?",
                [project, email, limit]
            )
        }
    }

    private static func fetch(_ db: Database, _ condition: String, _ arguments: StatementArguments) throws
        -> [ServiceAccount]
    {
        try Data.fetchAll(
            db,
            sql: "SELECT document FROM iam_service_accounts WHERE \(condition)",
            arguments: arguments
        ).map { try JSONCoding.decoder.decode(ServiceAccount.self, from: $0) }
    }

    func insert(_ account: ServiceAccount, isAgent: Bool, in db: Database) throws {
        try db.execute(
            sql:
                "INSERT INTO iam_service_accounts (email, uniqueID, project, isAgent, disabled, document) VALUES (?,?,?,?,?,?)",
            arguments: [
                account.email, account.uniqueId, account.projectId, isAgent, !account.isUsable,
                try JSONCoding.encoder.encode(account),
            ]
        )
        forget(after: db)
    }

    func insert(_ account: ServiceAccount) async throws {
        do {
            try await database.write { db in try insert(account, isAgent: false, in: db) }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw GoogleError.accountTaken(String(account.email.prefix { $0 != "@" }), project: account.projectId)
        }
    }

    func exists(_ email: String, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: "SELECT EXISTS (SELECT 1 FROM iam_service_accounts WHERE email = ?)",
            arguments: [email]
        ) ?? false
    }

    /// Changes an account in one transaction.
    func update(_ email: String, _ change: @Sendable (inout ServiceAccount) -> Void) async throws -> ServiceAccount {
        try await database.write { db in
            guard var account = try Self.fetch(db, "email = ?", [email]).first else {
                throw GoogleError.accountMissing(email)
            }
            change(&account)
            account.touch()
            try db.execute(
                sql: "UPDATE iam_service_accounts SET disabled = ?, document = ? WHERE email = ?",
                arguments: [!account.isUsable, try JSONCoding.encoder.encode(account), email]
            )
            forget(after: db)
            return account
        }
    }

    /// Deletes an account with its keys and its policy.
    func delete(_ account: ServiceAccount) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM iam_service_accounts WHERE email = ?", arguments: [account.email])
            try db.execute(sql: "DELETE FROM iam_policies WHERE resource = ?", arguments: [account.name])
            forget(after: db)
        }
    }

    // MARK: Keys

    func key(_ id: String) async throws -> ServiceAccountKey? {
        try await keyCache.value(for: id) {
            try await database.read { db in
                try ServiceAccountKey.fetchOne(db, sql: "SELECT * FROM iam_keys WHERE id = ?", arguments: [id])
            }
        }
    }

    func keys(of email: String) async throws -> [ServiceAccountKey] {
        try await database.read { db in
            try ServiceAccountKey.fetchAll(
                db,
                sql: "SELECT * FROM iam_keys WHERE email = ? ORDER BY validAfter, id",
                arguments: [email]
            )
        }
    }

    /// Inserts a key; one that is there already stays as it is.
    func insert(_ key: ServiceAccountKey) async throws {
        try await database.write { db in
            guard try exists(key.email, in: db) else { throw GoogleError.accountMissing(key.email) }
            try key.insert(db, onConflict: .ignore)
            forget(after: db)
        }
    }

    func setDisabled(_ disabled: Bool, key id: String) async throws {
        try await database.write { db in
            try db.execute(sql: "UPDATE iam_keys SET disabled = ? WHERE id = ?", arguments: [disabled, id])
            forget(after: db)
        }
    }

    func deleteKey(_ id: String) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM iam_keys WHERE id = ?", arguments: [id])
            forget(after: db)
        }
    }
}
