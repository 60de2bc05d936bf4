import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// The three kinds of access control lists, each edited line by line in the same way.
private enum AccessList: Sendable {
    case bucket
    /// What new objects of a bucket get.
    case defaults
    case object

    var id: String {
        switch self {
        case .bucket: "storage.bucketAccessControls"
        case .defaults: "storage.defaultObjectAccessControls"
        case .object: "storage.objectAccessControls"
        }
    }

    var path: String {
        switch self {
        case .bucket: "/storage/v1/b/{bucket}/acl"
        case .defaults: "/storage/v1/b/{bucket}/defaultObjectAcl"
        case .object: "/storage/v1/b/{bucket}/o/{object}/acl"
        }
    }

    var permission: String { self == .object ? "storage.objects" : "storage.buckets" }
}

/// A list, and one line of it.
private struct AccessEntryInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var object: String?
    var generation: Int64?
    /// Empty for a list as a whole.
    var entity: String
    /// Nil for methods that change nothing.
    var role: String?
    var conditions: Preconditions

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        object = try? call.parameter("object")
        generation = try call.number("generation")
        resource =
            object.map { [bucket, generation] in .object($0, generation: generation, in: bucket) } ?? .bucket(bucket)
        conditions = try Preconditions(call)
        entity = (try? call.parameter("entity")) ?? ""
        guard [.post, .put, .patch].contains(call.request.method) else { return }
        let body: JSON = try await call.body()
        if entity.isEmpty { entity = body["entity"]?.string ?? "" }
        let line: JSON = ["entity": entity.isEmpty ? .null : .string(entity), "role": body["role"] ?? .null]
        role = try AccessEntry.entries(from: [line])?.first?.role
    }
}

extension CloudStorage {
    func addAccessEntryMethods(to api: MethodTable) {
        for list in [AccessList.bucket, .defaults, .object] {
            let (all, one) = (list.path, list.path + "/{entity}")
            let (reading, writing) = ("\(list.permission).getIamPolicy", "\(list.permission).setIamPolicy")
            api.add("\(list.id).list", .get, all, requires: reading) { (input: AccessEntryInput, caller) -> JSON in
                let items = try await entries(of: list, input).map { $0.render(origin: caller.origin) }
                let kind = list == .bucket ? "storage#bucketAccessControls" : "storage#objectAccessControls"
                return ["kind": .string(kind), "items": .array(items)]
            }
            api.add("\(list.id).get", .get, one, requires: reading) { (input: AccessEntryInput, caller) -> JSON in
                let lines = try await entries(of: list, input)
                guard let line = lines.first(where: { $0.entry.entity == input.entity }) else {
                    throw GoogleError.noAccessEntry(input.entity)
                }
                return line.render(origin: caller.origin)
            }
            for (id, verb, path) in [
                ("insert", HTTPRequest.Method.post, all), ("update", .put, one), ("patch", .patch, one),
            ] {
                api.add("\(list.id).\(id)", verb, path, requires: writing) {
                    (input: AccessEntryInput, caller) -> JSON in
                    let entry = AccessEntry(entity: input.entity, role: input.role ?? "")
                    let lines = try await edit(list, input) { entries in
                        if let index = entries.firstIndex(where: { $0.entity == entry.entity }) {
                            entries[index] = entry
                        } else {
                            entries.append(entry)
                        }
                    }
                    guard let line = lines.first(where: { $0.entry == entry }) else {
                        throw GoogleError.noAccessEntry(entry.entity)
                    }
                    return line.render(origin: caller.origin)
                }
            }
            api.add("\(list.id).delete", .delete, one, requires: writing) { (input: AccessEntryInput, _) -> Void in
                _ = try await edit(list, input) { entries in
                    guard let index = entries.firstIndex(where: { $0.entity == input.entity }) else {
                        throw GoogleError.noAccessEntry(input.entity)
                    }
                    entries.remove(at: index)
                }
            }
        }
    }

