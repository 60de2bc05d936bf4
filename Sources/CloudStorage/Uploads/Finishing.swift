import GRDB
import BlobStore
import Foundation
import GoogleAPI

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
