import BlobStore
import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import NIOConcurrencyHelpers

/// An object together with its bucket, read in one look.
struct FoundObject: Sendable {
    var record: ObjectRecord
    var bucket: BucketRecord
}

/// The content and the settings of a generation that is about to be.
struct NewObject: Sendable {
    var name: String
    var blob: String
    var size: Int64
    var crc32c: UInt32
    var md5: Data?
    var componentCount: Int64?
    var seal: BlobSeal?
    var document: JSON
}

extension NewObject {
    /// New content. What was put together of parts has no MD5.
    init(_ blob: StoredBlob, name: String, componentCount: Int64? = nil, document: JSON) {
        self.init(
            name: name,
            blob: blob.id,
            size: blob.size,
            crc32c: blob.crc32c,
            md5: blob.md5.map { Data($0) },
            componentCount: componentCount,
            seal: blob.seal,
            document: document
        )
    }

    /// The same content and settings under another name or in another bucket: both rows name one blob.
    init(copying record: ObjectRecord, as name: String) {
        self.init(
            name: name,
            blob: record.blob,
            size: record.size,
            crc32c: record.crc32c,
            md5: record.md5,
            componentCount: record.componentCount,
            seal: record.seal,
            document: record.document
        )
    }
}

/// The outcome of a change: what stands now, and the blobs that no row names any more.
struct ObjectChange: Sendable {
    var found: FoundObject
    var orphans: [String]
}

/// Makes generation numbers that only ever grow.
final class GenerationClock: Sendable {
    private let last = NIOLockedValueBox<Int64>(0)

    func next(after now: Micros) -> Int64 {
        last.withLockedValue { last in
            last = max(last + 1, now)
            return last
        }
    }
}

/// The rows of objects.
struct ObjectStore: Sendable {
    let database: any DatabaseWriter
    let now: @Sendable () -> Date
    let generations = GenerationClock()
    private let cache = RowCache<CacheKey, FoundObject>(limit: 4000)

    private struct CacheKey: Hashable {
        var bucket: String
        var name: String
        var generation: Int64?
    }

    init(database: any DatabaseWriter, now: @escaping @Sendable () -> Date) {
        self.database = database
        self.now = now
        cache.clear(onChangesOf: [BucketRecord.databaseTableName, ObjectRecord.databaseTableName], in: database)
    }

    /// The live generation, or the one that is asked for.
    func find(_ name: String, generation: Int64?, bucket: String) async throws -> FoundObject? {
        try await cache.value(for: CacheKey(bucket: bucket, name: name, generation: generation)) {
            try await database.read { db in
                guard let bucket = try BucketStore.find(bucket, in: db) else { return nil }
                return try Self.find(name, generation: generation, in: bucket, db).map {
                    FoundObject(record: $0, bucket: bucket)
                }
            }
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404), of the bucket or of the object.
    func get(_ name: String, generation: Int64?, bucket: String) async throws -> FoundObject {
        if let found = try await find(name, generation: generation, bucket: bucket) { return found }
        return try await database.read { db in
            let bucket = try BucketStore.get(bucket, in: db)
            return FoundObject(record: try Self.get(name, generation: generation, in: bucket, db), bucket: bucket)
        }
    }

    static func find(_ name: String, generation: Int64?, in bucket: BucketRecord, _ db: Database) throws
        -> ObjectRecord?
    {
        let name = Data(name.utf8)
        if let generation {
            return try ObjectRecord.fetchOne(
                db.cachedStatement(
                    sql:
                        "SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND generation = ? AND softDeleted IS NULL"
                ),
                arguments: [bucket.id, name, generation]
            )
        }
        return try ObjectRecord.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM storage_objects WHERE bucket = ? AND name = ? AND isLive"),
            arguments: [bucket.id, name]
        )
    }

    static func get(_ name: String, generation: Int64?, in bucket: BucketRecord, _ db: Database) throws -> ObjectRecord
    {
        guard let record = try find(name, generation: generation, in: bucket, db) else {
            throw GoogleError.objectNotFound(bucket.name, name)
        }
        return record
    }

