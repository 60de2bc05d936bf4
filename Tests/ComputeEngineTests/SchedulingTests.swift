import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("compute.instances.setScheduling", .timeLimit(.minutes(1)))
struct SchedulingTests {
    private static func post(_ json: String, to name: String, in cloud: ComputeCloud) async throws -> TestReply {
        try await cloud.api.post("\(ComputeCloud.instances)/\(name)/setScheduling", json: json)
    }

    @Test(arguments: [
        #"{"preemptible": true}"#, #"{"provisioningModel": "SPOT"}"#,
        #"{"provisioningModel": "SPOT", "preemptible": true, "instanceTerminationAction": "DELETE"}"#,
    ])
    func `only what is off becomes Spot, by either field, and back`(spot: String) async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let refused = try await Self.post(spot, to: "vm", in: cloud)
            #expect(refused.status == 400 && refused.reason == "resourceNotReady", "\(refused.text)")
            _ = try await cloud.done(Self.post(#"{"automaticRestart": false}"#, to: "vm", in: cloud))
            try await cloud.perform("stop", "vm")
            try await cloud.perform("setScheduling", "vm", json: spot)
            let scheduling = try await cloud.get("vm")["scheduling"]
            #expect(scheduling?["preemptible"] == true && scheduling?["provisioningModel"] == "SPOT")
            #expect(scheduling?["automaticRestart"] == false && scheduling?["onHostMaintenance"] == "TERMINATE")
            try await cloud.perform("setScheduling", "vm", json: #"{"provisioningModel": "STANDARD"}"#)
            let plain: JSON = [
                "preemptible": false, "provisioningModel": "STANDARD", "automaticRestart": true,
                "onHostMaintenance": "MIGRATE",
            ]
            #expect(try await cloud.get("vm")["scheduling"] == plain)
        }
    }

    @Test(arguments: [
        (#"{"preemptible": true, "automaticRestart": true}"#, 400),
        (#"{"provisioningModel": "SPOT", "onHostMaintenance": "MIGRATE"}"#, 400),
        (#"{"provisioningModel": "STANDARD", "preemptible": true}"#, 400), (#"{"provisioningModel": "CHEAP"}"#, 400),
        (#"{"provisioningModel": "FLEX_START"}"#, 501), (#"{"instanceTerminationAction": "PAUSE"}"#, 400),
    ])
    func `what contradicts itself is refused, of new instances too`(scheduling: String, status: Int) async throws {
        try await ComputeCloud.run { cloud in
            let json = try JSON(parsing: Data(scheduling.utf8))
            let body = try ComputeCloud.body("never") { $0["scheduling"] = json }
            #expect(try await cloud.api.post(ComputeCloud.instances, json: body).status == status)
            try await cloud.insert("vm")
            try await cloud.perform("stop", "vm")
            #expect(try await Self.post(scheduling, to: "vm", in: cloud).status == status)
        }
    }

    @Test func `the time at which an instance ends follows its limit`() async throws {
        try await ComputeCloud.run { cloud in
            func end() async throws -> JSON? {
                try await cloud.get("vm")["resourceStatus"]?["scheduling"]?["terminationTimestamp"]
            }
            try await cloud.insert("vm")
            #expect(try await end() == nil)
            let limit = #"{"maxRunDuration": {"seconds": "7200"}, "instanceTerminationAction": "STOP"}"#
            try await cloud.perform("setScheduling", "vm", json: limit)
            let first = try await end()
            #expect(first != nil)
            try await cloud.perform("setScheduling", "vm", json: #"{"maxRunDuration": {"seconds": "3600"}}"#)
            let second = try await end()
            #expect(second != nil && second != first)
            try await cloud.perform("stop", "vm")
            #expect(try await end() == nil)
            try await cloud.perform("start", "vm")
            #expect(try await end() != nil)
            try await cloud.perform("setScheduling", "vm", json: #"{"maxRunDuration": null}"#)
            #expect(try await end() == nil)
        }
    }
}
