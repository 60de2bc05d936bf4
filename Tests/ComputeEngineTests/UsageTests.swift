import Billing
import BrumeTesting
import ComputeEngine
import Foundation
import GoogleAPI
import Testing

@Suite("usage", .timeLimit(.minutes(1)))
struct UsageTests {
    private func usage(_ cloud: ComputeCloud) async throws -> [Usage] {
        try await ComputeUsage(store: cloud.store).between(.distantPast, .distantFuture)
    }

    @Test func `a machine is used while it runs, its disk until it is deleted`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm") { $0["scheduling"] = ["provisioningModel": "SPOT"] }
            var used = try await usage(cloud)
            #expect(used.count == 2 && used.allSatisfy { $0.end == nil && $0.region == "europe-west1" })
            guard case .machine(let machine)? = used.first(where: { $0.resource.hasPrefix("instances/vm") })?.kind
            else {
                Issue.record("no machine in \(used)")
                return
            }
            #expect(machine.type == "e2-medium" && machine.vCPUs == 1 && machine.gibibytes == 4)
            #expect(machine.isSpot && machine.hasExternalAddress)
            try await cloud.perform("stop", "vm")
            used = try await usage(cloud)
            #expect(used.filter { $0.end == nil }.map(\.resource) == ["disks/vm (europe-west1-b)"])
            try await cloud.perform("start", "vm")
            #expect(try await usage(cloud).count == 3)
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            used = try await usage(cloud)
            #expect(used.count == 3 && used.allSatisfy { $0.end ?? .distantPast >= $0.start })
        }
    }

    @Test func `a disk that grows costs more from then on`() async throws {
        try await ComputeCloud.run { cloud in
            let disks = "\(ComputeCloud.zone)/disks"
            _ = try await cloud.done(cloud.api.post(disks, json: #"{"name": "d", "sizeGb": "20"}"#))
            _ = try await cloud.done(cloud.api.post("\(disks)/d/resize", json: #"{"sizeGb": "50"}"#))
            let kinds = try await usage(cloud).map(\.kind)
            #expect(
                kinds == [
                    .disk(type: "pd-balanced", gigabytes: 20), .disk(type: "pd-balanced", gigabytes: 50),
                ]
            )
        }
    }
}
