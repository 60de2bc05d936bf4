import BrumeTesting
import CloudBuild
import Foundation
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.projects.locations.workerPools", .timeLimit(.minutes(1)))
struct WorkerPoolTests {
    private let pools = "/cloudbuild/v1/projects/demo/locations/europe-west1/workerPools"
    private let name = "projects/demo/locations/europe-west1/workerPools/big"

    private func create(_ builds: TestBuilds, _ machine: String = "e2-standard-4") async throws -> TestReply {
        try await builds.api.post(
            "\(pools)?workerPoolId=big",
            json: #"{"displayName": "Big", "privatePoolV1Config": {"workerConfig": {"machineType": "\#(machine)"}}}"#
        )
    }

    private func build(_ builds: TestBuilds, _ options: String, location: String = "europe-west1") async throws
        -> TestReply
    {
        try await builds.api.post(
            "/cloudbuild/v1/projects/demo/locations/\(location)/builds",
            json: #"{"steps": [{"name": "alpine"}], "options": \#(options)}"#
        )
    }

    @Test func `a pool is made, listed, changed and deleted, and its operations can be asked`() async throws {
        try await withBuilds { builds in
            let made = try await create(builds)
            #expect(made.json["response"]?["state"] == "RUNNING" && made.json["response"]?["name"] == .string(name))
            let operation = try #require(made.json["name"]?.string)
            #expect(try await builds.api.get("/cloudbuild/v1/\(operation)").json["response"]?["displayName"] == "Big")
            #expect(try await create(builds).status == 409)
            #expect(try await builds.api.get(pools).json["workerPools"]?.array?.count == 1)
            let mask = "private_pool_v1_config.worker_config.machine_type"
            let body = #"{"privatePoolV1Config": {"workerConfig": {"machineType": "e2-highmem-8"}}}"#
            _ = try await builds.api.patch("\(pools)/big?updateMask=\(mask)", json: body)
            let changed = try await builds.api.get("\(pools)/big").json
            #expect(changed["privatePoolV1Config"]?["workerConfig"]?["machineType"] == "e2-highmem-8")
            #expect(changed["displayName"] == "Big")
            #expect(try await builds.api.patch("\(pools)/big?updateMask=state", json: "{}").status == 400)
            #expect(try await builds.api.delete("\(pools)/big").json["done"] == true)
            #expect(try await builds.api.delete("\(pools)/big").status == 404)
            #expect(try await builds.api.delete("\(pools)/big?allowMissing=true").status == 200)
        }
    }

    @Test func `a build in a pool has the size of its machines, as they were when it began`() async throws {
        try await withBuilds { builds in
            _ = try await create(builds)
            let size = AsyncStream.makeStream(of: Resources.self)
            await builds.engine.whenRun("alpine") { step in
                size.continuation.yield(step.spec.resources)
                return Exit(code: 0)
            }
            let reply = try await build(builds, #"{"pool": {"name": "\#(name)"}}"#)
            let document = reply.json["metadata"]?["build"]
            #expect(document?["options"]?["pool"]?["workerConfig"]?["machineType"] == "e2-standard-4", "\(reply.text)")
            for await resources in size.stream {
                #expect(resources == Resources(milliCPUs: 4000, memoryBytes: 16 << 30))
                break
            }
        }
    }

    @Test(arguments: [
        (#"{"pool": {"name": "projects/demo/locations/europe-west1/workerPools/none"}}"#, "europe-west1", 404),
        (#"{"pool": {"name": "projects/demo/locations/europe-west1/workerPools/big"}}"#, "global", 400),
        (#"{"pool": {"name": "projects/other/locations/europe-west1/workerPools/big"}}"#, "europe-west1", 403),
        (#"{"pool": {"name": "big"}}"#, "europe-west1", 400),
        (
            #"{"machineType": "E2_MEDIUM", "pool": {"name": "projects/demo/locations/europe-west1/workerPools/big"}}"#,
            "europe-west1", 400
        ),
    ])
    func `a pool that is not the build's is refused`(options: String, location: String, status: Int) async throws {
        try await withBuilds { builds in
            _ = try await create(builds)
            #expect(try await build(builds, options, location: location).status == status)
        }
    }

    @Test(arguments: ["e2-standard-0", "huge", "e2-standard-4x"])
    func `a machine that is none is refused`(machine: String) async throws {
        try await withBuilds { builds in
            let refused = try await create(builds, machine)
            #expect(refused.status == 400)
            let missing = try await builds.api.get("\(pools)/big")
            #expect(missing.status == 404)
        }
    }
}
