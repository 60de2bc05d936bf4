import BrumeTesting
import Foundation
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("limits of run time", .timeLimit(.minutes(1)))
struct RunLimitTests {
    private static func soon() -> JSON { .string(Timestamp.text(Date().addingTimeInterval(1))) }

    @Test func `an instance whose time is over is stopped, or deleted when it says so`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("stopped") { $0["scheduling"] = ["terminationTime": Self.soon()] }
            let workload = ComputeCloud.workload(try await cloud.instance("stopped", in: "TERMINATED"))
            #expect(try await cloud.engine.status(of: workload)?.hasEnded == true)
            #expect(try await cloud.systemOperations("stop").count == 1)

            let events = try await cloud.engine.events()
            let deleted = try await cloud.insert("deleted") {
                $0["scheduling"] = ["terminationTime": Self.soon(), "instanceTerminationAction": "DELETE"]
            }
            for try await status in events where status.name == ComputeCloud.workload(deleted) && status.parts.isEmpty {
                break
            }
            #expect(await !cloud.engine.workloadNames.contains(ComputeCloud.workload(deleted)))
        }
    }

    @Test func `an instance that cannot be ended is ended later, and its end is an operation each time`() async throws {
        try await ComputeCloud.run { earlier in
            try await earlier.insert("late")
            await earlier.engine.goAway()
            _ = try await earlier.done(
                earlier.api.post(
                    "\(ComputeCloud.instances)/late/setScheduling",
                    json: #"{"terminationTime": "2026-01-01T00:00:00Z"}"#
                )
            )
            let failed = try #require(try await earlier.systemOperations("stop").first)
            _ = try await earlier.api.post("\(ComputeCloud.zone)/operations/\(failed["name"]?.string ?? "")/wait")
            #expect(try await earlier.get("late")["status"] == "STOPPING")
            await earlier.engine.comeBack()
            // Another run of the daemon does not wait for the next try.
            try await ComputeCloud.run(after: earlier) { cloud in
                _ = try await cloud.instance("late", in: "TERMINATED")
                #expect(try await cloud.systemOperations("stop").count == 2)
            }
        }
    }

    @Test func `a limit that is set by another run of the daemon, and is over already, ends an instance`() async throws
    {
        try await ComputeCloud.run { earlier in
            try await earlier.insert("late")
            try await ComputeCloud.run(after: earlier) { cloud in
                _ = try await cloud.done(
                    cloud.api.post(
                        "\(ComputeCloud.instances)/late/setScheduling",
                        json: #"{"terminationTime": "2026-01-01T00:00:00Z"}"#
                    )
                )
                _ = try await cloud.instance("late", in: "TERMINATED")
            }
        }
    }

    @Test func `a daemon that is started anew does not start the time anew`() async throws {
        try await ComputeCloud.run { earlier in
            let before = try await earlier.insert("long")
            try await ComputeCloud.run(after: earlier) { cloud in
                // Its firewall is raised anew while it is brought up again; then it is RUNNING again.
                let walls = "filter \(ComputeCloud.workload(before))"
                while await cloud.engine.calls.filter({ $0 == walls }).count < 2 { await Task.yield() }
                let after = try await cloud.instance("long", in: "RUNNING")
                #expect(after["lastStartTimestamp"] == before["lastStartTimestamp"])
                try await cloud.perform("stop", "long")
                try await cloud.perform("start", "long")
                let started = try await cloud.get("long")
                #expect(started["lastStartTimestamp"] != before["lastStartTimestamp"])
            }
        }
    }

    @Test func `a duration tells when the instance ends`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("two-hours") {
                $0["scheduling"] = ["maxRunDuration": ["seconds": "7200"], "instanceTerminationAction": "STOP"]
            }
            let start = try #require(instance["lastStartTimestamp"]?.string.flatMap { Timestamp.date($0) })
            let shown = instance["resourceStatus"]?["scheduling"]?["terminationTimestamp"]?.string
            let end = try #require(shown.flatMap { Timestamp.date($0) })
            #expect(abs(end.timeIntervalSince(start) - 7200) < 0.01)
        }
    }

    @Test(arguments: [
        ["maxRunDuration": ["seconds": "29"]] as JSON, ["maxRunDuration": ["seconds": "10368001"]],
        ["terminationTime": "tomorrow"],
    ])
    func `a limit that cannot be is refused`(_ scheduling: JSON) async throws {
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("never") { $0["scheduling"] = scheduling }
            #expect(try await cloud.api.post(ComputeCloud.instances, json: body).status == 400)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/never").status == 404)
        }
    }

    @Test func `the instance of a preempted Spot machine is there until its notice is over`() async throws {
        try await ComputeCloud.run(preemptionNotice: .seconds(3600)) { cloud in
            let workload = ComputeCloud.workload(
                try await cloud.insert("spot") {
                    $0["scheduling"] = ["provisioningModel": "SPOT", "instanceTerminationAction": "DELETE"]
                }
            )
            let events = try await cloud.engine.events()
            try await cloud.perform("simulateMaintenanceEvent", "spot")
            for try await _ in events where try await cloud.engine.status(of: workload)?.hasEnded == true { break }
            #expect(try await cloud.get("spot")["status"] == "STOPPING")
            // It can be deleted meanwhile.
            let operation = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/spot"))
            #expect(operation["error"] == nil)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/spot").status == 404)
        }
    }

    @Test func `a preempted Spot machine is deleted when it says so`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("spot") {
                $0["scheduling"] = ["provisioningModel": "SPOT", "instanceTerminationAction": "DELETE"]
            }
            let operation = try await cloud.perform("simulateMaintenanceEvent", "spot")
            #expect(operation["error"] == nil)
            // The preemption is an operation of its own: the event's is done before the instance is gone.
            let preemption = try await cloud.systemOperations("compute.instances.preempted")[0]
            let name = preemption["name"]?.string ?? ""
            _ = try await cloud.done(cloud.api.get("\(ComputeCloud.zone)/operations/\(name)"))
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/spot").status == 404)
        }
    }
}

