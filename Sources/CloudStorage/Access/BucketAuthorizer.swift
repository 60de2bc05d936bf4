import APIServer
import Foundation
import GoogleAPI

extension ResourceName {
    /// The names that buckets and objects have in IAM: `projects/_/buckets/B/objects/O`.
    static func bucket(_ name: String) -> ResourceName { ResourceName(["projects", "_", "buckets", name]) }
    static func object(_ name: String, in bucket: String) -> ResourceName {
        ResourceName(["projects", "_", "buckets", bucket, "objects", name])
    }
}

extension ResourceName {
    /// One generation of an object, whose access list is its own; nil: the live one.
    static func object(_ name: String, generation: Int64?, in bucket: String) -> ResourceName {
        let object = object(name, in: bucket)
        return generation.map { object.appending("generations", String($0)) } ?? object
    }

    /// The object that is named, and which generation of it; buckets and objects may be called anything.
    fileprivate var asObject: (name: String, generation: Int64?)? {
        guard segments.count >= 6, segments[2] == "buckets", segments[4] == "objects" else { return nil }
        return (segments[5], segments.count == 8 ? Int64(segments[7]) : nil)
    }
}

/// Decides by the bucket's policy and the access control lists, then leaves it to the project's policy.
struct BucketAuthorizer: Authorizer {
    let base: any Authorizer
    let buckets: BucketStore
    let objects: ObjectStore
    let managedFolders: ManagedFolderStore
    let now: @Sendable () -> Date

    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        try caller.checkScopes(for: permission)
        guard let name = resource.value(of: "buckets") else {
            return try await base.authorize(caller, for: permission, on: resource)
        }
        guard let bucket = try await buckets.find(name) else {
            // The method itself says 404, but to strangers no name is confirmed or denied.
            guard caller.identity == .anonymous else { return }
            throw Self.anonymous(permission)
        }
        let circumstances = Circumstances(resource: resource, time: now)
        if BucketPolicy.grants(permission, to: caller, by: bucket.policy, in: bucket, under: circumstances) { return }
        if let below = resource.asObject?.name ?? resource.value(of: "managedFolders"), bucket.isUniform {
            for folder in try await managedFolders.enclosing(below, bucket: bucket)
            where BucketPolicy.grants(permission, to: caller, by: folder.policy, in: bucket, under: circumstances) {
                return
            }
        }
        if !bucket.isUniform, try await isListed(caller, permission, resource, bucket) { return }
        var segments = resource.segments
        segments[1] = bucket.project
        do {
            try await base.authorize(caller, for: permission, on: ResourceName(segments))
        } catch let error as GoogleError where error.code == 401 && caller.identity == .anonymous {
            throw Self.anonymous(permission)
        }
    }

    /// Whether an access control list lets the caller in.
    private func isListed(
        _ caller: Caller,
        _ permission: String,
        _ resource: ResourceName,
        _ bucket: BucketRecord
    ) async throws -> Bool {
        var entities: Set<String> = bucket.preventsPublicAccess ? [] : ["allUsers"]
        if let email = caller.email {
            entities.insert("user-\(email)")
            if !bucket.preventsPublicAccess { entities.insert("allAuthenticatedUsers") }
        }
        func holds(_ entries: [AccessEntry], _ roles: Set<String>) -> Bool {
            entries.contains { entities.contains($0.entity) && roles.contains($0.role) }
        }
        switch permission {
        case "storage.objects.get":
            return holds(try await entries(of: resource, in: bucket), ["READER", "OWNER"])
        case "storage.objects.update", "storage.objects.getIamPolicy", "storage.objects.setIamPolicy":
            return holds(try await entries(of: resource, in: bucket), ["OWNER"])
        case "storage.objects.list", "storage.buckets.get":
            return holds(BucketACL.entries(of: bucket), ["READER", "WRITER", "OWNER"])
        case "storage.objects.create", "storage.objects.delete":
            return holds(BucketACL.entries(of: bucket), ["WRITER", "OWNER"])
        default: return false
        }
    }

    private func entries(of resource: ResourceName, in bucket: BucketRecord) async throws -> [AccessEntry] {
        guard let object = resource.asObject,
            let found = try await objects.find(object.name, generation: object.generation, bucket: bucket.name)
        else { return [] }
        return ObjectACL.entries(of: found.record, in: bucket)
    }

    private static func anonymous(_ permission: String) -> GoogleError {
        GoogleError(
            .unauthenticated,
            reason: "required",
            message: "Anonymous caller does not have \(permission) access to the Google Cloud Storage resource. "
                + "Permission '\(permission)' denied on resource (or it may not exist).",
            metadata: ["code": "AccessDenied"]
        )
    }
}

