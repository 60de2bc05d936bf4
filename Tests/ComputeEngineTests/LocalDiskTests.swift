import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("local SSDs", .timeLimit(.minutes(1)))
struct LocalDiskTests {
    private static func add(_ count: Int, type: String = "n1-standard-1", to instance: inout JSON) {
        let local: JSON = [
            "type": "SCRATCH", "autoDelete": true, "interface": "NVME", "mode": "READ_WRITE",
            "initializeParams": ["diskType": "zones/europe-west1-b/diskTypes/local-ssd"],
        ]
        instance["disks"] = .array((instance["disks"]?.array ?? []) + Array(repeating: local, count: count))
        instance["machineType"] = .string("zones/europe-west1-b/machineTypes/\(type)")
    }

    @Test func `they are no disks of the project, and come and go with their machine`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") { Self.add(2, to: &$0) }
            let expected: JSON = [
                "kind": "compute#attachedDisk", "type": "SCRATCH", "mode": "READ_WRITE", "boot": false,
                "autoDelete": true, "index": 2, "interface": "NVME", "diskSizeGb": "375", "deviceName": "local-ssd-1",
            ]
            #expect(instance["disks"]?[2] == expected)
            let disks = try await cloud.api.get("\(ComputeCloud.zone)/disks").json["items"]?.array
            #expect(disks?.map { $0["name"] } == ["vm"])
            let volumes = (1...2).map { "local-\(instance["id"]?.string ?? "")-\($0)" }
            #expect(await cloud.engine.volumes.isSuperset(of: volumes))
            let mounts = await cloud.engine.attached(to: ComputeCloud.workload(instance))
            #expect(mounts.contains(Mount(.volume(volumes[0]), at: "/mnt/disks/local-ssd-0")))

            try await cloud.perform("stop", "vm")
            #expect(await cloud.engine.volumes.isDisjoint(with: volumes))
            try await cloud.perform("start", "vm")
            #expect(await cloud.engine.volumes.isSuperset(of: volumes))
            let detached = try await cloud.api.post("\(ComputeCloud.instances)/vm/detachDisk?deviceName=local-ssd-0")
            #expect(detached.status == 400)
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            #expect(await cloud.engine.volumes.isDisjoint(with: volumes))
        }
    }

    @Test func `where disks are given when a machine is made, it is made anew around its boot disk`() async throws {
        try await ComputeCloud.run { cloud in
            var capabilities = try await cloud.engine.capabilities()
            capabilities.volumeAccess = false
            await cloud.engine.set(capabilities)
            let instance = try await cloud.insert("vm") { Self.add(1, to: &$0) }
            let (id, workload) = (instance["id"]?.string ?? "", ComputeCloud.workload(instance))
            let mount = Mount(.volume("local-\(id)-1"), at: "/mnt/disks/local-ssd-0")
            #expect(await cloud.engine.process(of: workload)?.mounts.contains(mount) == true)
            try await cloud.perform("stop", "vm")
            #expect(await !cloud.engine.volumes.contains("local-\(id)-1"))
            let started = try await cloud.perform("start", "vm")
            #expect(started["error"] == nil)
            #expect(await cloud.engine.process(of: workload)?.mounts.contains(mount) == true)
            #expect(try await cloud.get("vm")["id"] == instance["id"])
        }
    }

    @Test func `a machine that was switched off from inside has lost them, one that is renamed is found`() async throws
    {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") { Self.add(1, to: &$0) }
            await cloud.engine.end(ComputeCloud.workload(instance), with: Exit(code: 130, reason: .poweredOff))
            _ = try await cloud.systemOperations("compute.instances.guestTerminate")
            #expect(await !cloud.engine.volumes.contains("local-\(instance["id"]?.string ?? "")-1"))
            let renamed = try await cloud.perform("setName", "vm", json: #"{"name": "other", "currentName": "vm"}"#)
            #expect(renamed["error"] == nil)
        }
    }

    @Test func `machine types without them, other sizes and too many are refused`() async throws {
        try await ComputeCloud.run { cloud in
            func refused(_ says: String, _ change: (inout JSON) -> Void) async throws {
                let reply = try await cloud.api.post(
                    ComputeCloud.instances,
                    json: ComputeCloud.body("never", change)
                )
                #expect(reply.status == 400 && reply.text.contains(says), "\(reply.text)")
            }
            try await refused("[local-ssd] features and [instance type: e2-medium]") {
                Self.add(1, type: "e2-medium", to: &$0)
            }
            try await refused("at most 24") { Self.add(25, to: &$0) }
            try await refused("375 GB") {
                $0["disks"] = .array((($0["disks"]?.array ?? []) + [["type": "SCRATCH", "diskSizeGb": "100"]]))
            }
            try await refused("diskTypes/pd-ssd") {
                let disk: JSON = ["type": "SCRATCH", "initializeParams": ["diskType": "zones/z/diskTypes/pd-ssd"]]
                $0["disks"] = .array(($0["disks"]?.array ?? []) + [disk])
            }
            try await cloud.insert("vm") { Self.add(1, to: &$0) }
            try await cloud.perform("stop", "vm")
            let small = #"{"machineType": "zones/europe-west1-b/machineTypes/e2-small"}"#
            #expect(try await cloud.api.post("\(ComputeCloud.instances)/vm/setMachineType", json: small).status == 400)
        }
    }
}
