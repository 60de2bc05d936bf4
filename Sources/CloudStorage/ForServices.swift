import APIServer
package import BlobStore
package import Foundation
import GoogleAPI
package import NIOCore

/// What other services of the cloud do with buckets and objects, past the API and its permissions.
extension CloudStorage {
    /// Makes a bucket unless it is there already.
    package func ensureBucket(name: String, project: String, location: String = "US") async throws {
        guard try await buckets.find(name) == nil else { return }
        let owner = try await projects.project(project)
        let time = Micros(now())
        do {
            _ = try await buckets.insert(
                BucketRecord(
                    name: name,
                    project: owner.id,
                    projectNumber: owner.number,
                    document: BucketResource.completed(["location": .string(location)]),
                    created: time,
                    updated: time
                )
            )
        } catch let error as GoogleError where error.reason == "conflict" {
            // Another call was quicker.
        }
    }

    /// Writes an object, if an account may.
    ///
    /// - Returns: Its generation and MD5.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404).
    package func writeObject<Body: AsyncSequence & Sendable>(
        bucket: String,
        name: String,
        body: Body,
        as account: String
    ) async throws -> (generation: Int64, md5: Data) where Body.Element == ByteBuffer {
        let request = try Self.request(bucket, name, "application/octet-stream")
        let writer = Caller(identity: .account(account), origin: "", requestID: "")
        let record = try await store(body, as: request, by: writer).record
        return (record.generation, record.md5 ?? Data())
    }

    static func request(_ bucket: String, _ name: String, _ contentType: String) throws -> UploadRequest {
        try ObjectName.check(name)
        return UploadRequest(
            bucket: bucket,
            name: name,
            metadata: [:],
            conditions: .none,
            checks: ChecksumChecks(),
            contentType: contentType
        )
    }

    /// Opens an object for reading, if an account may read it.
    ///
    /// - Parameter account: The e-mail address of the account on whose behalf a service reads.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404).
    package func openObject(
        bucket: String,
        name: String,
        as account: String,
        generation: Int64? = nil,
        range: Range<Int64>? = nil
    ) async throws -> BlobBytes {
        let reader = Caller(identity: .account(account), origin: "", requestID: "")
        try await authorizer.authorize(
            reader,
            for: "storage.objects.get",
            on: .object(name, generation: generation, in: bucket)
        )
        return try await objects.despiteOverwrites(of: name, generation: generation, bucket: bucket) {
            let record = try await objects.get(name, generation: generation, bucket: bucket).record
            return try await content(of: record, range: range, openedWith: nil)
        }
    }

    package func deleteObject(bucket: String, name: String) async throws {
        await release(try await objects.delete(name, generation: nil, bucket: bucket, if: .none))
    }

    /// The names of a bucket's live objects that begin with `prefix`, in order.
    package func objectNames(bucket: String, prefix: String) async throws -> [String] {
        var query = ListingQuery()
        query.prefix = Array(prefix.utf8)
        var names: [String] = []
        while true {
            let page = try await objects.list(bucket: bucket, query)
            names += page.records.map(\.name)
            guard let next = page.next else { return names }
            query.start = next
        }
    }
}
