package import BlobStore
import Foundation
import GRDB
package import MetadataStore

/// Reads all objects once, to find what the disk has spoilt before somebody needs it.
package struct StorageScrub: Sendable {
    private let store: MetadataStore
    private let blobs: BlobStore

    package init(store: MetadataStore, blobs: BlobStore) {
        self.store = store
        self.blobs = blobs
    }

    /// Compares every generation's content with its size and CRC32C.
    ///
    /// - Returns: How many were read.
    package func run(_ report: (BlobDamage) -> Void) async throws -> Int {
        var (count, position): (Int, Int64) = (0, 0)
        while true {
            let rows = try await store.database.read { [position] db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT o.*, b.name AS bucketName FROM storage_objects AS o
                        JOIN storage_buckets AS b ON b.id = o.bucket WHERE o.id > ? ORDER BY o.id LIMIT 500
                        """,
                    arguments: [position]
                ).map { (record: try ObjectRecord(row: $0), bucket: $0["bucketName"] as String) }
            }
            guard let last = rows.last?.record.id else { return count }
            for (record, bucket) in rows {
                if let error = try await damage(of: record) {
                    let resource = "gs://\(bucket)/\(record.name)#\(record.generation)"
                    report(BlobDamage(resource: resource, error: error))
                }
            }
            (count, position) = (count + rows.count, last)
        }
    }

    private func damage(of record: ObjectRecord) async throws -> BlobError? {
        do {
            // What is sealed is read as it lies on the disk: nobody's key is needed.
            let expected =
                record.seal.map { ExpectedBlob(size: SealedFormat.fileSize(ofContent: record.size), crc32c: $0.crc32c) }
                ?? ExpectedBlob(size: record.size, crc32c: record.crc32c)
            for try await _ in try await blobs.read(record.blob, expecting: expected) {}
            return nil
        } catch let error as BlobError {
            // A running cloud may have deleted it meanwhile.
            let isThere = try await store.database.read { db in
                try Bool.fetchOne(
                    db,
                    sql: "SELECT EXISTS(SELECT 1 FROM storage_objects WHERE id = ? AND blob = ?)",
                    arguments: [record.id, record.blob]
                )
            }
            return isThere == true ? error : nil
        }
    }
}
