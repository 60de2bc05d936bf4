import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("lists and places", .timeLimit(.minutes(1)))
struct ListTests {
    private func names(_ cloud: ComputeCloud, _ query: String) async throws -> [String] {
        let text = query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let reply = try await cloud.api.get("\(ComputeCloud.project)/aggregated/instances?filter=\(text)")
        let scopes = try #require(reply.json["items"]?.object, "\(reply.text)")
        return scopes.values.flatMap { $0["instances"]?.array ?? [] }.compactMap { $0["name"]?.string }.sorted()
    }

    @Test func `an aggregated list has items even when there are none`() async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.get("\(ComputeCloud.project)/aggregated/instances?includeAllScopes=True")
            #expect(reply.json["items"] == [:])
        }
    }

    @Test func `what is answered as it is stored is what a filter that all pass answers`() async throws {
        try await ComputeCloud.run { cloud in
            for name in ["one", "three", "two"] {
                try await cloud.insert(name) { body in
                    body["description"] = "https://www.googleapis.com/compute/v1/projects/other"
                    let text = #"{"link": "https://www.googleapis.com/compute/v1/x", "path": "C:\"}"#
                    body["metadata"] = ["items": [["key": "text", "value": .string(text)]]]
                }
            }
            let read = try await cloud.api.get("\(ComputeCloud.instances)?filter=name%3A*").json
            #expect(try await cloud.api.get(ComputeCloud.instances).json == read)
            #expect(try await cloud.get("three") == read["items"]?[1])
            #expect(read["items"]?[1]?["metadata"]?["items"]?[0]?["value"]?.string?.contains("googleapis.com") == true)
            #expect(read["items"]?[1]?["selfLink"]?.string?.hasPrefix("http://127.0.0.1") == true)
            let fields = try await cloud.api.get("\(ComputeCloud.instances)?fields=items.name").json
            #expect(fields == ["items": [["name": "one"], ["name": "three"], ["name": "two"]]])

            var token = ""
            var paged: [JSON] = []
            repeat {
                let page = try await cloud.api.get("\(ComputeCloud.instances)?maxResults=1&pageToken=\(token)").json
                paged += page["items"]?.array ?? []
                token = page["nextPageToken"]?.string ?? ""
            } while !token.isEmpty
            #expect(.array(paged) == read["items"])
        }
    }

    @Test func `both grammars of filters choose by whole fields`() async throws {
        try await ComputeCloud.run { cloud in
            for name in ["vma", "vmb", "other"] { try await cloud.insert(name) }
            try await cloud.perform("stop", "vmb")
            #expect(try await names(cloud, "name eq ^vma$") == ["vma"])
            #expect(try await names(cloud, "name eq vm") == [])
            #expect(try await names(cloud, "(name eq vm.*) (status ne TERMINATED)") == ["vma"])
            #expect(try await names(cloud, "name = vm* AND status = TERMINATED") == ["vmb"])
            #expect(try await names(cloud, "status eq RUNNING") == ["other", "vma"])
        }
    }

    @Test(arguments: [
        ("name=vm*", ["vm", "vm-2"]), (#"(name eq "^vm-\d$")"#, ["vm-2"]), ("name != vm AND name != web", ["vm-2"]),
        ("name ne vm.*", ["web"]), ("labels.env = prod", ["web"]), ("labels.env:prod", ["web"]),
        ("zone eq europe-west1-b AND labels.env=prod", ["web"]), ("status = TERMINATED", []), ("name = v.", []),
        ("labels.none:*", []), ("labels:env", ["web"]), ("labels:prod", []),
        ("creationTimestamp > 2020-01-01T00:00:00+02:00", ["vm", "vm-2", "web"]), ("labels.env:*", ["web"]),
        ("NOT labels.env:*", ["vm", "vm-2"]),
        ("-labels.env=prod", ["vm", "vm-2"]), ("labels.env != prod", ["vm", "vm-2"]),
        ("name = vm OR labels.env = prod", ["vm", "web"]), ("name:VM-", ["vm-2"]),
        ("(name = vm OR name = web) AND NOT name = web", ["vm"]), ("name > vm-1", ["vm-2", "web"]),
        ("disks.boot = true", ["vm", "vm-2", "web"]), ("name eq (vm|web)", ["vm", "web"]),
        (#"creationTimestamp > "2020-01-01""#, ["vm", "vm-2", "web"]),
    ])
    func `a filter keeps what fits all its conditions`(filter: String, expected: [String]) async throws {
        try await ComputeCloud.run { cloud in
            for name in ["vm", "vm-2"] { try await cloud.insert(name) }
            try await cloud.insert("web") { $0["labels"] = ["env": "prod"] }
            let found = try await names(cloud, filter)
            #expect(found == expected)
        }
    }

    @Test(arguments: [
        "name", "name eq", "name eq [", "(name = a", "a = b OR", "NOT", "name ! a", ")", #"name = "a"#, "a..b = c",
    ])
    func `what is no filter is 400`(filter: String) async throws {
        try await ComputeCloud.run { cloud in
            let text = filter.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let reply = try await cloud.api.get("\(ComputeCloud.instances)?filter=\(text)")
            #expect(reply.status == 400)
        }
    }

    @Test func `a list comes in pages, under the project's number too`() async throws {
        try await ComputeCloud.run { cloud in
            for name in ["a", "b", "c"] { try await cloud.insert(name) }
            let first = try await cloud.api.get("\(ComputeCloud.instances)?maxResults=2").json
            #expect(first["items"]?.array?.compactMap { $0["name"]?.string } == ["a", "b"])
            let token = try #require(first["nextPageToken"]?.string)
            let second = try await cloud.api.get("\(ComputeCloud.instances)?maxResults=2&pageToken=\(token)").json
            #expect(second["items"]?.array?.compactMap { $0["name"]?.string } == ["c"])
            #expect(second["nextPageToken"] == nil)
            #expect(try await cloud.api.get(ComputeCloud.instances + "?maxResults=501").status == 400)
            #expect(try await cloud.api.get(ComputeCloud.instances + "?pageToken=x").status == 400)
            let byNumber = ComputeCloud.zone.replacing("/demo/", with: "/123456789012/")
            #expect(try await cloud.api.get(byNumber + "/instances").json["items"]?.array?.count == 3)
            #expect(try await cloud.api.get(byNumber + "/operations").json["items"]?.array?.count == 3)
        }
    }

    @Test(arguments: ["", "orderBy=creationTimestamp%20desc&", "filter=name:v&"])
    func `pages miss nothing when something that was listed goes meanwhile`(query: String) async throws {
        try await ComputeCloud.run { cloud in
            for name in ["v1", "v2", "v3", "v4"] { try await cloud.insert(name) }
            let all = "\(ComputeCloud.instances)?\(query)maxResults=2"
            let first = try await cloud.api.get(all).json
            let names = first["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            let token = try #require(first["nextPageToken"]?.string)
            #expect(
                try await cloud.api.send(.delete, "\(ComputeCloud.instances)/\(names[0])", body: Data()).status == 200
            )
            let second = try await cloud.api.get("\(all)&pageToken=\(token)").json
            let rest = second["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(rest.count == 2 && Set(names + rest).count == 4 && second["nextPageToken"] == nil)
        }
    }

    @Test(arguments: [
        ("zones/europe-west4-a", "name", "europe-west4-a"), ("regions/us-central1", "status", "UP"),
        ("zones/us-central1-a/machineTypes/n2-custom-4-8192", "memoryMb", "8192"),
        ("zones/us-central1-a/diskTypes/pd-ssd", "name", "pd-ssd"), ("global/networks/default", "name", "default"),
        ("regions/europe-west1/subnetworks/default", "ipCidrRange", "10.132.0.0/20"),
        ("global/firewalls/default-allow-ssh", "direction", "INGRESS"),
    ])
    func `what every project has is there`(path: String, field: String, value: String) async throws {
        try await ComputeCloud.run { cloud in
            let found = try await cloud.api.get("\(ComputeCloud.project)/\(path)").json[field]
            #expect(found?.string ?? found?.integer.map { String($0) } == value)
        }
    }

    @Test func `public images are found by family; unknown public projects have none`() async throws {
        try await ComputeCloud.run { cloud in
            let image = try await cloud.api.get(
                "/compute/v1/projects/deeplearning-platform-release/global/images/family/pytorch-latest-cpu"
            )
            #expect(image.json["status"] == "READY" && image.json["family"] == "pytorch-latest-cpu")
            let none = try await cloud.api.get("/compute/v1/projects/windows-cloud/global/images?maxResults=500")
            #expect(none.status == 200 && (none.json["items"]?.array ?? []).isEmpty)
        }
    }

    @Test func `the beta path is the same API`() async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.get("/compute/beta/projects/demo/zones/europe-west1-b")
            #expect(reply.status == 200)
        }
    }

    @Test func `an unknown operation answers 404 naming it`() async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.post("\(ComputeCloud.zone)/operations/none/wait")
            #expect(reply.status == 404 && (reply.message ?? "").contains("zones/europe-west1-b/operations/none"))
        }
    }
}
