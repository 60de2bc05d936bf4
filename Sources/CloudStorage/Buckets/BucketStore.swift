import GRDB
import GoogleAPI
import MetadataStore

/// The rows of buckets.
struct BucketStore: Sendable {
    let database: any DatabaseWriter
    private let cache = RowCache<String, BucketRecord>()

    init(database: any DatabaseWriter) {
        self.database = database
        cache.clear(onChangesOf: [BucketRecord.databaseTableName], in: database)
    }

    /// - Throws: ``GoogleError`` `conflict` (409): the unique name decides, not an earlier look-up.
    func insert(_ bucket: BucketRecord) async throws -> BucketRecord {
        do {
            return try await database.write { [bucket] db in
                var bucket = bucket
                try bucket.insert(db)
                return bucket
            }
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw GoogleError.bucketNameTaken(bucket.name)
        }
    }

    func find(_ name: String) async throws -> BucketRecord? {
        try await cache.value(for: name) { try await database.read { try Self.find(name, in: $0) } }
    }

    static func find(_ name: String, in db: Database) throws -> BucketRecord? {
        try BucketRecord.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM storage_buckets WHERE name = ?"),
            arguments: [name]
        )
    }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ name: String) async throws -> BucketRecord {
        guard let bucket = try await find(name) else { throw GoogleError.bucketNotFound(name) }
        return bucket
    }

    static func get(_ name: String, in db: Database) throws -> BucketRecord {
        guard let bucket = try find(name, in: db) else { throw GoogleError.bucketNotFound(name) }
        return bucket
    }

    /// Buckets of a project by name, from `start` on; one more than `limit`, to know whether there are more.
    func list(project: String, prefix: String, from start: String, limit: Int) async throws -> [BucketRecord] {
        try await database.read { db in
            try BucketRecord.fetchAll(
                db,
                sql: """
                    SELECT * FROM storage_buckets WHERE project = ? AND name >= ? AND substr(name, 1, ?) = ?
                    ORDER BY name LIMIT ?
                    """,
                arguments: [project, start, prefix.unicodeScalars.count, prefix, limit + 1]
            )
        }
    }

    /// Changes a bucket in one transaction; `change` sees the row as it is.
    func change(
        _ name: String,
        if conditions: Preconditions,
        at now: Micros,
        _ change: @escaping @Sendable (inout BucketRecord) throws -> Void
    ) async throws -> BucketRecord {
        try await database.write { db in
            var bucket = try Self.get(name, in: db)
            try conditions.check(generation: bucket.created, metageneration: bucket.metageneration)
            try change(&bucket)
            bucket.metageneration += 1
            bucket.updated = now
            try bucket.update(db)
            return bucket
        }
    }

    /// Deletes a bucket, with what was deleted in it before and could still be brought back.
    ///
    /// - Returns: Blobs that no row names any more.
    /// - Throws: ``GoogleError`` `conflict` (409) while any generation of any object is in it.
    func delete(_ name: String, if conditions: Preconditions) async throws -> [String] {
        try await database.write { db in
            let bucket = try Self.get(name, in: db)
            try conditions.check(generation: bucket.created, metageneration: bucket.metageneration)
            let isUsed = try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS(SELECT 1 FROM storage_objects WHERE bucket = ? AND softDeleted IS NULL)",
                arguments: [bucket.id]
            )
            guard isUsed != true else { throw GoogleError.bucketNotEmpty(name) }
            let blobs = try String.fetchAll(
                db,
                sql: "DELETE FROM storage_objects WHERE bucket = ? RETURNING blob",
                arguments: [bucket.id]
            )
            try bucket.delete(db)
            return try ObjectStore.orphans(among: blobs, db)
        }
    }
}
