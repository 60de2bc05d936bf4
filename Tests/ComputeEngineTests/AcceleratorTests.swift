import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("accelerators of instances", .timeLimit(.minutes(1)))
struct AcceleratorTests {
    private static func t4(_ count: Int64 = 1, type: String = "nvidia-tesla-t4", machine: String = "n1-standard-4")
        -> @Sendable (inout JSON) -> Void
    {
        { body in
            body["machineType"] = .string("zones/europe-west1-b/machineTypes/\(machine)")
            body["guestAccelerators"] = [
                [
                    "acceleratorType": .string("zones/europe-west1-b/acceleratorTypes/\(type)"),
                    "acceleratorCount": .integer(count),
                ]
            ]
            body["scheduling"] = ["onHostMaintenance": "TERMINATE"]
        }
    }

    private static func refusal(_ cloud: ComputeCloud, _ name: String) async throws -> (code: String, text: String) {
        let body = try ComputeCloud.body(name, t4())
        let operation = try await cloud.done(cloud.api.post(ComputeCloud.instances, json: body))
        let error = operation["error"]?["errors"]?[0]
        return (error?["code"]?.string ?? "", error?["message"]?.string ?? "")
    }

    @Test func `without one an instance is refused in Google's words, and leaves nothing`() async throws {
        try await ComputeCloud.run { cloud in
            let (code, text) = try await Self.refusal(cloud, "vm")
            #expect(code == "ZONE_RESOURCE_POOL_EXHAUSTED")
            let zone = "'projects/demo/zones/europe-west1-b'"
            #expect(text.hasPrefix("The zone \(zone) does not have enough resources available to fulfill the request."))
            #expect(text.contains("no accelerator 'nvidia-tesla-t4'"))
            #expect(try await cloud.api.get(ComputeCloud.instances).json["items"]?.array ?? [] == [])
            #expect(try await cloud.api.get(ComputeCloud.zone + "/disks").json["items"]?.array ?? [] == [])
        }
    }

    @Test func `one instance at a time has it; it is free when that one stops`() async throws {
        try await ComputeCloud.run { cloud in
            await cloud.engine.offer(accelerators: ["nvidia.com/gpu": 1])
            let first = try await cloud.insert("first", Self.t4())
            let process = await cloud.engine.process(of: ComputeCloud.workload(first))
            #expect(process?.accelerators == Accelerators(kind: "nvidia.com/gpu", count: 1))
            #expect(first["labels"]?["brume-simulated-accelerators"] == nil)
            #expect(try await Self.refusal(cloud, "second").code == "ZONE_RESOURCE_POOL_EXHAUSTED")
            try await cloud.perform("stop", "first")
            try await cloud.insert("second", Self.t4())
            let started = try await cloud.perform("start", "first")
            #expect(started["error"]?["errors"]?[0]?["code"] == "ZONE_RESOURCE_POOL_EXHAUSTED")
            #expect(try await cloud.get("first")["status"] == "TERMINATED")
        }
    }

    @Test func `simulated ones are none, and the instance says so`() async throws {
        try await ComputeCloud.run(simulatesAccelerators: true) { cloud in
            let instance = try await cloud.insert("vm", Self.t4(2))
            #expect(instance["labels"]?["brume-simulated-accelerators"] == "true")
            #expect(await cloud.engine.process(of: ComputeCloud.workload(instance))?.accelerators == nil)
            let port = try await cloud.api.get("\(ComputeCloud.instances)/vm/serialPort").json["contents"]?.string
            #expect(port?.hasPrefix("brume: SIMULATED accelerators: 2 x nvidia-tesla-t4.") == true)
            try await cloud.insert("plain")
            #expect(try await cloud.get("plain")["labels"] == nil)
        }
    }

    @Test func `a machine type brings its own`() async throws {
        try await ComputeCloud.run(simulatesAccelerators: true) { cloud in
            let instance = try await cloud.insert("vm") {
                $0["machineType"] = "zones/europe-west1-b/machineTypes/g2-standard-24"
            }
            let shown = instance["guestAccelerators"]?[0]
            #expect(shown?["acceleratorCount"] == 2)
            #expect(shown?["acceleratorType"]?.string?.hasSuffix("/acceleratorTypes/nvidia-l4") == true)
            #expect(instance["scheduling"]?["onHostMaintenance"] == "TERMINATE")
            let type = try await cloud.api.get(ComputeCloud.zone + "/machineTypes/a2-highgpu-4g").json
            #expect(type["accelerators"]?[0]?["guestAcceleratorType"] == "nvidia-tesla-a100")
            #expect(type["accelerators"]?[0]?["guestAcceleratorCount"] == 4)
        }
    }

    @Test(arguments: [
        (t4(type: "nvidia-tesla-z9"), "nvidia-tesla-z9"), (t4(5), "1 to 4"), (t4(0), "1 to 4"),
        (t4(machine: "e2-medium"), "[nvidia-tesla-t4, 1] features and [instance type: e2-medium]"),
        (t4(machine: "g2-standard-4"), "are not compatible"),
    ])
    func `what does not fit answers 400`(_ change: @Sendable (inout JSON) -> Void, named: String) async throws {
        let body = try ComputeCloud.body("vm", change)
        try await ComputeCloud.run(simulatesAccelerators: true) { cloud in
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.text.contains(named), "\(reply.text)")
        }
    }

    @Test func `what would have to move with its machine answers 400`() async throws {
        let body = try ComputeCloud.body("vm") { body in
            Self.t4()(&body)
            body["scheduling"] = nil
        }
        try await ComputeCloud.run(simulatesAccelerators: true) { cloud in
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.text.contains("do not support live migration"))
        }
    }
}
