package import Billing
package import Foundation
import GRDB
import GoogleAPI
package import MetadataStore

/// What lies in buckets now, and since when. What was deleted is not counted any more.
package struct StorageUsage: Sendable {
    private let store: MetadataStore

    package init(store: MetadataStore) { self.store = store }

    /// By bucket and storage class: the bytes, as if all of them had come at their average time since `from`.
    package func between(_ from: Date, _ to: Date) async throws -> [Usage] {
        try await store.database.read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT b.project, b.name, b.document AS bucket,
                        COALESCE(json_extract(CAST(o.document AS TEXT), '$.storageClass'), 'STANDARD') AS class,
                        SUM(o.size) AS bytes,
                        SUM(CAST(o.size AS REAL) * (:to - MAX(o.created, :from))) AS byteTime
                    FROM storage_objects AS o JOIN storage_buckets AS b ON b.id = o.bucket
                    WHERE o.created < :to AND o.size > 0 GROUP BY b.id, class ORDER BY b.project, b.name, class
                    """,
                arguments: ["from": Self.microseconds(from), "to": Self.microseconds(to)]
            )
            return try rows.map { try Self.read($0, to: to) }
        }
    }

    private static func read(_ row: Row, to: Date) throws -> Usage {
        let bucket = try JSON(parsing: row["bucket"])
        let bytes: Double = row["bytes"]
        let seconds = (row["byteTime"] as Double) / bytes / 1_000_000
        let location = bucket["location"]?.string ?? "US"
        return Usage(
            project: row["project"],
            resource: "buckets/\(row["name"] as String)",
            region: location.lowercased(),
            kind: .storage(storageClass: row["class"], location: location, bytes: bytes),
            start: to.addingTimeInterval(-seconds),
            end: nil
        )
    }

    private static func microseconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970 * 1_000_000) }
}
