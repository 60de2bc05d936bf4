import HTTPTypes
import APIServer
import GoogleAPI

extension CloudStorage {
    func addAccessMethods(to api: MethodTable) {
        let b = "/storage/v1/b/{bucket}"
        api.add("storage.buckets.getIamPolicy", .get, "\(b)/iam", requires: "storage.buckets.getIamPolicy", getPolicy)
        api.add("storage.buckets.setIamPolicy", .put, "\(b)/iam", requires: "storage.buckets.setIamPolicy") {
            (input: SetPolicyInput, _) -> JSON in try await setPolicy(input)
        }
        api.add("storage.buckets.testIamPermissions", .get, "\(b)/iam/testPermissions", requires: nil) {
            (input: TestPermissionsInput, caller) -> JSON in
            var held: [JSON] = []
            for permission in input.permissions {
                let isHeld = (try? await authorizer.authorize(caller, for: permission, on: input.resource)) != nil
                if isHeld { held.append(.string(permission)) }
            }
            return ["kind": "storage#testIamPermissionsResponse", "permissions": .array(held)]
        }
        api.add("storage.bucketAccessControls.list", .get, "\(b)/acl", requires: "storage.buckets.getIamPolicy") {
            (input: BucketInput, caller) -> JSON in
            let bucket = try await aclBucket(input.bucket)
            let items = BucketACL.entries(of: bucket).map {
                BucketACL.render($0, bucket: bucket, origin: caller.origin)
            }
            return ["kind": "storage#bucketAccessControls", "items": .array(items)]
        }
        api.add(
            "storage.defaultObjectAccessControls.list",
            .get,
            "\(b)/defaultObjectAcl",
            requires: "storage.buckets.getIamPolicy"
        ) { (input: BucketInput, _) -> JSON in
            let bucket = try await aclBucket(input.bucket)
            let items = ObjectACL.defaults(of: bucket).map { ObjectACL.renderDefault($0, bucket: bucket) }
            return ["kind": "storage#objectAccessControls", "items": .array(items)]
        }
        api.add(
            "storage.objectAccessControls.list",
            .get,
            "\(b)/o/{object}/acl",
            requires: "storage.objects.getIamPolicy"
        ) {
            (input: ObjectInput, caller) -> JSON in
            _ = try await aclBucket(input.bucket)
            let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
            let items = ObjectACL.entries(of: found.record, in: found.bucket).map {
                ObjectACL.render($0, record: found.record, bucket: found.bucket, origin: caller.origin)
            }
            return ["kind": "storage#objectAccessControls", "items": .array(items)]
        }
    }

    private func aclBucket(_ name: String) async throws -> BucketRecord {
        let bucket = try await buckets.get(name)
        guard !bucket.isUniform else {
            throw GoogleError.invalid(
                "Cannot use ACL API to get or change access of bucket '\(name)', because uniform bucket-level access "
                    + "is enabled. Use IAM instead."
            )
        }
        return bucket
    }

    func getPolicy(_ input: BucketInput, _ caller: Caller) async throws -> JSON {
        policy(of: try await buckets.get(input.bucket))
    }

    private func setPolicy(_ input: SetPolicyInput) async throws -> JSON {
        let policy = input.policy
        let bucket = try await buckets.change(input.bucket, if: .none, at: Micros(now())) { bucket in
            if let etag = policy["etag"]?.string, !etag.isEmpty, etag != bucket.etag {
                throw GoogleError.conditionNotMet("the policy's etag is no longer current; read it again")
            }
            let members = (policy["bindings"]?.array ?? []).flatMap { $0["members"]?.array ?? [] }.compactMap(\.string)
            if bucket.preventsPublicAccess, members.contains(where: ["allUsers", "allAuthenticatedUsers"].contains) {
                throw GoogleError.conditionNotMet("the bucket enforces public access prevention")
            }
            bucket.policy = ["version": policy["version"] ?? 1, "bindings": policy["bindings"] ?? []]
        }
        return self.policy(of: bucket)
    }

    private func policy(of bucket: BucketRecord) -> JSON {
        var policy = bucket.policy ?? BucketPolicy.initial(of: bucket)
        policy["kind"] = "storage#policy"
        policy["resourceId"] = .string("projects/_/buckets/\(bucket.name)")
        policy["etag"] = .string(bucket.etag)
        return policy
    }
}

private struct SetPolicyInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var policy: JSON

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        resource = .bucket(bucket)
        policy = try await call.body()
        for binding in policy["bindings"]?.array ?? [] {
            guard let role = binding["role"]?.string, role.contains("roles/") else {
                throw GoogleError.invalid(
                    "Invalid policy: each binding needs a role such as 'roles/storage.objectViewer'."
                )
            }
            for member in binding["members"]?.array ?? [] {
                guard let text = member.string,
                    text.contains(":") || ["allUsers", "allAuthenticatedUsers"].contains(text)
                else {
                    throw GoogleError.invalid("Invalid policy: '\(member)' is no member such as 'user:EMAIL'.")
                }
            }
        }
    }
}

private struct TestPermissionsInput: MethodInput {
    var resource: ResourceName
    var permissions: [String]

    init(from call: Call) async throws {
        resource = .bucket(try call.parameter("bucket"))
        permissions = call.queries("permissions")
    }
}
