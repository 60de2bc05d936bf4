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
            let mounts = await cloud.engine.attached(to: ComputeCloud.workload(instance))
            let volume = "disk-\(disk["id"]?.string ?? "")"
            #expect(mounts.contains(Mount(.volume(volume), at: "/mnt/disks/data")))
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            #expect(try await cloud.api.get("\(Self.path)/data").json["users"] == [])
            #expect(await cloud.engine.volumes.contains(volume))
        }
    }

    @Test func `a declared container finds a disk where it says`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            let declaration = """
                spec:
                  containers:
                  - image: busybox
                    volumeMounts:
                    - {name: pd-0, mountPath: /data, readOnly: true}
                    - {name: tmpfs-0, mountPath: /scratch}
                  volumes:
                  - {name: pd-0, gcePersistentDisk: {pdName: data, fsType: ext4}}
                  - {name: tmpfs-0, emptyDir: {medium: Memory}}
                """
            let instance = try await cloud.insert("vm") {
                addSecond(&$0)
                let item: JSON = ["key": "gce-container-declaration", "value": .string(declaration)]
                $0["metadata"] = ["items": [item]]
            }
            let workload = ComputeCloud.workload(instance)
            let mount = await cloud.engine.attached(to: workload).first { $0.path == "/data" }
            #expect(mount?.isReadOnly == true)
            #expect(await cloud.engine.process(of: workload)?.mounts.contains(Mount(.memory, at: "/scratch")) == true)
            let detached = try await cloud.done(
                cloud.api.post("\(ComputeCloud.instances)/vm/detachDisk?deviceName=data")
            )
            #expect(detached["error"] == nil)
            #expect(await cloud.engine.attached(to: workload).allSatisfy { $0.path != "/data" })
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

    @Test func `a disk comes to a running machine and leaves it, and comes again at its next start`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            let body = #"{"source": "zones/europe-west1-b/disks/data", "deviceName": "data"}"#
            let attached = try await cloud.perform("attachDisk", "vm", json: body)
            #expect(attached["error"] == nil && attached["operationType"] == "attachDisk")
            let instance = try await cloud.get("vm")
            #expect(instance["disks"]?[1]?["deviceName"] == "data" && instance["disks"]?[1]?["index"] == 1)
            #expect(try await cloud.api.get("\(Self.path)/data").json["users"]?[0] == instance["selfLink"])
            #expect(await cloud.engine.attached(to: workload).map(\.path) == ["/mnt/disks/data"])
            let again = try await cloud.api.post("\(ComputeCloud.instances)/vm/attachDisk", json: body)
            #expect(again.status == 400 && again.reason == "resourceInUseByAnotherResource")

            try await cloud.perform("stop", "vm")
            #expect(await cloud.engine.attached(to: workload).isEmpty)
            try await cloud.perform("start", "vm")
            #expect(await cloud.engine.attached(to: workload).map(\.path) == ["/mnt/disks/data"])

            try await cloud.perform("detachDisk?deviceName=data", "vm")
            #expect(await cloud.engine.attached(to: workload).isEmpty)
            #expect(try await cloud.get("vm")["disks"]?.array?.count == 1)
            #expect(try await cloud.api.get("\(Self.path)/data").json["users"] == [])
        }
    }

    @Test func `a disk that cannot be given to a machine is free again`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            try await cloud.insert("vm")
            let snapshots = ComputeCloud.project + "/global/snapshots"
            let snapshot = #"{"name": "s", "sourceDisk": "zones/europe-west1-b/disks/data"}"#
            _ = try await cloud.done(cloud.api.post(snapshots, json: snapshot))
            let copy = #"{"name": "copy", "sourceSnapshot": "global/snapshots/s"}"#
            _ = try await cloud.done(cloud.api.post(Self.path, json: copy))
            await cloud.engine.failNextCopy("no space left")
            let body = #"{"source": "zones/europe-west1-b/disks/copy"}"#
            let failed = try await cloud.perform("attachDisk", "vm", json: body)
            #expect(failed["error"]?["errors"]?[0]?["message"]?.string?.contains("no space left") == true)
            #expect(try await cloud.get("vm")["disks"]?.array?.count == 1)
            #expect(try await cloud.api.get("\(Self.path)/copy").json["users"] == [])
            #expect(try await cloud.perform("attachDisk", "vm", json: body)["error"] == nil)
        }
    }

    @Test func `a machine has one disk with an operating system`() async throws {
        try await ComputeCloud.run { cloud in
            let image = "projects/debian-cloud/global/images/family/debian-12"
            let rescue = #"{"name": "rescue", "sourceImage": "\#(image)"}"#
            _ = try await cloud.done(cloud.api.post(Self.path, json: rescue))
            try await cloud.insert("vm")
            let body = #"{"source": "zones/europe-west1-b/disks/rescue"}"#
            let attached = try await cloud.api.post("\(ComputeCloud.instances)/vm/attachDisk", json: body)
            #expect(attached.status == 501 && attached.message?.contains("disks/rescue") == true, "\(attached.text)")
            #expect(try await cloud.get("vm")["disks"]?.array?.count == 1)
            for other: JSON in [
                ["source": "zones/europe-west1-b/disks/rescue"], ["initializeParams": ["sourceImage": .string(image)]],
            ] {
                let two = try ComputeCloud.body("two") { $0["disks"] = .array(($0["disks"]?.array ?? []) + [other]) }
                #expect(try await cloud.api.post(ComputeCloud.instances, json: two).status == 501)
            }
            #expect(try await cloud.api.get("\(Self.path)/rescue").json["users"] == [])
        }
    }

    @Test func `a boot disk stays with its machine, and an engine without access to volumes says so`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            try await cloud.insert("vm")
            let boot = try await cloud.api.post("\(ComputeCloud.instances)/vm/detachDisk?deviceName=persistent-disk-0")
            #expect(boot.status == 501 && boot.message?.contains("boot disk") == true)
            await cloud.engine.set(EngineCapabilities(description: "without", fixedAddresses: true))
            let body = #"{"source": "zones/europe-west1-b/disks/data"}"#
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/vm/attachDisk", json: body)
            #expect(reply.status == 501 && reply.message?.contains("as root") == true)
            #expect(try await cloud.get("vm")["disks"]?.array?.count == 1)
            // Disks that a machine is made with are mounted when it is made.
            let other = ComputeCloud.workload(try await cloud.insert("other", addSecond))
            let mounts = await cloud.engine.process(of: other)?.mounts.map(\.path) ?? []
            #expect(mounts.contains("/mnt/disks/data"))
        }
    }

    @Test func `a boot disk that is to be kept outlives its machine, and another boots from it`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            let query = "setDiskAutoDelete?autoDelete=False&deviceName=persistent-disk-0"
            _ = try await cloud.done(cloud.api.post("\(ComputeCloud.instances)/vm/\(query)"))
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            let disk = try await cloud.api.get("\(Self.path)/vm").json
            let kept = ImageReference("brume-disks/\(disk["id"]?.string ?? "")")
            #expect(disk["users"] == [])
            #expect(await cloud.engine.calls.contains("capture \(ComputeCloud.workload(first)) \(kept)"))

            let second = try await cloud.insert("second") {
                $0["disks"] = [["boot": true, "autoDelete": true, "source": "zones/europe-west1-b/disks/vm"]]
            }
            #expect(await cloud.engine.process(of: ComputeCloud.workload(second))?.image == kept)
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/second"))
            #expect(try await cloud.api.get("\(Self.path)/vm").status == 404)
            #expect(await cloud.engine.images[kept] == nil)
        }
    }

    @Test func `a disk without an operating system does not boot`() async throws {
        try await ComputeCloud.run { cloud in
            try await make("data", in: cloud)
            let body = try ComputeCloud.body("vm") {
                $0["disks"] = [["boot": true, "source": "zones/europe-west1-b/disks/data"]]
            }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.message?.contains("holds no operating system") == true)
        }
    }
}
