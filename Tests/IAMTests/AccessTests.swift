import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import IAM
import Testing

private struct OneBucket: PolicySource {
    var bindings: [Policy.Binding]

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        guard let bucket = resource.value(of: "buckets") else { return nil }
        guard bucket == "fog" else { throw GoogleError.notFound("The specified bucket does not exist.") }
        return ResourcePolicy(project: "demo", bindings: bindings)
    }
}

@Suite("access control")
struct AccessTests {
    private let object = ResourceName(["projects", "_", "buckets", "fog", "objects", "a"])

    private func caller(_ email: String?) -> Caller {
        Caller(identity: email.map { .account($0) } ?? .anonymous, origin: "http://localhost", requestID: "test")
    }

    private func status(_ cloud: TestCloud, _ email: String?, _ permission: String, on resource: ResourceName)
        async throws
        -> Int
    {
        do {
            try await cloud.access.authorize(caller(email), for: permission, on: resource)
            return 200
        } catch let error as GoogleError { return error.code }
    }

    private func expect(
        _ expected: Int,
        _ cloud: TestCloud,
        _ email: String?,
        _ permission: String,
        on resource: ResourceName,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await status(cloud, email, permission, on: resource)
        #expect(answer == expected, sourceLocation: location)
    }

    @Test func `an owner may, a stranger gets 403 that names the permission and the resource`() async throws {
        try await withTestCloud { cloud in
            try await expect(200, cloud, TestCloud.owner, "storage.buckets.create", on: .project("demo"))
            let stranger = try await cloud.makeKey(of: "stranger")
            let reply = try await cloud.as(stranger.email).get("/iam/v1/projects/demo/serviceAccounts")
            #expect(reply.status == 403 && reply.reason == "forbidden")
            #expect(reply.message?.contains("iam.serviceAccounts.list") == true)
            #expect(reply.message?.contains("projects/demo") == true)
        }
    }

    @Test func `a role on the project reaches what is in it, by ID and by number`() async throws {
        try await withTestCloud { cloud in
            let compute = "123456789012-compute@developer.gserviceaccount.com"
            try await expect(200, cloud, compute, "compute.instances.insert", on: .project("123456789012"))
            try await expect(403, cloud, compute, "resourcemanager.projects.setIamPolicy", on: .project("demo"))
            let builder = "123456789012@cloudbuild.gserviceaccount.com"
            let upload = "artifactregistry.repositories.uploadArtifacts"
            try await expect(200, cloud, builder, upload, on: .project("demo"))
            try await expect(403, cloud, builder, "compute.instances.insert", on: .project("demo"))
        }
    }

    @Test func `a changed policy counts at once`() async throws {
        try await withTestCloud { cloud in
            let email = try await cloud.makeKey(of: "trainer").email
            try await expect(403, cloud, email, "storage.objects.get", on: .project("demo"))
            var policy = try await cloud.iam.policy(ofProject: "demo")
            policy.bindings.append(.init(role: "roles/storage.objectViewer", members: ["serviceAccount:\(email)"]))
            let changed = try await cloud.iam.setPolicy(policy, ofProject: "demo")
            try await expect(200, cloud, email, "storage.objects.get", on: .project("demo"))
            try await expect(403, cloud, email, "storage.objects.create", on: .project("demo"))
            #expect(changed.etag != policy.etag)
            let old = policy
            await #expect(throws: GoogleError.self) { _ = try await cloud.iam.setPolicy(old, ofProject: "demo") }
        }
    }