    private func entries(of list: AccessList, _ input: AccessEntryInput) async throws -> [AccessLine] {
        guard list == .object, let object = input.object else {
            return try AccessLine.lines(of: list, in: try await buckets.get(input.bucket))
        }
        let found = try await objects.get(object, generation: input.generation, bucket: input.bucket)
        return try AccessLine.lines(of: found)
    }

    /// Changes a list in one transaction.
    ///
    /// - Returns: The lines as they are then.
    private func edit(
        _ list: AccessList,
        _ input: AccessEntryInput,
        _ change: @escaping @Sendable (inout [AccessEntry]) throws -> Void
    ) async throws -> [AccessLine] {
        @Sendable func edited(_ entries: [AccessEntry], in bucket: BucketRecord) throws -> JSON {
            var entries = entries
            try change(&entries)
            return try bucket.accessList(of: entries)
        }
        guard list == .object, let object = input.object else {
            let bucket = try await buckets.change(input.bucket, if: input.conditions, at: Micros(now())) { bucket in
                if list == .bucket {
                    bucket.document["acl"] = try edited(BucketACL.entries(of: bucket), in: bucket)
                } else {
                    bucket.document["defaultObjectAcl"] = try edited(ObjectACL.defaults(of: bucket), in: bucket)
                }
            }
            return try AccessLine.lines(of: list, in: bucket)
        }
        let found = try await objects.change(
            object,
            generation: input.generation,
            bucket: input.bucket,
            if: input.conditions
        ) { record, bucket in
            record.document["acl"] = try edited(ObjectACL.entries(of: record, in: bucket), in: bucket)
        }
        return try AccessLine.lines(of: found)
    }
}

/// One line of a list, with what it belongs to.
private struct AccessLine {
    var entry: AccessEntry
    var bucket: BucketRecord
    /// Nil for a bucket's own list.
    var record: ObjectRecord?
    var isDefault = false

    static func lines(of list: AccessList, in bucket: BucketRecord) throws -> [AccessLine] {
        try bucket.requireAccessLists()
        let entries = list == .bucket ? BucketACL.entries(of: bucket) : ObjectACL.defaults(of: bucket)
        return entries.map { AccessLine(entry: $0, bucket: bucket, isDefault: list == .defaults) }
    }

    static func lines(of found: FoundObject) throws -> [AccessLine] {
        try found.bucket.requireAccessLists()
        return ObjectACL.entries(of: found.record, in: found.bucket).map {
            AccessLine(entry: $0, bucket: found.bucket, record: found.record)
        }
    }

    func render(origin: String) -> JSON {
        if isDefault { return ObjectACL.renderDefault(entry, bucket: bucket) }
        if let record { return ObjectACL.render(entry, record: record, bucket: bucket, origin: origin) }
        return BucketACL.render(entry, bucket: bucket, origin: origin)
    }
}

extension BucketRecord {
    /// A list as it is stored, if it may be set.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) where IAM alone decides, `conditionNotMet` (412) for a list that opens
    ///   to everybody what must not be.
    func accessList(of entries: [AccessEntry]) throws -> JSON {
        try requireAccessLists()
        let isPublic = entries.contains { ["allUsers", "allAuthenticatedUsers"].contains($0.entity) }
        if isPublic, preventsPublicAccess { throw GoogleError.publicAccessPrevented(name) }
        return AccessEntry.json(entries)
    }

    /// A list that Google names, as it is stored.
    ///
    /// - Throws: As ``accessList(of:)``; ``GoogleError`` `invalid` (400) for a name that is none.
    func accessList(named name: String, forBucket: Bool) throws -> JSON {
        try accessList(of: AccessEntry.predefined(name, project: projectNumber, forBucket: forBucket))
    }

    /// - Throws: ``GoogleError`` `invalid` (400) where IAM alone decides.
    func requireAccessLists() throws {
        guard isUniform else { return }
        throw GoogleError.invalid(
            "Cannot use ACL API to get or change access of bucket '\(name)', because uniform bucket-level access "
                + "is enabled. Use IAM instead."
        )
    }
}
