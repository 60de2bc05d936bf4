import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Which deleted objects are brought back at once.
private struct BulkRestoreQuery: Sendable {
    var globs: [Glob]
    var after: Micros
    var before: Micros
    var isOverwriting: Bool
    var keepsLists: Bool

    /// - Throws: ``GoogleError`` `invalid` (400).
    init(_ body: JSON) throws {
        func time(_ key: String) throws -> Micros? {
            guard let text = body[key]?.string else { return nil }
            guard let date = Timestamp.date(text) else {
                throw GoogleError.invalid("Invalid value for '\(key)': '\(text)' is no RFC 3339 time.")
            }
            return Micros(date)
        }
        globs = try (body["matchGlobs"]?.array ?? []).compactMap(\.string).map(Glob.init)
        after = try time("softDeletedAfterTime") ?? 0
        before = try time("softDeletedBeforeTime") ?? .max
        isOverwriting = body["allowOverwrite"]?.bool ?? false
        keepsLists = body["copySourceAcl"]?.bool ?? false
    }

    func takes(_ name: String) -> Bool { globs.isEmpty || globs.contains { $0.matches(name) } }
}

extension CloudStorage {
    /// How many objects one transaction brings back, so that other writers get their turn.
    private static let restoredAtOnce = 500

    /// Brings back the last deleted generation of each object that is asked for.
    func restoreMany(_ input: BucketInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.create", on: input.resource)
        let request: JSON = try await call.body()
        let query = try BulkRestoreQuery(request)
        if query.isOverwriting {
            try await authorizer.authorize(call.caller, for: "storage.objects.delete", on: input.resource)
        }
        let wanted = try await deleted(in: input.bucket, query)
        var restored = 0
        for start in stride(from: 0, to: wanted.count, by: Self.restoredAtOnce) {
            let part = wanted[start..<min(start + Self.restoredAtOnce, wanted.count)]
            let change = try await objects.database.write { db in
                let bucket = try BucketStore.get(input.bucket, in: db)
                var (count, orphans) = (0, [String]())
                for (name, generation) in part {
                    let isTaken = try ObjectStore.find(name, generation: nil, in: bucket, db) != nil
                    if isTaken, !query.isOverwriting { continue }
                    let record = try ObjectStore.getSoftDeleted(name, generation: generation, in: bucket, db)
                    var object = NewObject(copying: record, as: name)
                    if !query.keepsLists { object.document["acl"] = nil }
                    orphans += try objects.insert(object, in: bucket, if: .none, db).orphans
                    count += 1
                }
                return (count: count, orphans: orphans)
            }
            await release(change.orphans)
            restored += change.count
        }
        let operation = StorageOperation(id: makeID(), bucket: input.bucket, created: Micros(now()))
        let document = try await objects.database.write { [restored] db in
            try operation.insert(
                type: "BulkRestoreObjects",
                request: request,
                response: ["succeededCount": .string(String(restored))],
                in: try BucketStore.get(input.bucket, in: db),
                db
            )
        }
        return try JSONResponse.make(operation.render(document, origin: call.caller.origin), for: call)
    }

    /// The last deleted generation of each object.
    private func deleted(in bucket: String, _ query: BulkRestoreQuery) async throws
        -> [(name: String, generation: Int64)]
    {
        try await objects.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT name, MAX(generation) AS generation FROM storage_objects
                    WHERE bucket = ? AND softDeleted IS NOT NULL AND softDeleted > ? AND softDeleted < ? GROUP BY name
                    """,
                arguments: [try BucketStore.get(bucket, in: db).id, query.after, query.before]
            ).map { (String(decoding: $0["name"] as Data, as: UTF8.self), $0["generation"]) }
        }.filter { query.takes($0.name) }
    }
}
