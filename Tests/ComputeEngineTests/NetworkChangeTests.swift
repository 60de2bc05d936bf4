import BrumeTesting
import GoogleAPI
import Testing

@Suite("compute.networks.patch, switchToCustomMode and compute.subnetworks.patch", .timeLimit(.minutes(1)))
struct NetworkChangeTests {
    private static let network = ComputeCloud.project + "/global/networks/default"
    private static let subnetworks = ComputeCloud.project + "/regions/europe-west1/subnetworks"
    private static let subnetwork = subnetworks + "/default"

    @Test func `a network's routing mode and packet size are changed, and nothing else`() async throws {
        try await ComputeCloud.run { cloud in
            let body = #"{"routingConfig": {"routingMode": "GLOBAL"}, "mtu": 1500}"#
            _ = try await cloud.done(cloud.api.patch(Self.network, json: body))
            let network = try await cloud.api.get(Self.network).json
            #expect(network["routingConfig"] == ["routingMode": "GLOBAL"] && network["mtu"] == 1500)
            for refused in [#"{"mtu": 100}"#, #"{"autoCreateSubnetworks": false}"#, #"{"name": "other"}"#] {
                let reply = try await cloud.api.patch(Self.network, json: refused)
                #expect(reply.status == 400, "\(reply.text)")
            }
        }
    }

    @Test func `a subnetwork of the default network is changed, and still goes with its network`() async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.api.get(Self.subnetwork).json
            let fingerprint = before["fingerprint"]?.string ?? ""
            let body =
                #"{"fingerprint": "\#(fingerprint)", "description": "d", "logConfig": {"enable": true, "flowSampling": 0.5}}"#
            _ = try await cloud.done(cloud.api.patch(Self.subnetwork, json: body))
            let path = "\(Self.subnetwork)/setPrivateIpGoogleAccess"
            _ = try await cloud.done(cloud.api.post(path, json: #"{"privateIpGoogleAccess": true}"#))
            let after = try await cloud.api.get(Self.subnetwork).json
            #expect(after["id"] == before["id"] && after["ipCidrRange"] == before["ipCidrRange"])
            #expect(after["description"] == "d" && after["logConfig"]?["enable"] == true)
            #expect(before["privateIpGoogleAccess"] == false && after["privateIpGoogleAccess"] == true)
            #expect(try await cloud.api.get(Self.subnetworks).json["items"]?.array?.count == 1)
            #expect(try await cloud.api.patch(Self.subnetwork, json: body).status == 412)
            #expect(try await cloud.api.patch(Self.subnetwork, json: #"{"ipCidrRange": "10.0.0.0/8"}"#).status == 400)
            #expect(try await cloud.api.post(path, json: "{}").status == 400)
            #expect(try await cloud.api.delete(Self.subnetwork).status == 400)
            #expect(try await cloud.api.patch("\(Self.subnetworks)/none", json: "{}").status == 404)

            for rule in ["icmp", "internal", "rdp", "ssh"] {
                _ = try await cloud.done(
                    cloud.api.delete("\(ComputeCloud.project)/global/firewalls/default-allow-\(rule)")
                )
            }
            _ = try await cloud.done(cloud.api.delete(Self.network))
            #expect(try await cloud.api.get(Self.subnetwork).status == 404)
        }
    }

    @Test func `a network in custom mode keeps its subnetworks and its machines, and takes further ones`() async throws
    {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("before")
            let path = "\(Self.network)/switchToCustomMode"
            _ = try await cloud.done(cloud.api.post(path))
            #expect(try await cloud.api.get(Self.network).json["autoCreateSubnetworks"] == false)
            #expect(try await cloud.api.get(Self.subnetworks).json["items"]?.array?.count == 1)
            let further =
                #"{"name": "further", "network": "global/networks/default", "ipCidrRange": "10.7.0.0/16"}"#
            _ = try await cloud.done(cloud.api.post(Self.subnetworks, json: further))
            #expect(try await cloud.api.get(Self.network).json["subnetworks"]?.array?.count == 19)
            let after = try await cloud.insert("after") {
                $0["networkInterfaces"] = [["subnetwork": "regions/europe-west1/subnetworks/default"]]
            }
            let (one, other) = (before["networkInterfaces"]?[0], after["networkInterfaces"]?[0])
            #expect(one?["subnetwork"] == other?["subnetwork"] && other?["networkIP"] == "10.132.0.3")
            #expect(try await cloud.api.post(path).status == 400)
            #expect(try await cloud.api.delete(Self.subnetwork).reason == "resourceInUseByAnotherResource")
        }
    }
}