/// What a bucket's IAM policy grants by Cloud Storage's own roles.
enum BucketPolicy {
    private static let reading: Set = ["storage.objects.get", "storage.objects.list"]
    private static let using: Set = reading.union([
        "storage.objects.create", "storage.objects.delete", "storage.objects.restore", "storage.objects.update",
    ])

    private static func isGranted(_ permission: String, by role: String) -> Bool {
        switch role {
        case "roles/storage.objectViewer": reading.contains(permission)
        case "roles/storage.objectCreator": permission == "storage.objects.create"
        case "roles/storage.objectUser": using.contains(permission)
        case "roles/storage.objectAdmin": permission.hasPrefix("storage.objects.")
        case "roles/storage.folderAdmin":
            permission.hasPrefix("storage.managedFolders.") || permission.hasPrefix("storage.folders.")
        case "roles/storage.admin": permission.hasPrefix("storage.")
        case "roles/storage.legacyObjectReader": permission == "storage.objects.get"
        case "roles/storage.legacyObjectOwner":
            [
                "storage.objects.get", "storage.objects.update", "storage.objects.getIamPolicy",
                "storage.objects.setIamPolicy",
            ].contains(permission)
        case "roles/storage.legacyBucketReader":
            ["storage.buckets.get", "storage.objects.list"].contains(permission)
        case "roles/storage.legacyBucketWriter":
            ["storage.buckets.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete"]
                .contains(permission)
        case "roles/storage.legacyBucketOwner":
            [
                "storage.buckets.get", "storage.buckets.update", "storage.buckets.getIamPolicy",
                "storage.buckets.setIamPolicy", "storage.objects.list", "storage.objects.create",
                "storage.objects.delete",
            ].contains(permission)
        default: false
        }
    }

    /// Checks the form of a policy that a client sets.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func checked(_ policy: JSON) throws -> JSON {
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
        try PolicyCondition.check(policy)
        return policy
    }

    static func grants(
        _ permission: String,
        to caller: Caller,
        by policy: JSON?,
        in bucket: BucketRecord,
        under circumstances: Circumstances
    ) -> Bool {
        guard let bindings = policy?["bindings"]?.array else { return false }
        var members: Set<String> = bucket.preventsPublicAccess ? [] : ["allUsers"]
        if let email = caller.email {
            members.formUnion(["user:\(email)", "serviceAccount:\(email)"])
            if !bucket.preventsPublicAccess { members.insert("allAuthenticatedUsers") }
        }
        return bindings.contains { binding in
            guard let role = binding["role"]?.string, isGranted(permission, by: role),
                (binding["members"]?.array ?? []).contains(where: { $0.string.map(members.contains) ?? false })
            else { return false }
            return binding["condition"].map { PolicyCondition.holds($0, under: circumstances) } ?? true
        }
    }

    /// What a bucket has until somebody sets a policy.
    static func initial(of bucket: BucketRecord) -> JSON {
        let editors: JSON = .array([
            .string("projectEditor:\(bucket.project)"), .string("projectOwner:\(bucket.project)"),
        ])
        let viewers: JSON = .array([.string("projectViewer:\(bucket.project)")])
        var bindings: [JSON] = [
            ["role": "roles/storage.legacyBucketOwner", "members": editors],
            ["role": "roles/storage.legacyBucketReader", "members": viewers],
        ]
        if bucket.isUniform {
            bindings += [
                ["role": "roles/storage.legacyObjectOwner", "members": editors],
                ["role": "roles/storage.legacyObjectReader", "members": viewers],
            ]
        }
        return .object(["version": 1, "bindings": .array(bindings)])
    }
}
