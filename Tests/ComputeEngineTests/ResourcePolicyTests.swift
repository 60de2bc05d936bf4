import APIServer
import BrumeTesting
import GoogleAPI
import Synchronization
import Testing

@Suite("getIamPolicy, setIamPolicy and testIamPermissions", .timeLimit(.minutes(1)))
struct ResourcePolicyTests {
    private static let policy =
        #"{"policy": {"bindings": [{"role": "roles/compute.instanceAdmin.v1", "members": ["user:ada@example.com"]}]}}"#

    private func policy(on resource: String, in cloud: ComputeCloud) async throws -> ResourcePolicy? {
        try await cloud.policies.policy(on: ResourceName(parsing: resource))
    }

    @Test func `a policy decides on its resource, under any name, and goes with it`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let path = "\(ComputeCloud.instances)/vm"
            let first = try await cloud.api.get("\(path)/getIamPolicy").json
            #expect(first["etag"] == "ACAB" && first["bindings"] == [])
            let set = try await cloud.api.post("\(path)/setIamPolicy", json: Self.policy)
            #expect(set.status == 200)
            #expect(try await cloud.api.get("\(path)/getIamPolicy").json == set.json)

            let found = try await policy(on: "projects/123456789012/zones/europe-west1-b/instances/vm", in: cloud)
            #expect(found?.project == "demo" && found?.bindings.first?.members == ["user:ada@example.com"])
            let ofDisk = try await policy(on: "projects/demo/zones/europe-west1-b/disks/vm", in: cloud)
            #expect(ofDisk?.bindings == [])

            try await cloud.perform("stop", "vm")
            try await cloud.perform("setName", "vm", json: #"{"name": "other"}"#)
            let other = "projects/demo/zones/europe-west1-b/instances/other"
            let renamed = try await policy(on: other, in: cloud)
            #expect(renamed?.bindings.count == 1)
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/other"))
            try await cloud.insert("other")
            let namesake = try await policy(on: other, in: cloud)
            #expect(namesake?.bindings == [])
        }
    }

    @Test func `what is no resource with a policy is left to others`() async throws {
        try await ComputeCloud.run { cloud in
            for name in [
                "projects/demo", "projects/demo/global/networks/default", "projects/demo/secrets/images/versions/1",
                "projects/demo/locations/europe-west1/repositories/r",
            ] {
                let found = try await policy(on: name, in: cloud)
                #expect(found == nil)
            }
            let missing = try await policy(on: "projects/demo/global/images/none", in: cloud)
            #expect(missing == ResourcePolicy(project: "demo", bindings: []))
        }
    }

    @Test(arguments: [
        ComputeCloud.instances + "/vm", ComputeCloud.zone + "/disks/vm", ComputeCloud.project + "/global/images/i",
        ComputeCloud.project + "/global/snapshots/s", ComputeCloud.project + "/global/instanceTemplates/t",
    ])
    func `a policy on what is not there answers 404`(path: String) async throws {
        try await ComputeCloud.run { cloud in
            let read = try await cloud.api.get("\(path)/getIamPolicy")
            let written = try await cloud.api.post("\(path)/setIamPolicy", json: Self.policy)
            #expect(read.status == 404 && written.status == 404)
        }
    }

    @Test func `a policy that somebody else changed meanwhile answers 412`() async throws {
        try await ComputeCloud.run { cloud in
            let disks = ComputeCloud.zone + "/disks"
            _ = try await cloud.done(cloud.api.post(disks, json: #"{"name": "d", "sizeGb": "10"}"#))
            let path = "\(disks)/d/setIamPolicy"
            let stale = #"{"policy": {"etag": "ACAB", "bindings": []}}"#
            #expect(try await cloud.api.post(path, json: stale).status == 200)
            let reply = try await cloud.api.post(path, json: stale)
            #expect(reply.status == 412 && reply.reason == "conditionNotMet")
        }
    }

    @Test func `calls are authorized on the resource that their path names`() async throws {
        let asked = AskedAuthorizer()
        try await ComputeCloud.run(authorizer: asked) { cloud in
            _ = try await cloud.api.post("\(ComputeCloud.instances)/vm/stop")
            _ = try await cloud.api.get("\(ComputeCloud.project)/global/images/i")
            _ = try await cloud.api.get(ComputeCloud.instances)
            let body = #"{"permissions": ["compute.instances.stop", "compute.instances.delete"]}"#
            let held = try await cloud.api.post("\(ComputeCloud.instances)/vm/testIamPermissions", json: body).json
            #expect(held["permissions"] == ["compute.instances.stop"])
        }
        let vm = "projects/demo/zones/europe-west1-b/instances/vm"
        #expect(
            asked.asked.withLock { $0 } == [
                "compute.instances.stop \(vm)", "compute.images.get projects/demo/global/images/i",
                "compute.instances.list projects/demo", "compute.instances.stop \(vm)",
                "compute.instances.delete \(vm)",
            ]
        )
    }
}

/// Notes what it is asked, and allows everything but deletion.
private final class AskedAuthorizer: Authorizer {
    let asked = Mutex<[String]>([])

    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        asked.withLock { $0.append("\(permission) \(resource)") }
        if permission.hasSuffix(".delete") { throw GoogleError.forbidden("Permission '\(permission)' denied.") }
    }
}
