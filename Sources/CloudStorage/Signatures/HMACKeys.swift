import Crypto
import Foundation
import GRDB
import GoogleAPI

/// A key of a service account for signed requests: an ID that may be seen and a secret that is shown once.
///
/// See [HMAC keys](https://docs.cloud.google.com/storage/docs/authentication/hmackeys).
struct HMACKey: Sendable {
    var accessID: String
    var secret: String
    var project: String
    /// The account's e-mail address.
    var account: String
    var state: State
    var metageneration: Int64
    var created: Micros
    var updated: Micros

    enum State: String, Sendable {
        case active = "ACTIVE"
        case inactive = "INACTIVE"
        /// Remembered, and never usable again.
        case deleted = "DELETED"
    }

    var etag: String { Etag.make(metageneration) }

    func render(origin: String) -> JSON {
        [
            "kind": "storage#hmacKeyMetadata", "id": .string("\(project)/\(accessID)"), "accessId": .string(accessID),
            "projectId": .string(project), "serviceAccountEmail": .string(account), "state": .string(state.rawValue),
            "timeCreated": .string(created.text), "updated": .string(updated.text), "etag": .string(etag),
            "selfLink": .string("\(origin)/storage/v1/projects/\(project)/hmacKeys/\(accessID)"),
        ]
    }
}

extension HMACKey: FetchableRecord {
    init(row: Row) throws {
        accessID = row["accessID"]
        secret = row["secret"]
        project = row["project"]
        account = row["account"]
        state = State(rawValue: row["state"]) ?? .deleted
        metageneration = row["metageneration"]
        created = row["created"]
        updated = row["updated"]
    }
}

/// The rows of HMAC keys.
struct HMACKeyStore: Sendable {
    let database: any DatabaseWriter

    /// Makes a key: an ID of 61 characters that begins with `GOOG1E`, and a secret of 40.
    func create(for account: String, project: String, at time: Micros) async throws -> HMACKey {
        func random(_ count: Int) -> Data {
            SymmetricKey(size: .init(bitCount: count * 8)).withUnsafeBytes { Data($0) }
        }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let key = HMACKey(
            accessID: "GOOG1E" + String(random(55).map { alphabet[Int($0 & 31)] }),
            secret: random(30).base64EncodedString(),
            project: project,
            account: account,
            state: .active,
            metageneration: 1,
            created: time,
            updated: time
        )
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO storage_hmac_keys
                        (accessID, secret, project, account, state, metageneration, created, updated)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.accessID, key.secret, project, account, key.state.rawValue, key.metageneration, time, time,
                ]
            )
        }
        return key
    }

    func find(_ accessID: String) async throws -> HMACKey? {
        try await database.read { try Self.find(accessID, $0) }
    }

    private static func find(_ accessID: String, _ db: Database) throws -> HMACKey? {
        try HMACKey.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM storage_hmac_keys WHERE accessID = ?"),
            arguments: [accessID]
        )
    }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ accessID: String, project: String) async throws -> HMACKey {
        guard let key = try await find(accessID), key.project == project else { throw GoogleError.noHMACKey(accessID) }
        return key
    }

    func list(project: String, account: String?, showDeleted: Bool, after accessID: String, limit: Int) async throws
        -> [HMACKey]
    {
        try await database.read { db in
            try HMACKey.fetchAll(
                db,
                sql: """
                    SELECT * FROM storage_hmac_keys WHERE project = ?1 AND (?2 IS NULL OR account = ?2)
                        AND (?3 OR state != 'DELETED') AND accessID > ?4 ORDER BY accessID LIMIT ?5
                    """,
                arguments: [project, account, showDeleted, accessID, limit]
            )
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404), `conditionNotMet` (412), `invalid` (400) for a step that is none.
    func setState(_ state: HMACKey.State, of accessID: String, project: String, etag: String?, at time: Micros)
        async throws -> HMACKey
    {
        try await database.write { db in
            guard var key = try Self.find(accessID, db), key.project == project, key.state != .deleted else {
                throw GoogleError.noHMACKey(accessID)
            }
            if let etag, !etag.isEmpty, etag != key.etag {
                throw GoogleError.conditionNotMet("the key's etag is no longer current; read it again")
            }
            if state == .deleted, key.state == .active {
                throw GoogleError.invalid(
                    "Cannot delete HMAC key '\(accessID)' while it is ACTIVE: set its state to INACTIVE first."
                )
            }
            (key.state, key.updated) = (state, time)
            key.metageneration += 1
            try db.execute(
                sql: "UPDATE storage_hmac_keys SET state = ?, metageneration = ?, updated = ? WHERE accessID = ?",
                arguments: [state.rawValue, key.metageneration, time, accessID]
            )
            return key
        }
    }
}

extension GoogleError {
    static func noHMACKey(_ accessID: String) -> GoogleError {
        notFound("Access ID '\(accessID)' not found in this project.")
    }
}
