package import BlobStore
import Crypto
import Foundation
import GRDB
package import MetadataStore
import NIOCore

/// Reads all layers and configurations of images once, to find what the disk has spoilt.
package struct RegistryScrub: Sendable {
    private let store: MetadataStore
    private let files: BlobStore

    package init(store: MetadataStore, files: BlobStore) {
        self.store = store
        self.files = files
    }

    /// Compares every blob with its digest.
    ///
    /// - Returns: How many were read.
    package func run(_ report: (BlobDamage) -> Void) async throws -> Int {
        var (count, position) = (0, "")
        while true {
            let rows = try await store.database.read { [position] db in
                try Row.fetchAll(
                    db,
                    sql: "SELECT * FROM artifact_blobs WHERE digest > ? ORDER BY digest LIMIT 500",
                    arguments: [position]
                ).map { (digest: $0["digest"] as String, id: $0["blobID"] as String, size: $0["sizeBytes"] as Int64) }
            }
            guard let last = rows.last?.digest else { return count }
            for row in rows {
                if let error = try await damage(of: row.id, digest: row.digest, size: row.size) {
                    report(BlobDamage(resource: row.digest, error: error))
                }
            }
            (count, position) = (count + rows.count, last)
        }
    }

    private func damage(of id: String, digest: String, size: Int64) async throws -> BlobError? {
        do {
            var hash = SHA256()
            for try await chunk in try await files.read(id, expecting: ExpectedBlob(size: size)) {
                chunk.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
            }
            let found = "sha256:" + hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            guard digest.hasPrefix("sha256:"), found != digest else { return nil }
            return .damaged(id, "its digest is \(found)")
        } catch let error as BlobError {
            // A running cloud may have removed it meanwhile.
            let isThere = try await store.database.read { db in
                try Bool.fetchOne(
                    db,
                    sql: "SELECT EXISTS(SELECT 1 FROM artifact_blobs WHERE blobID = ?)",
                    arguments: [id]
                )
            }
            return isThere == true ? error : nil
        }
    }
}
