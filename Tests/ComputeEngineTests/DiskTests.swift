import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.disks", .timeLimit(.minutes(1)))
struct DiskTests {
    private static let path = ComputeCloud.zone + "/disks"

    private func make(_ name: String, in cloud: ComputeCloud) async throws {
        let body = #"{"name": "\#(name)", "sizeGb": "20", "type": "zones/europe-west1-b/diskTypes/pd-ssd"}"#
        let operation = try await cloud.done(cloud.api.post(Self.path, json: body))
        #expect(operation["error"] == nil)
    }

    private static let second: JSON = ["source": "zones/europe-west1-b/disks/data", "deviceName": "data"]

    private func addSecond(_ instance: inout JSON) {
        instance["disks"] = .array((instance["disks"]?.array ?? []) + [Self.second])
    }

    @Test func `a disk is a volume that a machine finds as a folder, and that outlives it`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            let instance = try await cloud.insert("vm", addSecond)
            let disk = try await cloud.api.get("\(Self.path)/data").json
            #expect(disk["sizeGb"] == "20" && disk["users"]?[0] == instance["selfLink"])
            let mounts = await cloud.engine.process(of: ComputeCloud.workload(instance))?.mounts ?? []
            let volume = "disk-\(disk["id"]?.string ?? "")"
            #expect(mounts.contains(Mount(.volume(volume), at: "/mnt/disks/data")))
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            #expect(try await cloud.api.get("\(Self.path)/data").json["users"] == [])
            #expect(await cloud.engine.volumes.contains(volume))
        }
    }

    @Test func `a disk in use is neither given to another machine nor deleted`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            try await cloud.insert("vm", addSecond)
            let other = try ComputeCloud.body("other", addSecond)
            for reply in [
                try await cloud.api.post(ComputeCloud.instances, json: other),
                try await cloud.api.delete("\(Self.path)/data"),
            ] {
                #expect(reply.status == 400 && reply.reason == "resourceInUseByAnotherResource")
                #expect(reply.message?.contains("'projects/demo/zones/europe-west1-b/instances/vm'") == true)
            }
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/other").status == 404)
        }
    }

    @Test func `a deleted disk is gone with its volume`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            #expect(await cloud.engine.volumes.count == 1)
            _ = try await cloud.done(cloud.api.delete("\(Self.path)/data"))
            #expect(try await cloud.api.get("\(Self.path)/data").status == 404)
            #expect(await cloud.engine.volumes.isEmpty)
        }
    }

    @Test func `a disk grows and never shrinks`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            _ = try await cloud.done(cloud.api.post("\(Self.path)/data/resize", json: #"{"sizeGb": "40"}"#))
            #expect(try await cloud.api.get("\(Self.path)/data").json["sizeGb"] == "40")
            #expect(try await cloud.api.post("\(Self.path)/data/resize", json: #"{"sizeGb": "30"}"#).status == 400)
        }
    }

    @Test func `a boot disk that is to be kept keeps its instance`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let query = "setDiskAutoDelete?autoDelete=False&deviceName=persistent-disk-0"
            _ = try await cloud.done(cloud.api.post("\(ComputeCloud.instances)/vm/\(query)"))
            let reply = try await cloud.api.delete("\(ComputeCloud.instances)/vm")
            #expect(reply.status == 501 && reply.message?.contains("boot disk") == true)
            #expect(try await cloud.get("vm")["status"] == "RUNNING")
        }
    }
}
