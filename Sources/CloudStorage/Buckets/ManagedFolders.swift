import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// A prefix of a bucket that has a policy of its own.
///
/// See [managed folders](https://docs.cloud.google.com/storage/docs/managed-folders).
struct ManagedFolder: Sendable {
    /// Ends with a slash.
    var name: String
    var metageneration: Int64
    var policy: JSON?
    var created: Micros
    var updated: Micros

    var etag: String { Etag.make(metageneration) }

    func render(bucket: String, origin: String) -> JSON {
        [
            "kind": "storage#managedFolder", "id": .string("\(bucket)/\(name)"), "bucket": .string(bucket),
            "name": .string(name), "metageneration": .string(String(metageneration)),
            "createTime": .string(created.text), "updateTime": .string(updated.text),
            "selfLink": .string("\(origin)/storage/v1/b/\(bucket)/managedFolders/\(ObjectName.segment(name))"),
        ]
    }

    func renderPolicy(bucket: String) -> JSON {
        [
            "kind": "storage#policy", "version": policy?["version"] ?? 1, "bindings": policy?["bindings"] ?? [],
            "resourceId": .string("projects/_/buckets/\(bucket)/managedFolders/\(name)"), "etag": .string(etag),
        ]
    }
}

extension ManagedFolder: FetchableRecord {
    init(row: Row) throws {
        name = row["name"]
        metageneration = row["metageneration"]
        policy = try (row["policy"] as Data?).map(JSON.init(parsing:))
        created = row["created"]
        updated = row["updated"]
    }
}

/// The rows of managed folders.
struct ManagedFolderStore: Sendable {
    let database: any DatabaseWriter
    /// By bucket: the folders that have a policy, which every call that the bucket's own does not allow asks for.
    private let cache = RowCache<Int64, [ManagedFolder]>()

    init(database: any DatabaseWriter) {
        self.database = database
        cache.clear(onChangesOf: ["storage_managed_folders"], in: database)
    }

    static func find(_ name: String, in bucket: BucketRecord, _ db: Database) throws -> ManagedFolder? {
        try ManagedFolder.fetchOne(
            db,
            sql: "SELECT * FROM storage_managed_folders WHERE bucket = ? AND name = ?",
            arguments: [bucket.id, name]
        )
    }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ name: String, bucket: String) async throws -> ManagedFolder {
        try await database.read { db in
            guard let found = try Self.find(name, in: try BucketStore.get(bucket, in: db), db) else {
                throw GoogleError.noManagedFolder(name, in: bucket)
            }
            return found
        }
    }

    /// The folders of a bucket whose policies speak of an object.
    func enclosing(_ object: String, bucket: BucketRecord) async throws -> [ManagedFolder] {
        guard let id = bucket.id, object.contains("/") else { return [] }
        let folders = try await cache.value(for: id) {
            try await database.read { db in
                try ManagedFolder.fetchAll(
                    db,
                    sql: "SELECT * FROM storage_managed_folders WHERE bucket = ? AND policy IS NOT NULL",
                    arguments: [id]
                )
            }
        }
        return (folders ?? []).filter { object.utf8.starts(with: $0.name.utf8) }
    }

    func list(bucket: String, prefix: String, after name: String, limit: Int) async throws -> [ManagedFolder] {
        try await database.read { db in
            let bucket = try BucketStore.get(bucket, in: db)
            return try ManagedFolder.fetchAll(
                db,
                sql: """
                    SELECT * FROM storage_managed_folders
                    WHERE bucket = ?1 AND name > ?2 AND substr(name, 1, length(?3)) = ?3 ORDER BY name LIMIT ?4
                    """,
                arguments: [bucket.id, name, prefix, limit]
            )
        }
    }

    /// - Throws: ``GoogleError`` `conflict` (409), `invalid` (400) in a bucket whose objects have lists of their own.
    func insert(_ folder: ManagedFolder, bucket name: String) async throws {
        try await database.write { db in
            let bucket = try BucketStore.get(name, in: db)
            guard bucket.isUniform else {
                throw GoogleError.invalid(
                    "Bucket '\(name)' must have uniform bucket-level access to hold managed folders."
                )
            }
            guard try Self.find(folder.name, in: bucket, db) == nil else {
                throw GoogleError.alreadyExists(
                    "The managed folder '\(folder.name)' of bucket '\(name)' exists already.",
                    reason: "conflict"
                )
            }
            try db.execute(
                sql: """
                    INSERT INTO storage_managed_folders(bucket, name, metageneration, created, updated)
                    VALUES (?, ?, 1, ?, ?)
                    """,
                arguments: [bucket.id, folder.name, folder.created, folder.updated]
            )
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404), `conditionNotMet` (412).
    func setPolicy(_ policy: JSON, of name: String, bucket: String, at time: Micros) async throws -> ManagedFolder {
        try await database.write { db in
            let bucket = try BucketStore.get(bucket, in: db)
            guard var folder = try Self.find(name, in: bucket, db) else {
                throw GoogleError.noManagedFolder(name, in: bucket.name)
            }
            if let etag = policy["etag"]?.string, !etag.isEmpty, etag != folder.etag {
                throw GoogleError.conditionNotMet("the policy's etag is no longer current; read it again")
            }
            folder.metageneration += 1
            folder.policy = ["version": policy["version"] ?? 1, "bindings": policy["bindings"] ?? []]
            try db.execute(
                sql: """
                    UPDATE storage_managed_folders SET metageneration = ?, policy = ?, updated = ?
                    WHERE bucket = ? AND name = ?
                    """,
                arguments: [folder.metageneration, try folder.policy?.data(), time, bucket.id, name]
            )
            return folder
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404), `conflict` (409) while objects are below it.
    func delete(_ name: String, bucket: String, allowingNonEmpty: Bool, if conditions: Preconditions) async throws {
        try await database.write { db in
            let bucket = try BucketStore.get(bucket, in: db)
            guard let folder = try Self.find(name, in: bucket, db) else {
                throw GoogleError.noManagedFolder(name, in: bucket.name)
            }
            try conditions.check(generation: folder.created, metageneration: folder.metageneration)
            let prefix = Array(name.utf8)
            let isUsed = try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS(
                        SELECT 1 FROM storage_objects WHERE bucket = ? AND name >= ? AND name < ? AND isLive)
                    """,
                arguments: [bucket.id, Data(prefix), Data(Bytes.successor(prefix) ?? prefix)]
            )
            guard allowingNonEmpty || isUsed != true else {
                throw GoogleError.alreadyExists(
                    "The managed folder '\(name)' of bucket '\(bucket.name)' is not empty.",
                    reason: "conflict"
                )
            }
            try db.execute(
                sql: "DELETE FROM storage_managed_folders WHERE bucket = ? AND name = ?",
                arguments: [bucket.id, name]
            )
        }
    }
}

extension GoogleError {
    static func noManagedFolder(_ name: String, in bucket: String) -> GoogleError {
        notFound("The managed folder '\(name)' of bucket '\(bucket)' does not exist.")
    }
}
