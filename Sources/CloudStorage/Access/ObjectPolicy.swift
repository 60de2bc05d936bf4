import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// An object's access control list in the words of IAM: `OWNER` is `roles/storage.legacyObjectOwner`, `READER` is
/// `roles/storage.legacyObjectReader`.
///
/// See [IAM and access control lists](https://docs.cloud.google.com/storage/docs/access-control/iam#acls).
enum ObjectPolicy {
    private static let roles = [
        "OWNER": "roles/storage.legacyObjectOwner", "READER": "roles/storage.legacyObjectReader",
    ]
    private static let teams = ["owners": "projectOwner", "editors": "projectEditor", "viewers": "projectViewer"]

    static func render(_ found: FoundObject) -> JSON {
        let entries = ObjectACL.entries(of: found.record, in: found.bucket)
        let bindings = ["OWNER", "READER"].compactMap { role -> JSON? in
            let members = entries.filter { $0.role == role }.map { JSON.string(member($0.entity, in: found.bucket)) }
            guard !members.isEmpty, let name = roles[role] else { return nil }
            return ["role": .string(name), "members": .array(members)]
        }
        return [
            "kind": "storage#policy", "version": 1, "bindings": .array(bindings),
            "resourceId": .string("projects/_/buckets/\(found.bucket.name)/objects/\(found.record.name)"),
            "etag": .string(found.record.etag),
        ]
    }

    /// - Throws: ``GoogleError`` `invalid` (400) for a role that no list can hold.
    static func entries(of policy: JSON, in bucket: BucketRecord) throws -> [AccessEntry] {
        try (policy["bindings"]?.array ?? []).flatMap { binding -> [AccessEntry] in
            guard let role = roles.first(where: { $0.value == binding["role"]?.string })?.key else {
                throw GoogleError.invalid(
                    "Role '\(binding["role"]?.string ?? "")' is not supported for an object: use "
                        + roles.values.sorted().joined(separator: " or ") + "."
                )
            }
            return (binding["members"]?.array ?? []).compactMap(\.string).map {
                AccessEntry(entity: entity($0, in: bucket), role: role)
            }
        }
    }

    private static func member(_ entity: String, in bucket: BucketRecord) -> String {
        for (team, name) in teams where entity.hasPrefix("project-\(team)-") { return "\(name):\(bucket.project)" }
        if entity.hasPrefix("user-") {
            let email = entity.dropFirst(5)
            return (email.hasSuffix(".gserviceaccount.com") ? "serviceAccount:" : "user:") + email
        }
        for kind in ["group", "domain"] where entity.hasPrefix(kind + "-") {
            return "\(kind):" + entity.dropFirst(kind.count + 1)
        }
        return entity
    }

    private static func entity(_ member: String, in bucket: BucketRecord) -> String {
        let parts = member.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return member }
        if let team = teams.first(where: { $0.value == parts[0] })?.key {
            return "project-\(team)-\(bucket.projectNumber)"
        }
        return (parts[0] == "serviceAccount" ? "user" : parts[0]) + "-" + parts[1]
    }
}

extension CloudStorage {
    func addObjectPolicyMethods(to api: MethodTable) {
        let path = "/storage/v1/b/{bucket}/o/{object}/iam"
        api.add("storage.objects.getIamPolicy", .get, path, requires: "storage.objects.getIamPolicy") {
            (input: ObjectInput, _) -> JSON in
            let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
            try found.bucket.requireAccessLists()
            return ObjectPolicy.render(found)
        }
        api.add("storage.objects.setIamPolicy", .put, path, requires: "storage.objects.setIamPolicy") {
            (input: ObjectInput, call: Call) -> Response in
            let policy: JSON = try await call.body()
            let found = try await objects.change(
                input.object,
                generation: input.generation,
                bucket: input.bucket,
                if: input.conditions
            ) { record, bucket in
                if let etag = policy["etag"]?.string, !etag.isEmpty, etag != record.etag {
                    throw GoogleError.conditionNotMet("the policy's etag is no longer current; read it again")
                }
                record.document["acl"] = try bucket.accessList(of: ObjectPolicy.entries(of: policy, in: bucket))
            }
            return try JSONResponse.make(ObjectPolicy.render(found), for: call)
        }
        api.add("storage.objects.testIamPermissions", .get, path + "/testPermissions", requires: nil) {
            (input: TestPermissionsInput, caller) -> JSON in try await held(input, by: caller)
        }
    }
}
