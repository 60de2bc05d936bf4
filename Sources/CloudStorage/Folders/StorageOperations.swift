import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A long-running operation of a bucket. What Brume does of these is done in the transaction that records it, so each is
/// done when its caller first hears of it.
struct StorageOperation: Sendable {
    var id: String
    var bucket: String
    var created: Micros

    /// - Returns: The document that is kept.
    func insert(type: String, request: JSON, response: JSON, in bucket: BucketRecord, _ db: Database) throws -> JSON {
        var metadata = request
        metadata["@type"] = .string("type.googleapis.com/google.storage.control.v2.\(type)Metadata")
        metadata["commonMetadata"] = [
            "createTime": .string(created.text), "endTime": .string(created.text), "updateTime": .string(created.text),
            "type": .string(type), "requestedCancellation": false, "progressPercent": 100,
        ]
        let document: JSON = ["done": true, "metadata": metadata, "response": response]
        try db.execute(
            sql: "INSERT INTO storage_operations(id, bucket, document, created) VALUES (?, ?, ?, ?)",
            arguments: [id, bucket.id, try document.data(), created]
        )
        return document
    }

    func render(_ document: JSON, origin: String) -> JSON {
        var json = document
        json["kind"] = "storage#operation"
        json["name"] = .string("projects/_/buckets/\(bucket)/operations/\(id)")
        json["selfLink"] = .string("\(origin)/storage/v1/b/\(bucket)/operations/\(id)")
        return json
    }
}

/// The rows of operations.
struct StorageOperations: Sendable {
    let database: any DatabaseWriter

    /// The operations of a bucket, the newest first; or the one that is asked for.
    func list(bucket name: String, id: String? = nil, after start: Int64 = .max, limit: Int) async throws
        -> [(operation: StorageOperation, document: JSON)]
    {
        try await database.read { db in
            let bucket = try BucketStore.get(name, in: db)
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT id, document, created FROM storage_operations
                    WHERE bucket = ?1 AND (?2 IS NULL OR id = ?2) AND created < ?3 ORDER BY created DESC LIMIT ?4
                    """,
                arguments: [bucket.id, id, start, limit]
            ).map { row in
                (
                    StorageOperation(id: row["id"], bucket: name, created: row["created"]),
                    try JSON(parsing: row["document"])
                )
            }
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ id: String, bucket: String) async throws -> (operation: StorageOperation, document: JSON) {
        guard let found = try await list(bucket: bucket, id: id, limit: 1).first else {
            throw GoogleError.notFound("The operation '\(id)' of bucket '\(bucket)' does not exist.")
        }
        return found
    }
}

private struct OperationInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var id: String

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        id = (try? call.parameter("operation")) ?? ""
        resource = .bucket(bucket)
    }
}

extension CloudStorage {
    func addOperationMethods(to api: MethodTable) {
        let all = "/storage/v1/b/{bucket}/operations"
        let (id, may) = ("storage.buckets.operations", "storage.bucketOperations")
        api.add("\(id).list", .get, all, requires: "\(may).list") { (input: OperationInput, call: Call) -> Response in
            let limit = Int(min(max(try call.number("pageSize") ?? 100, 1), 1000))
            let start = try call.number("pageToken") ?? .max
            let found = try await operations.list(bucket: input.bucket, after: start, limit: limit + 1)
            var page: JSON = [
                "kind": "storage#operations",
                "operations": .array(
                    found.prefix(limit).map { $0.operation.render($0.document, origin: call.caller.origin) }
                ),
            ]
            if found.count > limit {
                page["nextPageToken"] = .string(String(found[limit - 1].operation.created))
            }
            return try JSONResponse.make(page, for: call)
        }
        api.add("\(id).get", .get, all + "/{operation}", requires: "\(may).get") {
            (input: OperationInput, caller) -> JSON in
            let found = try await operations.get(input.id, bucket: input.bucket)
            return found.operation.render(found.document, origin: caller.origin)
        }
        api.add("\(id).cancel", .post, all + "/{operation}/cancel", requires: "\(may).cancel") {
            (input: OperationInput, _) -> Void in
            // What is done cannot be cancelled, and to ask for it is no error.
            _ = try await operations.get(input.id, bucket: input.bucket)
        }
    }
}
