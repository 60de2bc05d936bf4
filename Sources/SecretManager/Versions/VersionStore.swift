import Foundation
import GRDB

/// The rows of versions, and their payloads.
struct VersionStore: Sendable {
    private static let columns = "number, state, createTime, destroyTime, etag, isChecked"

    let database: any DatabaseWriter

    /// Adds a version with the next number.
    func add(_ payload: Data, to secret: Int64, at time: Date, etag: String, isChecked: Bool) async throws
        -> SecretVersion
    {
        try await database.write { db in
            let newest = try Int64.fetchOne(
                db,
                sql: "SELECT MAX(number) FROM secret_versions WHERE secret = ?",
                arguments: [secret]
            )
            let version = SecretVersion(
                number: (newest ?? 0) + 1,
                state: .enabled,
                createTime: time,
                destroyTime: nil,
                etag: etag,
                isChecked: isChecked
            )
            try db.execute(
                sql: """
                    INSERT INTO secret_versions (secret, number, state, createTime, etag, isChecked, payload)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    secret, version.number, version.state.rawValue, version.createTime, etag, isChecked, payload,
                ]
            )
            return version
        }
    }

    func find(_ number: Int64, of secret: Int64) async throws -> SecretVersion? {
        try await database.read { db in try Self.find(number, of: secret, db) }
    }

    /// The number of the newest version, whatever its state.
    func newest(of secret: Int64) async throws -> Int64? {
        try await database.read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT MAX(number) FROM secret_versions WHERE secret = ?",
                arguments: [secret]
            )
        }
    }

    /// Newest first.
    func list(of secret: Int64) async throws -> [SecretVersion] {
        try await database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT \(Self.columns) FROM secret_versions WHERE secret = ? ORDER BY number DESC",
                arguments: [secret]
            ).map(SecretVersion.init(row:))
        }
    }

    /// nil when there is no such version, or its payload is destroyed.
    func payload(_ number: Int64, of secret: Int64) async throws -> Data? {
        try await database.read { db in
            try Data.fetchOne(
                db,
                sql: "SELECT payload FROM secret_versions WHERE secret = ? AND number = ? AND payload IS NOT NULL",
                arguments: [secret, number]
            )
        }
    }

    /// Changes a version in one transaction; the payload goes with its destruction. nil when there is no such version.
    func update(
        _ number: Int64,
        of secret: Int64,
        _ change: @escaping @Sendable (inout SecretVersion) throws -> Void
    ) async throws -> SecretVersion? {
        try await database.write { db in
            guard var version = try Self.find(number, of: secret, db) else { return nil }
            try change(&version)
            try db.execute(
                sql: """
                    UPDATE secret_versions SET state = ?, destroyTime = ?, etag = ?,
                        payload = CASE WHEN ? = 'DESTROYED' THEN NULL ELSE payload END
                    WHERE secret = ? AND number = ?
                    """,
                arguments: [
                    version.state.rawValue, version.destroyTime, version.etag, version.state.rawValue, secret, number,
                ]
            )
            return version
        }
    }

    private static func find(_ number: Int64, of secret: Int64, _ db: Database) throws -> SecretVersion? {
        try Row.fetchOne(
            db,
            sql: "SELECT \(columns) FROM secret_versions WHERE secret = ? AND number = ?",
            arguments: [secret, number]
        ).map(SecretVersion.init(row:))
    }
}

extension SecretVersion {
    fileprivate init(row: Row) throws {
        number = row["number"]
        let text: String = row["state"]
        guard let known = State(rawValue: text) else {
            throw DatabaseError(message: "secret_versions: unknown state '\(text)'")
        }
        state = known
        createTime = row["createTime"]
        destroyTime = row["destroyTime"]
        etag = row["etag"]
        isChecked = row["isChecked"]
    }
}