    @Test(arguments: [
        ("roles/nonsense", "user:a@example.com"), ("roles/viewer", "a@example.com"),
        ("roles/viewer", "serviceAccount:nobody@demo.iam.gserviceaccount.com"),
    ])
    func `a policy with an unknown role or member is refused and changes nothing`(role: String, member: String)
        async throws
    {
        try await withTestCloud { cloud in
            let before = try await cloud.iam.policy(ofProject: "demo")
            let changed = Policy(bindings: before.bindings + [.init(role: role, members: [member])], etag: before.etag)
            await #expect(throws: GoogleError.self) {
                _ = try await cloud.iam.setPolicy(changed, ofProject: "demo")
            }
            #expect(try await cloud.iam.policy(ofProject: "demo") == before)
        }
    }

    @Test func `an etag may come back in Base64 for URLs, as gcloud writes it`() async throws {
        try await withTestCloud { cloud in
            // One in five of such etags holds a '+' or a '/'.
            for number in 0..<40 {
                var policy = try await cloud.iam.policy(ofProject: "demo")
                policy.bindings.append(.init(role: "roles/viewer", members: ["user:\(number)@example.com"]))
                policy.etag = policy.etag?.replacing("+", with: "-").replacing("/", with: "_")
                _ = try await cloud.iam.setPolicy(policy, ofProject: "demo")
            }
        }
    }

    @Test func `a binding with a condition grants nothing`() async throws {
        try await withTestCloud { cloud in
            var policy = try await cloud.iam.policy(ofProject: "demo")
            let condition: JSON = ["title": "never", "expression": "false"]
            policy.bindings.append(.init(role: "roles/viewer", members: ["user:a@example.com"], condition: condition))
            _ = try await cloud.iam.setPolicy(policy, ofProject: "demo")
            try await expect(403, cloud, "a@example.com", "compute.instances.get", on: .project("demo"))
        }
    }

    @Test func `a bucket's own policy opens it to everybody, and only for what it says`() async throws {
        try await withTestCloud { cloud in
            cloud.access.consult(
                OneBucket(bindings: [.init(role: "roles/storage.objectViewer", members: ["allUsers"])])
            )
            try await expect(200, cloud, nil, "storage.objects.get", on: object)
            try await expect(401, cloud, nil, "storage.objects.create", on: object)
            try await expect(403, cloud, "a@example.com", "storage.objects.create", on: object)
            try await expect(200, cloud, TestCloud.owner, "storage.objects.create", on: object)
        }
    }

    @Test func `a missing bucket is 404 for the known and 401 for the unknown`() async throws {
        try await withTestCloud { cloud in
            cloud.access.consult(OneBucket(bindings: []))
            let missing = ResourceName(["projects", "_", "buckets", "mist"])
            try await expect(404, cloud, TestCloud.owner, "storage.buckets.get", on: missing)
            try await expect(401, cloud, nil, "storage.buckets.get", on: missing)
        }
    }

    @Test func `projectOwner members are whoever owns the project`() async throws {
        try await withTestCloud { cloud in
            cloud.access.consult(
                OneBucket(bindings: [.init(role: "roles/storage.legacyBucketReader", members: ["projectEditor:demo"])])
            )
            let compute = "123456789012-compute@developer.gserviceaccount.com"
            try await expect(200, cloud, compute, "storage.buckets.get", on: object)
            try await expect(403, cloud, "a@example.com", "storage.buckets.get", on: object)
        }
    }

    @Test(
        "a token is good for what its scopes cover, though its account may do more",
        arguments: [
            ("devstorage.read_only", "storage.objects.get", 200),
            ("devstorage.read_only", "artifactregistry.repositories.downloadArtifacts", 200),
            ("devstorage.read_only", "storage.objects.create", 403),
            ("devstorage.read_only", "compute.instances.list", 403),
            ("devstorage.read_write", "storage.objects.delete", 200),
            ("devstorage.read_write", "storage.buckets.setIamPolicy", 403),
            ("devstorage.full_control", "storage.buckets.setIamPolicy", 200),
            ("compute.readonly", "compute.instances.list", 200),
            ("compute.readonly", "compute.instances.insert", 403),
            ("logging.write", "logging.logEntries.create", 200),
            ("logging.write", "logging.logEntries.list", 403),
            ("cloud-platform.read-only", "compute.instances.get", 200),
            ("cloud-platform.read-only", "iam.serviceAccounts.getAccessToken", 403),
            ("compute", "iam.serviceAccounts.actAs", 200),
            ("cloud-platform", "compute.instances.insert", 200),
            ("userinfo.email", "compute.instances.list", 403),
        ]
    )
    func scopes(scope: String, permission: String, expected: Int) async throws {
        try await withTestCloud { cloud in
            let token = try await cloud.iam.accessToken(
                for: TestCloud.owner,
                scopes: ["https://www.googleapis.com/auth/\(scope)"]
            )
            let owner = Caller(identity: try await cloud.iam.identity(ofAccessToken: token), origin: "", requestID: "")
            do {
                try await cloud.access.authorize(owner, for: permission, on: .project("demo"))
                #expect(expected == 200)
            } catch let error as GoogleError {
                #expect(error.code == expected && error.reason == "insufficientPermissions")
                #expect(error.message.contains(permission) && error.message.contains(scope))
            }
        }
    }
}
