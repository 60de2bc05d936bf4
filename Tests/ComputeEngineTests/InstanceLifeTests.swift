import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Synchronization
import Testing
import Workloads

@Suite("the life of instances", .timeLimit(.minutes(1)))
struct InstanceLifeTests {
    @Test func `a stopped machine starts again as the same, at the same address`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.get("vm")["status"] == "TERMINATED")
            #expect(try await cloud.engine.status(of: ComputeCloud.workload(first))?.hasEnded == true)
            try await cloud.perform("start", "vm")
            let second = try await cloud.get("vm")
            #expect(second["status"] == "RUNNING" && second["id"] == first["id"])
            #expect(second["networkInterfaces"]?[0]?["networkIP"] == first["networkInterfaces"]?[0]?["networkIP"])
            #expect(cloud.inside.inputs(of: "ssh-up.sh").count == 2)
        }
    }

    @Test func `a reset machine has been off`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            try await cloud.perform("reset", "vm")
            #expect(try await cloud.get("vm")["status"] == "RUNNING")
            let calls = await cloud.engine.calls.filter { $0 == "stop \(workload)" || $0 == "start \(workload)" }
            #expect(calls == ["start \(workload)", "stop \(workload)", "start \(workload)"])
        }
    }

    @Test func `a suspended machine is held where it is, goes on as it was, and may be stopped`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            try await cloud.perform("suspend", "vm")
            #expect(try await cloud.get("vm")["status"] == "SUSPENDED")
            #expect(await cloud.engine.isPaused(workload))
            #expect(try await cloud.api.post("\(ComputeCloud.instances)/vm/suspend").reason == "resourceNotReady")
            try await cloud.perform("resume", "vm")
            #expect(try await cloud.get("vm")["status"] == "RUNNING")
            #expect(await !cloud.engine.isPaused(workload))
            #expect(cloud.inside.inputs(of: "ssh-up.sh").count == 1)
            try await cloud.perform("suspend", "vm")
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.get("vm")["status"] == "TERMINATED")
        }
    }

    @Test func `a suspended machine that ends has lost what it held`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            try await cloud.perform("suspend", "vm")
            await cloud.engine.end(workload, with: Exit(code: 137))
            _ = try await cloud.instance("vm", in: "TERMINATED")
        }
    }

    @Test func `a stopped machine cannot be reset`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            try await cloud.perform("stop", "vm")
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/vm/reset")
            #expect(reply.status == 400 && reply.reason == "resourceNotReady")
        }
    }

    @Test(arguments: [Exit(code: 137), Exit(code: 129, reason: .rebooted)])
    func `a machine that dies or reboots by itself comes back`(exit: Exit) async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            await cloud.engine.end(workload, with: exit)
            _ = try await cloud.instance("vm", in: "STAGING")
            _ = try await cloud.instance("vm", in: "RUNNING")
            #expect(try await cloud.engine.status(of: workload)?.isRunning == true)
            #expect(cloud.inside.inputs(of: "ssh-up.sh").count == 2)
            guard exit.reason != .rebooted else { return }
            #expect(try await cloud.systemOperations("compute.instances.hostError").count == 1)
            let restart = try await cloud.systemOperations("compute.instances.automaticRestart")
            #expect(restart.count == 1 && restart[0]["status"] == "DONE")
        }
    }

    @Test func `one that is switched off from inside, or must not restart, is TERMINATED`() async throws {
        try await ComputeCloud.run { cloud in
            let off = ComputeCloud.workload(try await cloud.insert("off"))
            let single = ComputeCloud.workload(
                try await cloud.insert("single") { $0["scheduling"] = ["automaticRestart": false] }
            )
            await cloud.engine.end(off, with: Exit(code: 130, reason: .poweredOff))
            await cloud.engine.end(single, with: Exit(code: 1))
            _ = try await cloud.instance("off", in: "TERMINATED")
            _ = try await cloud.instance("single", in: "TERMINATED")
            let ended = try await cloud.systemOperations("compute.instances.guestTerminate")
            #expect(ended.count == 1 && ended[0]["targetLink"]?.string?.hasSuffix("/instances/off") == true)
            #expect(ended[0]["statusMessage"] == "Instance terminated by guest OS shutdown.")
            let why = "The machine ended by itself, with the exit code 1."
            #expect(try await cloud.get("single")["statusMessage"]?.string == why)
            let console = try await cloud.api.get("\(ComputeCloud.instances)/single/serialPort").json
            #expect(console["contents"]?.string?.hasSuffix("brume: \(why)\r\n") == true)
            try await cloud.perform("start", "single")
            #expect(try await cloud.get("single")["statusMessage"] == nil)
            #expect(try await cloud.get("off")["statusMessage"] == nil)
            #expect(try await cloud.systemOperations("compute.instances.hostError").count == 1)
        }
    }

    @Test func `machines that ended while the daemon was away are started again, stopped ones are not`() async throws {
        let kept = Mutex<ComputeCloud?>(nil)
        try await ComputeCloud.run { first in
            try await first.insert("vm")
            try await first.insert("stopped")
            try await first.perform("stop", "stopped")
            kept.withLock { $0 = first }
        }
        let first = try #require(kept.withLock { $0 })
        let workload = ComputeCloud.workload(try await first.get("vm"))
        await first.engine.end(workload, with: Exit(code: 137))
        try await ComputeCloud.run(after: first) { second in
            // The row says RUNNING from before: the start in the engine is what tells.
            for try await _ in try await second.engine.events() {
                if try await second.engine.status(of: workload)?.isRunning == true { break }
            }
            _ = try await second.instance("vm", in: "RUNNING")
            #expect(try await second.get("stopped")["status"] == "TERMINATED")
        }
    }

    @Test func `an insert that a killed daemon left behind is carried out by the next`() async throws {
        try await ComputeCloud.run(isRunning: false) { first in
            let reply = try await first.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            #expect(try await first.get("vm")["status"] == "PROVISIONING")
            try await ComputeCloud.run(after: first) { second in
                let operation = try await second.done(reply)
                #expect(operation["error"] == nil && operation["status"] == "DONE")
                #expect(try await second.get("vm")["status"] == "RUNNING")
            }
        }
    }

    @Test func `a deleted instance is gone with its machine and its boot disk`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            let operation = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            #expect(operation["operationType"] == "delete" && operation["error"] == nil)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/disks/vm").status == 404)
            #expect(await cloud.engine.workloadNames.isEmpty)
            #expect(try await cloud.insert("vm")["id"] != first["id"])
        }
    }

    @Test func `a protected instance cannot be deleted`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm") { $0["deletionProtection"] = true }
            let reply = try await cloud.api.delete("\(ComputeCloud.instances)/vm")
            #expect(reply.status == 400 && reply.reason == "resourceInUseByAnotherResource")
            #expect(try await cloud.get("vm")["status"] == "RUNNING")
        }
    }

    @Test func `a machine type is changed on a stopped machine only, and limits it`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            let body = #"{"machineType": "zones/europe-west1-b/machineTypes/n1-standard-4"}"#
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/vm/setMachineType", json: body)
            #expect(reply.status == 400)
            try await cloud.perform("stop", "vm")
            try await cloud.perform("setMachineType", "vm", json: body)
            let limits = await cloud.engine.process(of: workload)?.resources
            #expect(limits == Resources(milliCPUs: 4000, memoryBytes: 15 << 30))
        }
    }

    @Test func `what maintenance does is told by operations`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("moved")
            try await cloud.insert("restarted") { $0["scheduling"] = ["onHostMaintenance": "TERMINATE"] }
            for name in ["moved", "restarted"] { try await cloud.perform("simulateMaintenanceEvent", name) }
            for type in ["migrateOnHostMaintenance", "terminateOnHostMaintenance", "automaticRestart"] {
                #expect(try await cloud.systemOperations("compute.instances.\(type)").count == 1)
            }
            #expect(try await cloud.get("restarted")["status"] == "RUNNING")
        }
    }

    @Test func `a preempted Spot machine runs its shutdown script and is TERMINATED`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm") {
                $0["scheduling"] = ["preemptible": true]
                $0["metadata"] = ["items": [["key": "shutdown-script", "value": "save"]]]
            }
            try await cloud.perform("simulateMaintenanceEvent", "vm")
            _ = try await cloud.instance("vm", in: "TERMINATED")
            #expect(cloud.inside.inputs(of: "/shutdown-script;").count == 1)
        }
    }
}
