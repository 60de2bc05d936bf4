import Foundation
import GRDB
import GoogleAPI

extension CloudStorage {
    /// Carries out the lifecycle rules of all buckets, as of now.
    func runLifecycle() async throws {
        let ruled = try await buckets.database.read { db in
            try BucketRecord.fetchAll(
                db,
                sql: """
                    SELECT * FROM storage_buckets
                    WHERE json_extract(CAST(document AS TEXT), '$.lifecycle') IS NOT NULL
                    """
            )
        }
        for bucket in ruled {
            try await abortUploads(in: bucket)
            var position: ListingPosition? = ListingPosition()
            while let start = position {
                let outcome = try await objects.runLifecycle(of: bucket.name, from: start, limit: 500)
                await release(outcome.orphans)
                position = outcome.next
            }
        }
    }
}

extension CloudStorage {
    private func abortUploads(in bucket: BucketRecord) async throws {
        let rules = try LifecycleRule.rules(of: bucket.document["lifecycle"])
        let time = Micros(now())
        for upload in try await multipart.list(bucket: bucket.name)
        where rules.contains(where: { $0.abortsUpload(of: upload.name, begun: upload.created, at: time) }) {
            await release(try await objects.database.write { try MultipartStore.delete(upload.id, $0) })
        }
    }
}

/// What a part of a lifecycle run leaves to do.
struct LifecycleOutcome: Sendable {
    /// Blobs that no row names any more.
    var orphans: [String] = []
    /// Where the next part begins; nil at the end of the bucket.
    var next: ListingPosition?
}

extension ObjectStore {
    /// Carries out a bucket's rules on some of its objects, in one transaction.
    func runLifecycle(of name: String, from start: ListingPosition, limit: Int) async throws -> LifecycleOutcome {
        try await database.write { db in
            guard let bucket = try BucketStore.find(name, in: db) else { return LifecycleOutcome() }
            let rules = try LifecycleRule.rules(of: bucket.document["lifecycle"])
            guard !rules.isEmpty else { return LifecycleOutcome() }
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT *, (
                            SELECT COUNT(*) FROM storage_objects AS newer WHERE newer.bucket = o.bucket
                                AND newer.name = o.name AND newer.generation > o.generation
                                AND newer.softDeleted IS NULL
                        ) AS newerVersions
                        FROM storage_objects AS o
                        WHERE bucket = ? AND (name, generation) > (?, ?) AND softDeleted IS NULL
                        ORDER BY name, generation LIMIT ?
                        """
                ),
                arguments: [bucket.id, Data(start.name), start.afterGeneration, limit]
            )
            let time = Micros(now())
            var outcome = LifecycleOutcome()
            for row in rows {
                let record = try ObjectRecord(row: row)
                let subject = LifecycleRule.Subject(
                    record: record,
                    storageClass: record.storageClass(in: bucket),
                    newerVersions: row["newerVersions"]
                )
                let due = rules.filter { $0.applies(to: subject, at: time) }.map(\.action)
                outcome.orphans += try carryOut(due, on: subject, in: bucket, at: time, db)
            }
            if rows.count == limit, let last = rows.last {
                outcome.next = ListingPosition(
                    name: [UInt8](last["name"] as Data),
                    afterGeneration: last["generation"]
                )
            }
            return outcome
        }
    }

    /// Deletion comes before a change of class, and of several classes the coldest.
    private func carryOut(
        _ due: [LifecycleRule.Action],
        on subject: LifecycleRule.Subject,
        in bucket: BucketRecord,
        at time: Micros,
        _ db: Database
    ) throws -> [String] {
        if due.contains(.delete) {
            do {
                let isCurrent = subject.record.isLive
                return isCurrent
                    ? try retire(subject.record, in: bucket, at: time, db)
                    : try remove(subject.record, in: bucket, at: time, db)
            } catch let error as GoogleError where error.code == 403 {
                // Held or retained: its time comes later.
                return []
            }
        }
        let colder = due.compactMap { action -> String? in
            guard case .setStorageClass(let name) = action else { return nil }
            return StorageClass.rank(name) > StorageClass.rank(subject.storageClass) ? name : nil
        }
        guard let target = colder.max(by: { StorageClass.rank($0) < StorageClass.rank($1) }) else { return [] }
        var record = subject.record
        record.document["storageClass"] = .string(target)
        record.document["timeStorageClassUpdated"] = .string(time.text)
        record.metageneration += 1
        record.updated = time
        try record.update(db)
        return []
    }
}
