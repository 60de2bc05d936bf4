import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.instances.setName", .timeLimit(.minutes(1)))
struct RenameTests {
    private static let body = #"{"name": "new", "currentName": "old"}"#

    @Test func `a stopped instance is the same under another name, with its disk, address and host name`() async throws
    {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("old")
            let workload = ComputeCloud.workload(before)
            try await cloud.perform("stop", "old")
            let operation = try await cloud.perform("setName", "old", json: Self.body)
            #expect(operation["error"] == nil && operation["operationType"] == "setName")
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/old").status == 404)
            let stopped = try await cloud.get("new")
            #expect(stopped["id"] == before["id"] && stopped["status"] == "TERMINATED")
            #expect(stopped["selfLink"]?.string?.hasSuffix("/instances/new") == true)
            let disk = try await cloud.api.get("\(ComputeCloud.zone)/disks/old").json
            #expect(disk["users"]?[0] == stopped["selfLink"])

            try await cloud.perform("start", "new")
            let after = try await cloud.get("new")
            #expect(after["status"] == "RUNNING")
            #expect(after["networkInterfaces"]?[0]?["networkIP"] == before["networkInterfaces"]?[0]?["networkIP"])
            // The machine is the one of before, and is told the name.
            #expect(await cloud.engine.calls.filter { $0 == "create \(workload)" }.count == 1)
            #expect(cloud.inside.arguments(of: "users-up.sh")?.suffix(2).first == "new")

            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/new"))
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/disks/old").status == 404)
        }
    }

    @Test func `a running instance keeps its name`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("old")
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/old/setName", json: Self.body)
            #expect(reply.status == 400 && reply.reason == "resourceNotReady")
        }
    }

    @Test(arguments: [
        (#"{"name": "taken", "currentName": "old"}"#, 409), (#"{"name": "Old One"}"#, 400),
        (#"{"name": "new", "currentName": "older"}"#, 400),
    ])
    func `a name must be free and well formed, and the old one known`(body: String, status: Int) async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("taken")
            try await cloud.insert("old")
            try await cloud.perform("stop", "old")
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/old/setName", json: body)
            #expect(reply.status == status, "\(reply.text)")
            #expect(try await cloud.get("old")["status"] == "TERMINATED")
        }
    }
}
