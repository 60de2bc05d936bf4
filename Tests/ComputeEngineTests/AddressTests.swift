import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing

@Suite("compute.addresses", .timeLimit(.minutes(1)))
struct AddressTests {
    static let addresses = ComputeCloud.project + "/regions/europe-west1/addresses"

    private func reserve(_ name: String, _ more: String = "", in cloud: ComputeCloud) async throws -> String {
        let operation = try await cloud.done(cloud.api.post(Self.addresses, json: #"{"name": "\#(name)"\#(more)}"#))
        #expect(operation["error"] == nil && operation["region"] != nil)
        let address = try await cloud.api.get("\(Self.addresses)/\(name)").json
        #expect(address["status"] == "RESERVED" && address["users"] == nil)
        return try #require(address["address"]?.string)
    }

    private func insert(_ name: String, at address: String, in cloud: ComputeCloud) async throws -> JSON {
        try await cloud.insert(name) {
            $0["networkInterfaces"] = [["accessConfigs": [["name": "external-nat", "natIP": .string(address)]]]]
        }
    }

    @Test func `an instance has the address that was reserved for it, and the next one after it`() async throws {
        try await ComputeCloud.run { cloud in
            let address = try await reserve("web", in: cloud)
            let vm = try await insert("vm", at: address, in: cloud)
            let interface = vm["networkInterfaces"]?[0]
            #expect(interface?["accessConfigs"]?[0]?["natIP"]?.string == address)
            #expect(interface?["networkIP"] == "10.132.0.2")
            #expect(await cloud.engine.led == [address: "10.132.0.2"])
            let shown = try await cloud.api.get("\(Self.addresses)/web").json
            #expect(shown["status"] == "IN_USE" && shown["users"]?[0] == vm["selfLink"])
            let refused = try await cloud.api.delete("\(Self.addresses)/web")
            #expect(refused.status == 400 && refused.text.contains("resourceInUseByAnotherResource"))
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            #expect(await cloud.engine.led == [:])
            let next = try await insert("next", at: address, in: cloud)
            #expect(next["networkInterfaces"]?[0]?["accessConfigs"]?[0]?["natIP"]?.string == address)
        }
    }

    @Test func `an address is one instance's, and only its project's and region's`() async throws {
        try await ComputeCloud.run { cloud in
            let address = try await reserve("web", in: cloud)
            _ = try await insert("vm", at: address, in: cloud)
            for (asked, text) in [(address, "already in-use"), ("198.19.255.9", "not found in region europe-west1")] {
                let body = try ComputeCloud.body("other") {
                    $0["networkInterfaces"] = [["accessConfigs": [["natIP": .string(asked)]]]]
                }
                let refused = try await cloud.api.post(ComputeCloud.instances, json: body)
                #expect(refused.status == 400 && refused.text.contains(text), "\(refused.text)")
            }
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/other").status == 404)
        }
    }

    @Test func `a running instance changes its address`() async throws {
        try await ComputeCloud.run { cloud in
            let address = try await reserve("web", in: cloud)
            try await cloud.insert("vm")
            let path = "\(ComputeCloud.instances)/vm"
            let full = try await cloud.api.post("\(path)/addAccessConfig?networkInterface=nic0", json: "{}")
            #expect(full.status == 400 && full.text.contains("At most one access config"))
            let name = "accessConfig=external-nat&networkInterface=nic0"
            _ = try await cloud.done(cloud.api.post("\(path)/deleteAccessConfig?\(name)", json: "{}"))
            #expect(try await cloud.get("vm")["networkInterfaces"]?[0]?["accessConfigs"] == [])
            let config = #"{"name": "external-nat", "natIP": "\#(address)"}"#
            _ = try await cloud.done(cloud.api.post("\(path)/addAccessConfig?networkInterface=nic0", json: config))
            #expect(await cloud.engine.led == [address: "10.132.0.2"])
            _ = try await cloud.done(cloud.api.post("\(path)/deleteAccessConfig?\(name)", json: "{}"))
            #expect(await cloud.engine.led == [:])
            let again = try await cloud.api.post("\(path)/deleteAccessConfig?\(name)", json: "{}")
            #expect(again.status == 400 && again.text.contains("no access config of this name"))
        }
    }

    @Test func `an internal address is kept for who names it`() async throws {
        try await ComputeCloud.run { cloud in
            let internalType = #", "addressType": "INTERNAL""#
            #expect(try await reserve("first", internalType, in: cloud) == "10.132.0.2")
            let vm = try await cloud.insert("vm")
            #expect(vm["networkInterfaces"]?[0]?["networkIP"] == "10.132.0.3")
            let named = try await cloud.insert("named") { $0["networkInterfaces"] = [["networkIP": "10.132.0.2"]] }
            #expect(named["networkInterfaces"]?[0]?["networkIP"] == "10.132.0.2")
            for wanted in ["10.132.0.3", "10.9.0.1", "here"] {
                let body = #"{"name": "no", "addressType": "INTERNAL", "address": "\#(wanted)"}"#
                #expect(try await cloud.api.post(Self.addresses, json: body).status == 400)
            }
        }
    }
}
