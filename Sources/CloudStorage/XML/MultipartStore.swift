import BlobStore
import Foundation
import GRDB
import GoogleAPI

/// An object that comes in parts, by the XML API.
///
/// See [multipart uploads](https://docs.cloud.google.com/storage/docs/multipart-uploads).
struct MultipartUpload: Sendable {
    var id: String
    var name: String
    var request: UploadRequest
    var created: Micros
}

/// A part as it is stored.
struct MultipartPart: Sendable {
    var number: Int64
    var blob: String
    var size: Int64
    var crc32c: UInt32
    var md5: Data
    var created: Micros

    var etag: String { md5.hexadecimal }
}

extension MultipartPart: FetchableRecord {
    init(row: Row) throws {
        number = row["number"]
        blob = row["blob"]
        size = row["size"]
        crc32c = UInt32(truncatingIfNeeded: row["crc32c"] as Int64)
        md5 = row["md5"]
        created = row["created"]
    }
}

/// The rows of multipart uploads.
struct MultipartStore: Sendable {
    let database: any DatabaseWriter

    func insert(_ upload: MultipartUpload) async throws {
        let request = try JSONCoding.encoder.encode(upload.request)
        try await database.write { db in
            let bucket = try BucketStore.get(upload.request.bucket, in: db)
            try db.execute(
                sql: """
                    INSERT INTO storage_multipart_uploads(id, bucket, name, request, created) VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [upload.id, bucket.id, upload.name, request, upload.created]
            )
        }
    }

    /// - Throws: ``GoogleError`` `noSuchUpload` (404).
    static func get(_ id: String, name: String, in bucket: String, _ db: Database) throws -> MultipartUpload {
        let row = try Row.fetchOne(db, sql: "SELECT * FROM storage_multipart_uploads WHERE id = ?", arguments: [id])
        guard let upload = try row.map(read), upload.name == name, upload.request.bucket == bucket else {
            throw GoogleError.noSuchUpload(id)
        }
        return upload
    }

    func get(_ id: String, name: String, in bucket: String) async throws -> MultipartUpload {
        try await database.read { try Self.get(id, name: name, in: bucket, $0) }
    }

    private static func read(_ row: Row) throws -> MultipartUpload {
        MultipartUpload(
            id: row["id"],
            name: row["name"],
            request: try JSONCoding.decoder.decode(UploadRequest.self, from: row["request"]),
            created: row["created"]
        )
    }

    func list(bucket: String, prefix: String = "") async throws -> [MultipartUpload] {
        try await database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM storage_multipart_uploads
                    WHERE bucket = ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY name, created
                    """,
                arguments: [try BucketStore.get(bucket, in: db).id, prefix]
            ).map(Self.read)
        }
    }

    /// Stores a part; one of the same number is replaced.
    ///
    /// - Returns: Blobs that no row names any more.
    func put(_ part: MultipartPart, of upload: MultipartUpload) async throws -> [String] {
        try await database.write { db in
            _ = try Self.get(upload.id, name: upload.name, in: upload.request.bucket, db)
            let old = try String.fetchAll(
                db,
                sql: "DELETE FROM storage_multipart_parts WHERE upload = ? AND number = ? RETURNING blob",
                arguments: [upload.id, part.number]
            )
            try db.execute(
                sql: """
                    INSERT INTO storage_multipart_parts(upload, number, blob, size, crc32c, md5, created)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    upload.id, part.number, part.blob, part.size, Int64(part.crc32c), part.md5, part.created,
                ]
            )
            return try ObjectStore.orphans(among: old, db)
        }
    }

    func parts(of upload: String) async throws -> [MultipartPart] {
        try await database.read { db in
            try MultipartPart.fetchAll(
                db,
                sql: "SELECT * FROM storage_multipart_parts WHERE upload = ? ORDER BY number",
                arguments: [upload]
            )
        }
    }

    /// Ends an upload, finished or not.
    ///
    /// - Returns: Blobs that no row names any more.
    static func delete(_ id: String, _ db: Database) throws -> [String] {
        let blobs = try String.fetchAll(
            db,
            sql: "DELETE FROM storage_multipart_parts WHERE upload = ? RETURNING blob",
            arguments: [id]
        )
        try db.execute(sql: "DELETE FROM storage_multipart_uploads WHERE id = ?", arguments: [id])
        return try ObjectStore.orphans(among: blobs, db)
    }
}

extension GoogleError {
    static func noSuchUpload(_ id: String) -> GoogleError {
        var error = notFound("The multipart upload '\(id)' does not exist, or was completed or aborted.")
        error.metadata["code"] = "NoSuchUpload"
        return error
    }

    static func invalidPart(_ reason: String) -> GoogleError {
        var error = invalid("One or more of the specified parts could not be used: \(reason).")
        error.metadata["code"] = "InvalidPart"
        return error
    }
}
