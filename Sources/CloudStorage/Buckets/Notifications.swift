import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A notification of a bucket: stored and shown. Brume has no Pub/Sub, so nothing is sent.
private struct NotificationInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var id: Int64?

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        resource = .bucket(bucket)
        guard let text = try? call.parameter("notification") else { return }
        guard let id = Int64(text) else { throw GoogleError.noNotification(text, in: bucket) }
        self.id = id
    }
}

extension CloudStorage {
    private static let settable = [
        "topic", "payload_format", "event_types", "custom_attributes", "object_name_prefix",
    ]

    func addNotificationMethods(to api: MethodTable) {
        let all = "/storage/v1/b/{bucket}/notificationConfigs"
        let one = all + "/{notification}"
        api.add("storage.notifications.insert", .post, all, requires: "storage.buckets.update") {
            (input: NotificationInput, call: Call) -> Response in
            let document = try Self.notification(of: try await call.body())
            let (id, saved) = try await objects.database.write { db in
                let bucket = try BucketStore.get(input.bucket, in: db)
                let last = try Int64.fetchOne(
                    db,
                    sql: "SELECT MAX(id) FROM storage_notifications WHERE bucket = ?",
                    arguments: [bucket.id]
                )
                let id = (last ?? 0) + 1
                try db.execute(
                    sql: "INSERT INTO storage_notifications(bucket, id, document) VALUES (?, ?, ?)",
                    arguments: [bucket.id, id, try document.data()]
                )
                return (id, document)
            }
            return try JSONResponse.make(Self.render(saved, id: id, bucket: input.bucket, call.caller), for: call)
        }
        api.add("storage.notifications.list", .get, all, requires: "storage.buckets.get") {
            (input: NotificationInput, caller) -> JSON in
            let items = try await notifications(input).map {
                Self.render($0.document, id: $0.id, bucket: input.bucket, caller)
            }
            return ["kind": "storage#notifications", "items": .array(items)]
        }
        api.add("storage.notifications.get", .get, one, requires: "storage.buckets.get") {
            (input: NotificationInput, caller) -> JSON in
            guard let found = try await notifications(input).first else {
                throw GoogleError.noNotification(String(input.id ?? 0), in: input.bucket)
            }
            return Self.render(found.document, id: found.id, bucket: input.bucket, caller)
        }
        api.add("storage.notifications.delete", .delete, one, requires: "storage.buckets.update") {
            (input: NotificationInput, _) -> Void in
            try await objects.database.write { db in
                let bucket = try BucketStore.get(input.bucket, in: db)
                try db.execute(
                    sql: "DELETE FROM storage_notifications WHERE bucket = ? AND id = ?",
                    arguments: [bucket.id, input.id]
                )
                guard db.changesCount > 0 else {
                    throw GoogleError.noNotification(String(input.id ?? 0), in: input.bucket)
                }
            }
        }
    }

    /// - Throws: ``GoogleError`` `required`, `invalid` (400).
    private static func notification(of body: JSON) throws -> JSON {
        guard let topic = body["topic"]?.string else { throw GoogleError.required("topic") }
        let host = "//pubsub.googleapis.com/"
        let name = topic.hasPrefix(host) ? String(topic.dropFirst(host.count)) : topic
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "projects", parts[2] == "topics", !parts.contains("") else {
            throw GoogleError.invalid(
                "Invalid value for 'topic': '\(topic)' is not //pubsub.googleapis.com/projects/PROJECT/topics/TOPIC."
            )
        }
        guard ["JSON_API_V1", "NONE"].contains(body["payload_format"]?.string ?? "") else {
            throw GoogleError.invalid("Invalid value for 'payload_format': use JSON_API_V1 or NONE.")
        }
        var document: JSON = [:]
        for key in settable { document[key] = body[key] }
        document["topic"] = .string(host + name)
        return document
    }

    private func notifications(_ input: NotificationInput) async throws -> [(id: Int64, document: JSON)] {
        try await objects.database.read { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT id, document FROM storage_notifications
                    WHERE bucket = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY id
                    """,
                arguments: [bucket.id, input.id]
            ).map { (id: $0["id"], document: try JSON(parsing: $0["document"])) }
        }
    }

    private static func render(_ document: JSON, id: Int64, bucket: String, _ caller: Caller) -> JSON {
        var json = document
        json["kind"] = "storage#notification"
        json["id"] = .string(String(id))
        json["etag"] = .string(String(id))
        json["selfLink"] = .string("\(caller.origin)/storage/v1/b/\(bucket)/notificationConfigs/\(id)")
        return json
    }
}

extension GoogleError {
    fileprivate static func noNotification(_ id: String, in bucket: String) -> GoogleError {
        notFound("Notification '\(id)' of bucket '\(bucket)' does not exist.")
    }
}
