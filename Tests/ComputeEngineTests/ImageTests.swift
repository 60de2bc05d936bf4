import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.images and compute.snapshots", .timeLimit(.minutes(1)))
struct ImageTests {
    private static let images = ComputeCloud.project + "/global/images"
    private static let snapshots = ComputeCloud.project + "/global/snapshots"
    private static let disks = ComputeCloud.zone + "/disks"

    private func image(_ name: String, of disk: String, _ more: String = "", in cloud: ComputeCloud) async throws
        -> JSON
    {
        let body = #"{"name": "\#(name)", "sourceDisk": "zones/europe-west1-b/disks/\#(disk)"\#(more)}"#
        let path = "\(ComputeCloud.project)/global/images?forceCreate=true"
        return try await cloud.done(cloud.api.post(path, json: body))
    }

    /// What `forget` removes of a machine's boot disk: `brume-disks/…`.
    private static func kept(_ resource: JSON) -> ImageReference {
        ImageReference("brume-disks/\(resource["id"]?.string ?? "")")
    }

    @Test func `a machine boots from an image of another's disk, under its family's name too`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            #expect(try await image("mine", of: "vm", #", "family": "own""#, in: cloud)["error"] == nil)
            let made = try await cloud.api.get("\(Self.images)/mine").json
            #expect(made["status"] == "READY" && made["diskSizeGb"] == "10" && made["family"] == "own")
            #expect(made["licenses"]?[0]?.string?.hasSuffix("debian-cloud/global/licenses/debian-12") == true)
            for source in ["global/images/mine", "projects/demo/global/images/family/own"] {
                let name = "from-\(source.count)"
                let second = try await cloud.insert(name) {
                    $0["disks"] = [
                        ["boot": true, "autoDelete": true, "initializeParams": ["sourceImage": .string(source)]]
                    ]
                }
                let disk = try await cloud.api.get("\(Self.disks)/\(name)").json
                #expect(disk["sourceImageId"] == made["id"])
                let process = await cloud.engine.process(of: ComputeCloud.workload(second))
                #expect(process?.image == Self.kept(disk))
                #expect(await cloud.engine.images[Self.kept(disk)]?.id == cloud.engine.images[Self.kept(made)]?.id)
            }
            // The disks of machines are their own: the image may go.
            _ = try await cloud.done(cloud.api.delete("\(Self.images)/mine"))
            #expect(try await cloud.api.get("\(Self.images)/mine").status == 404)
            #expect(await cloud.engine.images[Self.kept(made)] == nil)
        }
    }

    @Test func `the disk of a running machine needs force, and a wrong source makes nothing`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let body = #"{"name": "mine", "sourceDisk": "zones/europe-west1-b/disks/vm"}"#
            let running = try await cloud.api.post(Self.images, json: body)
            #expect(running.status == 400 && running.reason == "resourceInUseByAnotherResource")
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.done(cloud.api.post(Self.images, json: body))["error"] == nil)
            for (source, status) in [
                (#""sourceDisk": "zones/europe-west1-b/disks/none""#, 404), (#""sourceImage": "family/none""#, 404),
                (#""description": "nothing""#, 400),
                (#""sourceDisk": "zones/europe-west1-b/disks/vm", "sourceImage": "global/images/mine""#, 400),
            ] {
                let reply = try await cloud.api.post(Self.images, json: #"{"name": "wrong", \#(source)}"#)
                #expect(reply.status == status, "\(reply.text)")
            }
            #expect(try await cloud.api.get("\(Self.images)/wrong").status == 404)
        }
    }

    @Test func `a family stands for its newest image that is not deprecated`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            for name in ["one", "two"] {
                #expect(try await image(name, of: "vm", #", "family": "own""#, in: cloud)["error"] == nil)
            }
            #expect(try await cloud.api.get("\(Self.images)/family/own").json["name"] == "two")
            let mark = #"{"state": "DEPRECATED", "replacement": "global/images/one"}"#
            _ = try await cloud.done(cloud.api.post("\(Self.images)/two/deprecate", json: mark))
            #expect(try await cloud.api.get("\(Self.images)/family/own").json["name"] == "one")
            #expect(try await cloud.api.get("\(Self.images)/two").json["deprecated"]?["state"] == "DEPRECATED")
            let listed = try await cloud.api.get("\(Self.images)?filter=family%20eq%20own").json["items"]?.array ?? []
            #expect(listed.map { $0["name"] } == ["one", "two"])
            #expect(try await cloud.api.get("\(Self.images)/family/none").status == 404)
        }
    }

    @Test func `a snapshot of a data disk fills another disk, one of a boot disk boots`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            _ = try await cloud.done(cloud.api.post(Self.disks, json: #"{"name": "data", "sizeGb": "20"}"#))
            for disk in ["vm", "data"] {
                let path = "\(Self.disks)/\(disk)/createSnapshot"
                let operation = try await cloud.done(cloud.api.post(path, json: #"{"name": "of-\#(disk)"}"#))
                #expect(operation["error"] == nil && operation["operationType"] == "createSnapshot")
                #expect(operation["zone"] != nil)
            }
            let snapshot = try await cloud.api.get("\(Self.snapshots)/of-data").json
            #expect(snapshot["status"] == "READY" && snapshot["diskSizeGb"] == "20")
            let body = #"{"name": "copy", "sourceSnapshot": "global/snapshots/of-data"}"#
            _ = try await cloud.done(cloud.api.post(Self.disks, json: body))
            let copy = try await cloud.api.get("\(Self.disks)/copy").json
            #expect(copy["sizeGb"] == "20" && copy["status"] == "READY")
            let volumes = ["disk-\(snapshot["id"]?.string ?? "")", "disk-\(copy["id"]?.string ?? "")"]
            #expect(await cloud.engine.calls.contains("copyVolume \(volumes[0]) \(volumes[1])"))

            let small = try await cloud.api.post(
                Self.disks,
                json: #"{"name": "small", "sizeGb": "5", "sourceSnapshot": "global/snapshots/of-data"}"#
            )
            #expect(small.status == 400 && small.message?.contains("snapshot size (20 GB)") == true)
            let second = try await cloud.insert("second") {
                $0["disks"] = [
                    [
                        "boot": true, "autoDelete": true,
                        "initializeParams": ["sourceSnapshot": "global/snapshots/of-vm"],
                    ]
                ]
            }
            #expect(second["status"] == "RUNNING")
            let data = try ComputeCloud.body("third") {
                $0["disks"] = [["boot": true, "initializeParams": ["sourceSnapshot": "global/snapshots/of-data"]]]
            }
            #expect(try await cloud.api.post(ComputeCloud.instances, json: data).status == 400)
        }
    }

    @Test func `a disk that the engine cannot copy is not there, and its operation says why`() async throws {
        try await ComputeCloud.run { cloud in
            _ = try await cloud.done(cloud.api.post(Self.disks, json: #"{"name": "data"}"#))
            _ = try await cloud.done(
                cloud.api.post(Self.snapshots, json: #"{"name": "s", "sourceDisk": "zones/europe-west1-b/disks/data"}"#)
            )
            await cloud.engine.failNextCopy("no space left")
            let reply = try await cloud.api.post(
                Self.disks,
                json: #"{"name": "copy", "sourceSnapshot": "global/snapshots/s"}"#
            )
            let operation = try await cloud.done(reply)
            #expect(operation["error"]?["errors"]?[0]?["message"] == "no space left")
            #expect(try await cloud.api.get("\(Self.disks)/copy").status == 404)
        }
    }
}
