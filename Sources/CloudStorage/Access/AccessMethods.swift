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
            (input: TestPermissionsInput, caller) -> JSON in try await held(input, by: caller)
        }
    }

    /// Which of the permissions that are asked for the caller holds.
    func held(_ input: TestPermissionsInput, by caller: Caller) async throws -> JSON {
        var held: [JSON] = []
        for permission in input.permissions {
            let isHeld = (try? await authorizer.authorize(caller, for: permission, on: input.resource)) != nil
            if isHeld { held.append(.string(permission)) }
        }
        return ["kind": "storage#testIamPermissionsResponse", "permissions": .array(held)]
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
                throw GoogleError.publicAccessPrevented(bucket.name)
            }
            if !bucket.isUniform, (policy["bindings"]?.array ?? []).contains(where: { $0["condition"] != nil }) {
                throw GoogleError.invalid(
                    "Bucket '\(bucket.name)' must have uniform bucket-level access to have conditional bindings."
                )
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
        policy = try BucketPolicy.checked(try await call.body())
    }
}

struct TestPermissionsInput: MethodInput {
    var resource: ResourceName
    var permissions: [String]

    init(from call: Call) async throws {
        let bucket = try call.parameter("bucket")
        if let object = try? call.parameter("object") {
            resource = .object(object, in: bucket)
        } else if let folder = try? call.parameter("folder") {
            resource = .managedFolder(folder.hasSuffix("/") ? folder : folder + "/", in: bucket)
        } else {
            resource = .bucket(bucket)
        }
        permissions = call.queries("permissions")
    }
}