@Suite("bursts of shared cores", .timeLimit(.minutes(1)))
struct BurstTests {
    @Test func `a machine with shared cores starts with more; a burst that the daemon did not see the end of is over`()
        async throws
    {
        try await ComputeCloud.run { earlier in
            let instance = try await earlier.insert("small")
            let whole = try await earlier.insert("whole") {
                $0["machineType"] = "zones/europe-west1-b/machineTypes/e2-standard-2"
            }
            @Sendable func time(_ instance: JSON) async -> Resources.ProcessorTime? {
                await earlier.engine.process(of: ComputeCloud.workload(instance))?.resources.processorTime
            }
            #expect(await time(instance) == .bursting)
            #expect(await time(whole) == .limited)
            try await ComputeCloud.run(after: earlier) { _ in
                while await time(instance) != .limited { await Task.yield() }
            }
        }
    }

    @Test func `a burst ends, and when the machine is suspended`() async throws {
        for length in [Duration.zero, .seconds(3600)] {
            try await ComputeCloud.run(burstLength: length) { cloud in
                let workload = ComputeCloud.workload(try await cloud.insert("small"))
                if length > .zero { try await cloud.perform("suspend", "small") }
                while await cloud.engine.process(of: workload)?.resources.processorTime != .limited {
                    await Task.yield()
                }
            }
        }
    }
}

@Suite("names of machines")
struct HostNameTests {
    @Test func `a machine is given the name that its instance asks for`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("plain") { $0["hostname"] = "gpu-1.lab.example.com" }
            #expect(cloud.inside.arguments(of: "users-up.sh")?.suffix(2) == ["gpu-1", "lab.example.com"])
        }
    }

    @Test(arguments: ["short", "Upper.example.com", "a..b", "-a.b"])
    func `a name that is none is refused`(_ name: String) async throws {
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("never") { $0["hostname"] = .string(name) }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.text.contains("resource.hostname"))
        }
    }
}
