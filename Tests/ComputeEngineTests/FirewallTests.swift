import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.firewalls", .timeLimit(.minutes(1)))
struct FirewallTests {
    private static let path = ComputeCloud.project + "/global/firewalls"

    private func add(_ name: String, _ rule: String, in cloud: ComputeCloud) async throws {
        let operation = try await cloud.done(cloud.api.post(Self.path, json: #"{"name": "\#(name)", \#(rule)}"#))
        #expect(operation["error"] == nil)
    }

    /// Whether the first rule that fits lets a connection in; what none fits is refused.
    private func lets(_ port: UInt16, from peer: String?, into name: String, in cloud: ComputeCloud) async throws
        -> Bool
    {
        let workload = ComputeCloud.workload(try await cloud.get(name))
        let filter = try #require(await cloud.engine.filter(of: workload))
        return filter.ingress.first { rule in
            let isPort = rule.ports.isEmpty || rule.ports.contains { $0.contains(port) }
            let isPeer = peer.map { rule.peers.isEmpty || rule.peers.contains($0) } ?? rule.fitsOutside
            return isPort && isPeer && (rule.transport ?? "tcp") == "tcp"
        }?.isAllowed ?? false
    }

    private func blocks(_ port: UInt16, from peer: String?, into name: String, in cloud: ComputeCloud) async throws
        -> Bool
    { try await !lets(port, from: peer, into: name, in: cloud) }

    @Test func `a new machine takes ssh from anywhere, and all from its network`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            #expect(try await lets(22, from: nil, into: "vm", in: cloud))
            #expect(try await blocks(8888, from: nil, into: "vm", in: cloud))
            #expect(try await lets(8888, from: "10.128.0.0/9", into: "vm", in: cloud))
            let names = try await cloud.api.get(Self.path).json["items"]?.array?.compactMap { $0["name"]?.string }
            let wanted = ["icmp", "internal", "rdp", "ssh"].map { "default-allow-\($0)" }
            #expect(names == wanted)
        }
    }

