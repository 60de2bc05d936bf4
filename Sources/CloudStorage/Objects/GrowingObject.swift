import BlobStore
import Foundation
import GRDB
import GoogleAPI
import NIOConcurrencyHelpers
package import NIOCore

/// An object that the cloud itself writes bit by bit, while others read what is there: the log of a build. Used by one
/// task at a time.
///
/// Each ``publish()`` is a new generation that takes the place of the one before, as if the object had been written
/// anew; but all of them lie in one blob, so that a long object costs no more to continue than a short one.
package final class GrowingObject: Sendable {
    private let storage: CloudStorage
    private let request: UploadRequest
    private let blob: StagedBlob
    private let isPublished = NIOLockedValueBox(false)

    fileprivate init(_ request: UploadRequest, in storage: CloudStorage) {
        self.storage = storage
        self.request = request
        blob = storage.blobs.stage(computing: .md5)
    }

    /// Adds bytes at the end; returns when there is room for more.
    ///
    /// - Throws: ``BlobError``; nothing can be appended after it.
    package func append(_ bytes: ByteBuffer) async throws { try await blob.append(bytes) }

    /// Lets readers of the object see what has been appended.
    ///
    /// - Throws: ``BlobError``, ``GoogleError`` `notFound` (404) when the bucket is gone, or somebody has deleted or
    ///   replaced the object, and its bytes with it.
    package func publish() async throws {
        let (objects, request, stored) = (storage.objects, request, try await blob.publish())
        let document = try await storage.settings(of: request)
        let wasPublished = isPublished.withLockedValue { $0 }
        let change = try await objects.database.write { db in
            let bucket = try BucketStore.get(request.bucket, in: db)
            let live = try ObjectStore.find(request.name, generation: nil, in: bucket, db)
            guard var live, live.blob == stored.id else {
                if wasPublished { throw GoogleError.objectNotFound(request.bucket, request.name) }
                return try objects.insert(
                    NewObject(stored, name: request.name, document: document),
                    in: bucket,
                    if: .none,
                    db
                )
            }
            let time = Micros(objects.now())
            live.generation = objects.generations.next(after: max(time, live.generation + 1))
            (live.size, live.crc32c, live.md5, live.updated) = (
                stored.size, stored.crc32c, stored.md5.map { Data($0) }, time
            )
            try live.update(db)
            return ObjectChange(found: FoundObject(record: live, bucket: bucket), orphans: [])
        }
        isPublished.withLockedValue { $0 = true }
        await storage.release(change.orphans)
    }

    /// Ends the writing; bytes that were never published are removed.
    package func close() async {
        if !isPublished.withLockedValue({ $0 }) { await blob.discard() }
    }
}

extension CloudStorage {
    /// Begins an object, past the API and its permissions; one of this name is replaced by the first
    /// ``GrowingObject/publish()``.
    package func growObject(bucket: String, name: String, contentType: String) throws -> GrowingObject {
        GrowingObject(try Self.request(bucket, name, contentType), in: self)
    }
}
