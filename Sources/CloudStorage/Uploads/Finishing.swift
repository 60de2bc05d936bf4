import GRDB
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes

/// Checksums that a client gave for what it sends.
struct ChecksumChecks: Codable, Sendable {
    var crc32c: String?
    var md5: String?
    /// Hexadecimal, as S3 clients sign it.
    var sha256: String?

    init() {}

    /// What has to be computed besides the CRC32C.
    var needed: Checksums { sha256 == nil ? .md5 : [.md5, .sha256] }

    /// Reads them from an upload's metadata and from `X-Goog-Hash` and `Content-MD5` headers.
    init(metadata: JSON, headers: HTTPFields) {
        crc32c = metadata["crc32c"]?.string
        md5 = metadata["md5Hash"]?.string
        add(headers)
    }

    mutating func add(_ headers: HTTPFields) {
        if let name = HTTPField.Name("Content-MD5"), let value = headers[name] { md5 = value }
        for name in ["x-amz-content-sha256", "x-goog-content-sha256"] {
            guard let name = HTTPField.Name(name), let value = headers[name], value.utf8.count == 64 else { continue }
            sha256 = value.lowercased()
        }
        if let name = HTTPField.Name("x-amz-checksum-crc32c"), let value = headers[name] { crc32c = value }
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
        if let sha256, let bytes = blob.sha256, sha256 != bytes.hexadecimal {
            throw GoogleError.checksumMismatch("SHA-256", given: sha256, computed: bytes.hexadecimal)
        }
    }
}

extension CloudStorage {
    /// Makes staged bytes an object.
    ///
    /// - Parameter upload: The resumable session that ends with this; where the disk or the database fails, its bytes
    ///   stay, and it goes on from what was acknowledged.
    func finish(
        _ staged: StagedBlob,
        as request: UploadRequest,
        document: JSON,
        completing upload: String? = nil
    ) async throws -> FoundObject {
        let blob: StoredBlob
        do {
            blob = try await staged.commit()
        } catch {
            if upload == nil { await staged.discard() }
            throw error
        }
        return try await publish(blob) { db in
            try request.checks.check(blob)
            let change = try objects.insert(
                NewObject(blob, name: request.name, document: document),
                in: try BucketStore.get(request.bucket, in: db),
                if: request.conditions,
                db
            )
            if let upload { try UploadStore.finish(upload, generation: change.found.record.generation, db) }
            return change
        }
    }

    /// Makes a committed blob an object, in one transaction: the blob is durable before the row names it, and gone when
    /// the row is refused.
    func publish(
        _ blob: StoredBlob,
        _ change: @escaping @Sendable (Database) throws -> ObjectChange
    ) async throws -> FoundObject {
        let done: ObjectChange
        do {
            done = try await objects.database.write(change)
        } catch {
            // A refusal leaves no row. After a failure of the database only the next start knows: it sweeps.
            if error is GoogleError { await release([blob.id]) }
            throw error
        }
        await release(done.orphans)
        return done.found
    }

    /// Removes blobs that no row names any more. One that cannot be removed now is swept at the next start.
    func release(_ orphans: [String]) async {
        try? await blobs.remove(orphans)
    }

    /// The settings of a new object, from the metadata and the parameters of its upload.
    func settings(of request: UploadRequest) async throws -> JSON {
        var document = try ObjectResource.settings(of: request.metadata)
        if document["contentType"] == nil, let contentType = request.contentType, !contentType.isEmpty {
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
