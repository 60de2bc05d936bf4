import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("what instances show", .timeLimit(.minutes(1)))
struct InstanceDescriptionTests {
    @Test(arguments: [("e2-medium", "", "Intel Broadwell"), ("n2-standard-2", "Intel Ice Lake", "Intel Ice Lake")])
    func `a machine shows a processor while it is on`(type: String, asked: String, platform: String) async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") {
                $0["machineType"] = .string("zones/europe-west1-b/machineTypes/\(type)")
                if !asked.isEmpty { $0["minCpuPlatform"] = .string(asked) }
            }
            #expect(instance["cpuPlatform"] == .string(platform))
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.get("vm")["cpuPlatform"] == "Unknown CPU Platform")
            try await cloud.perform("start", "vm")
            #expect(try await cloud.get("vm")["cpuPlatform"] == .string(platform))
        }
    }

    @Test func `what a request leaves out has Google's defaults`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") {
                $0["shieldedInstanceConfig"] = ["enableSecureBoot": true]
            }
            #expect(
                instance["shieldedInstanceConfig"]
                    == ["enableSecureBoot": true, "enableVtpm": true, "enableIntegrityMonitoring": true]
            )
            #expect(instance["shieldedInstanceIntegrityPolicy"] == ["updateAutoLearnPolicy": true])
            #expect(instance["deletionProtection"] == false && instance["canIpForward"] == false)
            #expect(instance["startRestricted"] == false && instance["lastStartTimestamp"] != nil)
        }
    }

    @Test func `disks tell their licenses and what their system can do, copies and attachments too`() async throws {
        try await ComputeCloud.run { cloud in
            let attached = try await cloud.insert("vm")["disks"]?[0]
            let disk = try await cloud.api.get("\(ComputeCloud.zone)/disks/vm").json
            #expect(disk["licenses"]?[0]?.string?.hasSuffix("/debian-cloud/global/licenses/debian-12") == true)
            #expect(disk["guestOsFeatures"]?.array?.contains(["type": "UEFI_COMPATIBLE"]) == true)
            for field in ["licenses", "guestOsFeatures", "architecture"] {
                #expect(attached?[field] != nil && attached?[field] == disk[field])
            }
            #expect(attached?["diskSizeGb"] == disk["sizeGb"])
            let resize = try await cloud.api.post("\(ComputeCloud.zone)/disks/vm/resize", json: #"{"sizeGb": "50"}"#)
            _ = try await cloud.done(resize)
            #expect(try await cloud.get("vm")["disks"]?[0]?["diskSizeGb"] == "50")
            let copy = #"{"name": "copy", "sourceDisk": "zones/europe-west1-b/disks/vm"}"#
            let images = ComputeCloud.project + "/global/images"
            _ = try await cloud.done(cloud.api.post("\(images)?forceCreate=true", json: copy))
            let image = try await cloud.api.get("\(images)/copy").json
            #expect(image["guestOsFeatures"] == disk["guestOsFeatures"] && image["licenses"] == disk["licenses"])
        }
    }

    @Test func `an instance is found by its ID`() async throws {
        try await ComputeCloud.run { cloud in
            let id = try await cloud.insert("vm")["id"]?.string ?? ""
            #expect(try await cloud.get(id)["name"] == "vm")
            let stop = try await cloud.perform("stop", id)
            #expect(stop["error"] == nil && stop["targetLink"]?.string?.hasSuffix("/instances/vm") == true)
            #expect(try await cloud.get("vm")["status"] == "TERMINATED")
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/1234").status == 404)
            let named = try ComputeCloud.body(id)
            #expect(try await cloud.api.post(ComputeCloud.instances, json: named).status == 400)
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/\(id)"))
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
        }
    }
}
