import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("compute.machineTypes and compute.diskTypes", .timeLimit(.minutes(1)))
struct MachineTypeTests {
    @Test(arguments: [
        ("custom-1-1024", 1, 1024), ("custom-4-16384", 4, 16384), ("n1-custom-2-13312", 2, 13312),
        ("n1-custom-2-30720-ext", 2, 30720), ("n2-custom-4-2048", 4, 2048), ("n2-custom-36-73728", 36, 73728),
        ("n2-custom-2-131072-ext", 2, 131072), ("n2d-custom-16-8192", 16, 8192), ("e2-custom-2-1024", 2, 1024),
        ("e2-custom-micro-1280", 2, 1280), ("e2-custom-medium-8192", 2, 8192), ("n1-highcpu-2", 2, 1843),
        ("n1-highcpu-16", 16, 14746), ("n2d-highcpu-4", 4, 4096), ("c3-standard-22", 22, 90112),
    ])
    func `a type is made of what its family says, or its name, where it keeps the rules`(
        name: String,
        cpus: Int64,
        memory: Int64
    )
        async throws
    {
        try await ComputeCloud.run { cloud in
            let type = try await cloud.api.get("\(ComputeCloud.zone)/machineTypes/\(name)").json
            #expect(type["guestCpus"] == .integer(cpus) && type["memoryMb"] == .integer(memory), "\(type.text)")
            #expect(type["isSharedCpu"] == .bool(name.hasPrefix("e2-custom-m")))
        }
    }

    @Test(arguments: [
        ("custom-4-16383", "Memory should be a multiple of 256MiB, while 16383MiB is requested"),
        ("n1-custom-3-8192", "Number of vCPUs should be an even number if greater than 1, while 3 is requested"),
        ("custom-2-14336", "Memory size for a 2 vCPU instance must be between 2048MiB and 13312MiB"),
        ("custom-98-98304", "Number of vCPUs should be between 1 and 96"), ("n2-custom-1-1024", "between 2 and 80"),
        ("n2-custom-34-69632", "a multiple of 4"), ("n2-custom-4-1792", "between 2048MiB and 32768MiB"),
        ("n2d-custom-6-8192", "a multiple of 4"), ("n2d-custom-24-49152", "a multiple of 16"),
        ("e2-custom-34-69632", "between 2 and 32"), ("e2-custom-small-1024", "between 2048MiB and 4096MiB"),
        ("e2-custom-2-32768-ext", "Extended memory is not available for e2"),
        ("n2-custom-2-1048576-ext", "between 1024MiB and 884736MiB"),
    ])
    func `a custom type that breaks a rule is refused with it`(name: String, rule: String) async throws {
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("never") { $0["machineType"] = .string("zones/z/machineTypes/\(name)") }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.reason == "invalidResourceUsage", "\(reply.text)")
            #expect(reply.text.contains(rule), "\(reply.text)")
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/machineTypes/\(name)").status == 400)
        }
    }

    @Test(arguments: ["custom-2", "n1-custom-2-b", "c2-custom-4-8192", "custom--2-2048", "n1-dne-4"])
    func `what is no type is not found`(name: String) async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.get("\(ComputeCloud.zone)/machineTypes/\(name)")
            #expect(reply.status == 404)
        }
    }

    @Test func `all kinds of disk are listed; those that Brume lacks are refused in words`() async throws {
        try await ComputeCloud.run { cloud in
            let path = "\(ComputeCloud.zone)/diskTypes"
            let names = try await cloud.api.get(path).json["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(Set(["local-ssd", "pd-extreme", "hyperdisk-balanced", "pd-ssd"]).isSubset(of: names))
            let local = try await cloud.api.get("\(path)/local-ssd").json
            #expect(local["validDiskSize"] == "375GB-375GB" && local["description"] == "Local SSD")
            for (type, status, says) in [
                ("pd-extreme", 501, "use one of pd-standard"), ("hyperdisk-balanced", 501, "hyperdisk-balanced"),
                ("local-ssd", 400, "SCRATCH"), ("pd-none", 400, "cannot be found"),
            ] {
                let body = #"{"name": "d", "sizeGb": "500", "type": "zones/europe-west1-b/diskTypes/\#(type)"}"#
                let reply = try await cloud.api.post("\(ComputeCloud.zone)/disks", json: body)
                #expect(reply.status == status && reply.text.contains(says), "\(reply.text)")
            }
        }
    }
}
