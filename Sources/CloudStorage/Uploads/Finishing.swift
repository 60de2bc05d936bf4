import GRDB
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes

/// Checksums that a client gave for what it sends.
struct ChecksumChecks: Codable, Sendable {
    var crc32c: String?
    var md5: String?

    init() {}

    /// Reads them from an upload's metadata and from `X-Goog-Hash` and `Content-MD5` headers.
    init(metadata: JSON, headers: HTTPFields) {
        crc32c = metadata["crc32c"]?.string
        md5 = metadata["md5Hash"]?.string
        add(headers)
    }

    mutating func add(_ headers: HTTPFields) {
        if let name = HTTPField.Name("Content-MD5"), let value = headers[name] { md5 = value }
        guard let name = HTTPField.Name("X-Goog-Hash") else { return }
        for field in headers[values: name] {
            for part in field.split(separator: ",") {
                let text = part.trimmingCharacters(in: .whitespaces)
                if text.hasPrefix("crc32c=") { crc32c = String(text.dropFirst(7)) }
                if text.hasPrefix("md5=") { md5 = String(text.dropFirst(4)) }
            }
        }
    }

    /// - Throws: ``GoogleError`` `invalid` (400) naming both values.
    func check(_ blob: StoredBlob) throws {
        let computed = Base64.text(blob.crc32c)
        if let crc32c, crc32c != computed {
            throw GoogleError.checksumMismatch("CRC32C", given: crc32c, computed: computed)
        }
        if let md5, let bytes = blob.md5, md5 != Data(bytes).base64EncodedString() {
            throw GoogleError.checksumMismatch("MD5", given: md5, computed: Data(bytes).base64EncodedString())
        }
    }
}

extension CloudStorage {
    /// Makes staged bytes an object: the blob is durable before the row names it, and gone when the row is refused.
    ///
    /// - Parameter upload: The resumable session that ends with this; where the disk or the database fails, its bytes
    ///   stay, and it goes on from what was acknowledged.
    func finish(
        _ staged: StagedBlob,
        name: String,
        bucket: String,
        document: JSON,
        checks: ChecksumChecks,
        conditions: Preconditions,
        componentCount: Int64? = nil,
        completing upload: String? = nil
    ) async throws -> FoundObject {
        let blob: StoredBlob
        do {
            blob = try await staged.commit()
        } catch {
            if upload == nil { await staged.discard() }
            throw error
        }
        let change: ObjectChange
        do {
            try checks.check(blob)
            let object = NewObject(
                name: name,
                blob: blob.id,
                size: blob.size,
                crc32c: blob.crc32c,
                md5: componentCount == nil ? blob.md5.map { Data($0) } : nil,
                componentCount: componentCount,
                document: document
            )
            change = try await objects.database.write { db in
                let change = try objects.insert(object, in: try BucketStore.get(bucket, in: db), if: conditions, db)
                if let upload {
                    try db.execute(
                        sql: "UPDATE storage_uploads SET generation = ?, blob = '' WHERE id = ?",
                        arguments: [change.found.record.generation, upload]
                    )
                }
                return change
            }
        } catch {
            // A refusal leaves no row. After a failure of the database only the next start knows: it sweeps.
            if error is GoogleError { await release([blob.id]) }
            throw error
        }
        await release(change.orphans)
        return change.found
    }

    /// Removes blobs that no row names any more. One that cannot be removed now is swept at the next start.
    func release(_ orphans: [String]) async {
        try? await blobs.remove(orphans)
    }

    /// The settings of a new object, from the metadata and the parameters of its upload.
    func settings(of request: UploadRequest, contentType: String?) async throws -> JSON {
        var document = try ObjectResource.settings(of: request.metadata)
        if document["contentType"] == nil, let contentType, !contentType.isEmpty {
            document["contentType"] = .string(contentType)
        }
        if let encoding = request.contentEncoding { document["contentEncoding"] = .string(encoding) }
        let bucket = try await buckets.get(request.bucket)
        if let acl = request.predefinedACL {
            document["acl"] = try bucket.accessList(named: acl, forBucket: false)
        }
        if bucket.document["defaultEventBasedHold"]?.bool == true { document["eventBasedHold"] = true }
        return document
    }
}
