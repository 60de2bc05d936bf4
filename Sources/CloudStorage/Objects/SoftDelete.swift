import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

/// How long deleted objects of a bucket can be brought back.
///
/// See [soft delete](https://docs.cloud.google.com/storage/docs/soft-delete).
enum SoftDeletePolicy {
    private static let allowed: ClosedRange<Int64> = 604_800...7_776_000

    /// - Throws: ``GoogleError`` `invalid` (400) for durations that are neither 0 nor 7 to 90 days.
    static func check(_ policy: JSON?) throws {
        guard let policy, !policy.isNull else { return }
        guard let seconds = policy["retentionDurationSeconds"]?.integer, seconds == 0 || allowed.contains(seconds)
        else {
            throw GoogleError.invalid(
                "Invalid value for 'softDeletePolicy.retentionDurationSeconds': use 0, or 604800 (7 days) to 7776000 "
                    + "(90 days)."
            )
        }
    }
}

extension BucketRecord {
    /// For how long deleted objects are kept, in microseconds; nil: not at all.
    var softDeletion: Micros? {
        let seconds = document["softDeletePolicy"]?["retentionDurationSeconds"]?.integer ?? 0
        return seconds > 0 ? seconds * 1_000_000 : nil
    }
}

extension ObjectStore {
    /// A deleted generation that can still be brought back.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    static func getSoftDeleted(_ name: String, generation: Int64, in bucket: BucketRecord, _ db: Database) throws
        -> ObjectRecord
    {
        let record = try ObjectRecord.fetchOne(
            db,
            sql: """
                SELECT * FROM storage_objects
                WHERE bucket = ? AND name = ? AND generation = ? AND softDeleted IS NOT NULL
                """,
            arguments: [bucket.id, Data(name.utf8), generation]
        )
        guard let record else { throw GoogleError.objectNotFound(bucket.name, "\(name)#\(generation)") }
        return record
    }

    /// Removes deleted generations whose time is over.
    ///
    /// - Returns: Blobs that no row names any more.
    func purgeSoftDeleted() async throws -> [String] {
        try await database.write { db in
            let blobs = try String.fetchAll(
                db,
                sql: "DELETE FROM storage_objects WHERE hardDelete <= ? RETURNING blob",
                arguments: [Micros(now())]
            )
            return try Self.orphans(among: blobs, db)
        }
    }
}

extension CloudStorage {
    func addSoftDeleteMethods(to api: MethodTable) {
        api.add(
            "storage.objects.restore",
            .post,
            "/storage/v1/b/{bucket}/o/{object}/restore",
            requires: "storage.objects.restore",
            restore
        )
        api.add(
            "storage.objects.bulkRestore",
            .post,
            "/storage/v1/b/{bucket}/o/bulkRestore",
            requires: "storage.objects.restore",
            restoreMany
        )
    }

    /// A deleted generation's resource; its content comes back only with ``restore(_:_:)``.
    func getSoftDeleted(_ input: ObjectInput, _ call: Call) async throws -> Response {
        guard let generation = input.generation else { throw GoogleError.required("generation") }
        let found = try await objects.database.read { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            let record = try ObjectStore.getSoftDeleted(input.object, generation: generation, in: bucket, db)
            return FoundObject(record: record, bucket: bucket)
        }
        return try answer(found, call, full: input.isFull)
    }

    /// Brings a deleted generation back as a new live one; both share one blob.
    private func restore(_ input: ObjectInput, _ call: Call) async throws -> Response {
        guard let generation = input.generation else { throw GoogleError.required("generation") }
        try await authorizeWrite(call.caller, of: input.object, in: input.bucket, if: input.conditions)
        let keepsList = call.flag("copySourceAcl")
        let change = try await objects.database.write { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            let record = try ObjectStore.getSoftDeleted(input.object, generation: generation, in: bucket, db)
            var object = NewObject(copying: record, as: input.object)
            if !keepsList { object.document["acl"] = nil }
            return try objects.insert(object, in: bucket, if: input.conditions, db)
        }
        await release(change.orphans)
        return try answer(change.found, call, full: input.isFull)
    }
}