    @Test func `a rule opens a port of machines with its tag, while it is there`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            try await add(
                "web",
                #""allowed": [{"IPProtocol": "tcp", "ports": ["8000-9000"]}], "targetTags": ["web"]"#,
                in: cloud
            )
            #expect(try await blocks(8888, from: nil, into: "vm", in: cloud))
            let tags = try await cloud.get("vm")["tags"]?["fingerprint"]?.string ?? ""
            try await cloud.perform("setTags", "vm", json: #"{"items": ["web"], "fingerprint": "\#(tags)"}"#)
            #expect(try await lets(8888, from: nil, into: "vm", in: cloud))
            let patch = try await cloud.api.patch("\(Self.path)/web", json: #"{"disabled": true}"#)
            _ = try await cloud.done(patch)
            #expect(try await blocks(8888, from: nil, into: "vm", in: cloud))
            _ = try await cloud.done(try await cloud.api.patch("\(Self.path)/web", json: #"{"disabled": false}"#))
            #expect(try await lets(8888, from: nil, into: "vm", in: cloud))
            _ = try await cloud.done(cloud.api.delete("\(Self.path)/web"))
            #expect(try await blocks(8888, from: nil, into: "vm", in: cloud))
        }
    }

    @Test func `the more important rule decides, and at the same priority the one that denies`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            try await add("open", #""allowed": [{"IPProtocol": "all"}], "priority": 500"#, in: cloud)
            #expect(try await lets(80, from: nil, into: "vm", in: cloud))
            try await add("shut", #""denied": [{"IPProtocol": "tcp", "ports": ["80"]}], "priority": 500"#, in: cloud)
            #expect(try await blocks(80, from: nil, into: "vm", in: cloud))
            try await add("again", #""allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], "priority": 499"#, in: cloud)
            #expect(try await lets(80, from: nil, into: "vm", in: cloud))
        }
    }

    @Test func `a rule that knows its sources by their tag follows them`() async throws {
        try await ComputeCloud.run { cloud in
            let shut = #""denied": [{"IPProtocol": "all"}], "priority": 2000"#
            try await add("shut", shut, in: cloud)
            try await add("from-web", #""allowed": [{"IPProtocol": "tcp"}], "sourceTags": ["web"]"#, in: cloud)
            try await cloud.insert("db")
            #expect(try await blocks(5432, from: "10.132.0.3/32", into: "db", in: cloud))
            try await cloud.insert("web") { $0["tags"] = ["items": ["web"]] }
            #expect(try await cloud.get("web")["networkInterfaces"]?[0]?["networkIP"] == "10.132.0.3")
            #expect(try await lets(5432, from: "10.132.0.3/32", into: "db", in: cloud))
        }
    }

    @Test func `neighbours reach each other also where the network has another range than Google's`() async throws {
        try await ComputeCloud.run { cloud in
            _ = try await cloud.engine.ensureNetwork(NetworkSpec(name: "vpc-demo", subnet: "10.64.0.0/10"))
            let instance = try await cloud.insert("vm")
            #expect(instance["networkInterfaces"]?[0]?["networkIP"] == "10.64.0.2")
            #expect(try await lets(8888, from: "10.64.0.0/10", into: "vm", in: cloud))
            #expect(try await blocks(8888, from: nil, into: "vm", in: cloud))
        }
    }

    @Test func `a deleted default rule stays away`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            _ = try await cloud.done(cloud.api.delete("\(Self.path)/default-allow-ssh"))
            #expect(try await blocks(22, from: nil, into: "vm", in: cloud))
            #expect(try await cloud.api.get("\(Self.path)/default-allow-ssh").status == 404)
            try await ComputeCloud.run(after: cloud) { second in
                let reply = try await second.api.get("\(Self.path)/default-allow-ssh")
                #expect(reply.status == 404)
            }
        }
    }

    @Test(arguments: [
        (#""allowed": [{"IPProtocol": "tcp", "ports": ["http"]}]"#, "http"),
        (#""allowed": [{"IPProtocol": "icmp", "ports": ["80"]}]"#, "80"),
        (#""allowed": [{"IPProtocol": "tcq"}]"#, "tcq"), (#""direction": "SIDEWAYS""#, "SIDEWAYS"),
        (#""direction": "INGRESS""#, "exactly one of"),
        (#""allowed": [{"IPProtocol": "tcp"}], "priority": 70000"#, "70000"),
        (#""allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["10.0.0.1/8"]"#, "10.0.0.1/8"),
        (#""allowed": [{"IPProtocol": "tcp"}], "network": "global/networks/none""#, "global/networks/none"),
    ])
    func `a wrong rule is refused and not kept`(rule: String, says: String) async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.post(Self.path, json: #"{"name": "wrong", \#(rule)}"#)
            #expect([400, 404].contains(reply.status) && reply.message?.contains(says) == true, "\(reply.text)")
            #expect(try await cloud.api.get("\(Self.path)/wrong").status == 404)
        }
    }
}

@Suite("compute.networks", .timeLimit(.minutes(1)))
struct NetworkTests {
    private static let networks = ComputeCloud.project + "/global/networks"
    private static let subnetworks = ComputeCloud.project + "/regions/europe-west1/subnetworks"

    @Test func `an instance in a custom subnetwork has an address of its range`() async throws {
        try await ComputeCloud.run { cloud in
            let body = #"{"name": "own", "autoCreateSubnetworks": false}"#
            _ = try await cloud.done(cloud.api.post(Self.networks, json: body))
            let subnetwork =
                #"{"name": "lab", "network": "global/networks/own", "ipCidrRange": "10.77.1.0/24", "description": "d", "enableFlowLogs": true, "privateIpGoogleAccess": true}"#
            let made = try await cloud.done(cloud.api.post(Self.subnetworks, json: subnetwork))
            #expect(made["error"] == nil && made["region"] != nil)
            let said = try await cloud.api.get("\(Self.subnetworks)/lab").json
            #expect(said["description"] == "d" && said["enableFlowLogs"] == true)
            #expect(said["privateIpGoogleAccess"] == true)
            let network = try await cloud.api.get("\(Self.networks)/own").json
            #expect(network["subnetworks"] == [said["selfLink"] ?? ""])
            #expect(network["networkFirewallPolicyEnforcementOrder"] == "AFTER_CLASSIC_FIREWALL")
            let instance = try await cloud.insert("vm") {
                $0["networkInterfaces"] = [["subnetwork": "regions/europe-west1/subnetworks/lab"]]
            }
            let interface = instance["networkInterfaces"]?[0]
            #expect(interface?["networkIP"] == "10.77.1.2")
            #expect(interface?["network"]?.string?.hasSuffix("/networks/own") == true)
            // Nothing comes in without a rule of the network's own.
            #expect(await cloud.engine.filter(of: ComputeCloud.workload(instance))?.ingress == [])

            for path in ["\(Self.subnetworks)/lab", "\(Self.networks)/own"] {
                let reply = try await cloud.api.delete(path)
                #expect(reply.status == 400 && reply.reason == "resourceInUseByAnotherResource")
            }
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/vm"))
            for path in ["\(Self.subnetworks)/lab", "\(Self.networks)/own"] {
                _ = try await cloud.done(cloud.api.delete(path))
                #expect(try await cloud.api.get(path).status == 404)
            }
        }
    }

    @Test func `ranges that meet, networks in auto mode and wrong places are refused`() async throws {
        try await ComputeCloud.run { cloud in
            _ = try await cloud.done(
                cloud.api.post(Self.networks, json: #"{"name": "own", "autoCreateSubnetworks": false}"#)
            )
            func subnetwork(_ name: String, _ range: String, _ network: String = "own") async throws -> TestReply {
                let body =
                    #"{"name": "\#(name)", "network": "global/networks/\#(network)", "ipCidrRange": "\#(range)"}"#
                return try await cloud.api.post(Self.subnetworks, json: body)
            }
            _ = try await cloud.done(subnetwork("a", "10.77.0.0/16"))
            for (name, range, network) in [
                ("b", "10.77.1.0/24", "own"), ("c", "10.78.0.1/16", "own"), ("d", "10.79.0.0/16", "default"),
            ] {
                #expect(try await subnetwork(name, range, network).status == 400)
            }
            #expect(try await subnetwork("e", "10.79.0.0/16", "none").status == 404)
            for interface: JSON in [
                ["network": "global/networks/own"], ["subnetwork": "regions/us-east1/subnetworks/a"],
                ["network": "global/networks/default", "subnetwork": "regions/europe-west1/subnetworks/a"],
            ] {
                let body = try ComputeCloud.body("vm") { $0["networkInterfaces"] = [interface] }
                #expect(try await cloud.api.post(ComputeCloud.instances, json: body).status == 400)
            }
        }
    }
}
