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

    @Test func `a reserved address costs by itself while no running machine has it`() async throws {
        try await ComputeCloud.run { cloud in
            let addresses = "\(ComputeCloud.project)/regions/europe-west1/addresses"
            _ = try await cloud.done(cloud.api.post(addresses, json: #"{"name": "web"}"#))
            let address = try await cloud.api.get("\(addresses)/web").json["address"] ?? ""
            func idle() async throws -> [Bool] {
                try await usage(cloud).filter { $0.kind == .idleAddress }.map { $0.end == nil }
            }
            #expect(try await idle() == [true])
            try await cloud.insert("vm") { $0["networkInterfaces"] = [["accessConfigs": [["natIP": address]]]] }
            #expect(try await idle() == [false])
            try await cloud.perform("stop", "vm")
            #expect(try await idle() == [false, true])
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            _ = try await cloud.done(cloud.api.delete("\(addresses)/web"))
            #expect(try await idle() == [false, false])
            let machines = try await usage(cloud).filter { $0.resource.hasPrefix("instances/") }
            #expect(machines.count == 1)  // What is off costs nothing when it is deleted.
        }
    }

    @Test func `a running machine costs otherwise when it loses its external address`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let config = "accessConfig=external-nat&networkInterface=nic0"
            let path = "\(ComputeCloud.instances)/vm/deleteAccessConfig?\(config)"
            _ = try await cloud.done(cloud.api.post(path, json: "{}"))
            let machines = try await usage(cloud).compactMap { use -> (hasAddress: Bool, isOpen: Bool)? in
                guard case .machine(let machine) = use.kind else { return nil }
                return (machine.hasExternalAddress, use.end == nil)
            }
            #expect(machines.map(\.hasAddress) == [true, false] && machines.map(\.isOpen) == [false, true])
        }
    }

    @Test func `a snapshot costs what it holds, from when it is made until it is deleted`() async throws {
        try await ComputeCloud.run { cloud in
            let disks = "\(ComputeCloud.zone)/disks"
            _ = try await cloud.done(cloud.api.post(disks, json: #"{"name": "d", "sizeGb": "20"}"#))
            _ = try await cloud.done(cloud.api.post("\(disks)/d/createSnapshot", json: #"{"name": "s"}"#))
            let path = "\(ComputeCloud.project)/global/snapshots/s"
            let bytes = Double(try await cloud.api.get(path).json["storageBytes"]?.integer ?? -1)
            var used = try await usage(cloud).filter { $0.resource.hasPrefix("snapshots/s") }
            #expect(used.map(\.kind) == [.snapshot(item: "snapshot", bytes: bytes)] && used[0].end == nil)
            _ = try await cloud.done(cloud.api.delete(path))
            used = try await usage(cloud).filter { $0.resource.hasPrefix("snapshots/s") }
            #expect(used.count == 1 && used[0].end != nil)
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