    /// Makes a new live generation, in the transaction that checks its conditions.
    func insert(
        _ object: NewObject,
        in bucket: BucketRecord,
        if conditions: Preconditions,
        _ db: Database
    ) throws -> ObjectChange {
        guard let bucketID = bucket.id else { throw GoogleError.bucketNotFound(bucket.name) }
        let live = try Self.find(object.name, generation: nil, in: bucket, db)
        try conditions.check(live)
        let time = Micros(now())
        var orphans: [String] = []
        if let live { orphans = try retire(live, in: bucket, at: time, db) }
        let record = ObjectRecord(
            bucket: bucketID,
            name: object.name,
            generation: generations.next(after: max(time, (live?.generation ?? 0) + 1)),
            blob: object.blob,
            size: object.size,
            crc32c: object.crc32c,
            md5: object.md5,
            componentCount: object.componentCount,
            seal: object.seal,
            document: object.document,
            created: time,
            updated: time
        )
        try record.insert(db)
        // Who is rewritten onto itself goes on with the same blob.
        orphans.removeAll { $0 == object.blob }
        if bucket.isHierarchical { try FolderStore.insertParents(of: object.name, in: bucket, at: time, db) }
        return ObjectChange(found: FoundObject(record: record, bucket: bucket), orphans: orphans)
    }

    /// Archives a live generation where the bucket keeps versions, else removes it.
    func retire(_ live: ObjectRecord, in bucket: BucketRecord, at time: Micros, _ db: Database) throws -> [String] {
        guard bucket.isVersioned else { return try remove(live, in: bucket, at: time, db) }
        try db.cachedStatement(sql: "UPDATE storage_objects SET isLive = 0, deleted = ? WHERE id = ?")
            .execute(arguments: [time, live.id])
        return []
    }

    /// Removes a generation, unless something holds it: for good, or so that it can be brought back for a while.
    func remove(_ record: ObjectRecord, in bucket: BucketRecord, at time: Micros, _ db: Database) throws
        -> [String]
    {
        for hold in ["temporaryHold", "eventBasedHold"] where record.document[hold]?.bool == true {
            throw GoogleError.objectHeld(record.name)
        }
        let own = record.document["retention"]?["retainUntilTime"]?.string.flatMap(Timestamp.date).map(Micros.init)
        let expiries = [bucket.retentionExpiry(of: record), own].compactMap { $0 }
        if let expiry = expiries.max(), expiry > time { throw GoogleError.retained(record.name, until: expiry.text) }
        if let kept = bucket.softDeletion {
            try db.cachedStatement(
                sql: """
                    UPDATE storage_objects SET isLive = 0, deleted = COALESCE(deleted, ?1), softDeleted = ?1, hardDelete = ?2
                    WHERE id = ?3
                    """
            ).execute(arguments: [time, time + kept, record.id])
            return []
        }
        try db.cachedStatement(sql: "DELETE FROM storage_objects WHERE id = ?").execute(arguments: [record.id])
        return try Self.orphans(among: [record.blob], db)
    }

    /// Deletes as the API does: the live generation is archived where versions are kept, a named one is gone.
    func delete(_ name: String, generation: Int64?, bucket: String, if conditions: Preconditions) async throws
        -> [String]
    {
        try await database.write { db in
            let bucket = try BucketStore.get(bucket, in: db)
            let record = try Self.get(name, generation: generation, in: bucket, db)
            try conditions.check(record)
            let time = Micros(now())
            if generation == nil { return try retire(record, in: bucket, at: time, db) }
            return try remove(record, in: bucket, at: time, db)
        }
    }

    /// Changes an object's settings in one transaction.
    func change(
        _ name: String,
        generation: Int64?,
        bucket: String,
        if conditions: Preconditions,
        _ change: @escaping @Sendable (inout ObjectRecord, BucketRecord) throws -> Void
    ) async throws -> FoundObject {
        try await database.write { db in
            let bucket = try BucketStore.get(bucket, in: db)
            var record = try Self.get(name, generation: generation, in: bucket, db)
            try conditions.check(record)
            try change(&record, bucket)
            record.metageneration += 1
            record.updated = Micros(now())
            try record.update(db)
            return FoundObject(record: record, bucket: bucket)
        }
    }

    /// Those of `blobs` that no row names.
    static func orphans(among blobs: [String], _ db: Database) throws -> [String] {
        let named = try named(among: blobs, db)
        return blobs.filter { !named.contains($0) }
    }

    static func named(among blobs: [String], _ db: Database) throws -> Set<String> {
        let statement = try db.cachedStatement(
            sql: """
                SELECT EXISTS(SELECT 1 FROM storage_objects WHERE blob = ?1)
                    OR EXISTS(SELECT 1 FROM storage_uploads WHERE blob = ?1)
                    OR EXISTS(SELECT 1 FROM storage_multipart_parts WHERE blob = ?1)
                """
        )
        return try Set(blobs.filter { try Bool.fetchOne(statement, arguments: [$0]) ?? false })
    }
}
