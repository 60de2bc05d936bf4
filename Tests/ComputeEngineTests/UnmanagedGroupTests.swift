import BrumeTesting
import GoogleAPI
import Testing

@Suite("compute.instanceGroups", .timeLimit(.minutes(1)))
struct UnmanagedGroupTests {
    private static let groups = ComputeCloud.zone + "/instanceGroups"

    private func change(_ verb: String, _ names: String..., in cloud: ComputeCloud) async throws -> TestReply {
        let members = names.map { JSON.object(["instance": .string("zones/europe-west1-b/instances/\($0)")]) }
        let body: JSON = ["instances": .array(members)]
        return try await cloud.api.post("\(Self.groups)/g/\(verb)", json: body.text)
    }

    private func members(in cloud: ComputeCloud, _ body: String = "{}") async throws -> [String] {
        let items = try await cloud.api.post("\(Self.groups)/g/listInstances", json: body).json["items"]?.array ?? []
        return items.map { ResourceName(parsing: $0["instance"]?.string ?? "").last }
    }

    @Test func `a group has the members that were chosen, under any name, until they are gone`() async throws {
        try await ComputeCloud.run { cloud in
            _ = try await cloud.done(cloud.api.post(Self.groups, json: #"{"name": "g", "description": "mine"}"#))
            for name in ["a", "b", "c"] { try await cloud.insert(name) }
            _ = try await cloud.done(change("addInstances", "a", "b", in: cloud))
            let group = try await cloud.api.get("\(Self.groups)/g").json
            #expect(group["size"] == 2 && group["description"] == "mine" && group["memberIds"] == nil)
            #expect(group["network"]?.string?.hasSuffix("/networks/default") == true)
            #expect(try await change("addInstances", "a", in: cloud).reason == "memberAlreadyExists")
            #expect(try await change("addInstances", "none", in: cloud).status == 404)
            #expect(try await change("removeInstances", "c", in: cloud).status == 400)

            try await cloud.perform("stop", "a")
            #expect(try await members(in: cloud, #"{"instanceState": "RUNNING"}"#) == ["b"])
            try await cloud.perform("setName", "a", json: #"{"name": "z"}"#)
            #expect(try await members(in: cloud) == ["b", "z"])
            _ = try await cloud.done(change("removeInstances", "b", in: cloud))
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/z"))
            #expect(try await members(in: cloud) == [])
            _ = try await cloud.done(cloud.api.delete("\(Self.groups)/g"))
            #expect(try await cloud.api.get("\(Self.groups)/g").status == 404)
            #expect(try await cloud.get("b")["status"] == "RUNNING")
        }
    }

    @Test func `groups with a manager and without are listed together, and share their names`() async throws {
        try await ComputeCloud.run { cloud in
            var properties = try JSON(parsing: .init(ComputeCloud.body("t").utf8))
            properties["name"] = .none
            let template: JSON = ["name": "t", "properties": properties]
            let templates = ComputeCloud.project + "/global/instanceTemplates"
            _ = try await cloud.done(cloud.api.post(templates, json: template.text))
            let managers = ComputeCloud.zone + "/instanceGroupManagers"
            func manager(_ name: String) -> String {
                #"{"name": "\#(name)", "targetSize": 0, "instanceTemplate": "global/instanceTemplates/t"}"#
            }
            _ = try await cloud.done(cloud.api.post(managers, json: manager("m")))
            _ = try await cloud.done(cloud.api.post(Self.groups, json: #"{"name": "g"}"#))
            let listed = try await cloud.api.get(Self.groups).json["items"]?.array?.map { $0["name"] }
            #expect(listed == ["g", "m"])
            let everywhere = try await cloud.api.get(ComputeCloud.project + "/aggregated/instanceGroups").json["items"]
            #expect(everywhere?["zones/europe-west1-b"]?["instanceGroups"]?.array?.count == 2)
            #expect(try await cloud.api.post(Self.groups, json: #"{"name": "m"}"#).status == 409)
            #expect(try await cloud.api.post(managers, json: manager("g")).status == 409)
            #expect(try await cloud.api.delete("\(Self.groups)/m").reason == "resourceInUseByAnotherResource")
        }
    }

    @Test func `ports are named of a group, unless somebody else has done so meanwhile`() async throws {
        try await ComputeCloud.run { cloud in
            _ = try await cloud.done(cloud.api.post(Self.groups, json: #"{"name": "g"}"#))
            let fingerprint = try await cloud.api.get("\(Self.groups)/g").json["fingerprint"]?.string ?? ""
            let path = "\(Self.groups)/g/setNamedPorts"
            let body = #"{"fingerprint": "\#(fingerprint)", "namedPorts": [{"name": "http", "port": 80}]}"#
            _ = try await cloud.done(cloud.api.post(path, json: body))
            #expect(try await cloud.api.get("\(Self.groups)/g").json["namedPorts"]?[0]?["port"] == 80)
            #expect(try await cloud.api.post(path, json: body).status == 412)
            let wrong = #"{"namedPorts": [{"name": "http", "port": 0}]}"#
            #expect(try await cloud.api.post(path, json: wrong).status == 400)
        }
    }
}
