import APIServer
import BrumeTesting
import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import ResourceManager
import ServiceUsage
import Synchronization
import Testing

/// Keeps policies in memory, as IAM would in rows.
private final class Policies: ProjectAccess {
    private let policies = Mutex<[String: Policy]>([:])

    func found(_ project: ProjectIdentity, owner: String, in db: Database) throws {
        let owners = Policy.Binding(role: "roles/owner", members: ["user:\(owner)"])
        policies.withLock { $0[project.id] = Policy(bindings: [owners]) }
    }

    func policy(ofProject id: String) async throws -> Policy { policies.withLock { $0[id] } ?? Policy() }

    func setPolicy(_ policy: Policy, ofProject id: String) async throws -> Policy {
        policies.withLock { $0[id] = policy }
        return policy
    }
}

private func withTestCloud(_ body: (TestAPI, ResourceManager) async throws -> Void) async throws {
    let store = try MetadataStore(inMemoryWith: [ResourceManagerSchema.self, ServiceUsageSchema.self])
    let numbers = Mutex<Int64>(100_000_000_000)
    let manager = ResourceManager(
        store: store,
        access: Policies(),
        now: { Date(timeIntervalSince1970: 1_800_000_000) },
        makeNumber: {
            numbers.withLock { number in
                number += 1
                return number
            }
        }
    )
    let ids = Mutex(0)
    let usage = ServiceUsage(store: store, projects: manager) {
        ids.withLock { id in
            id += 1
            return String(id)
        }
    }
    let everybody = FixedIdentity()
    try await body(TestAPI([manager.api(authorizer: everybody), usage.api(authorizer: everybody)]), manager)
}

private let projects = "/cloudresourcemanager/v1/projects"

@Suite("cloudresourcemanager.projects")
struct ProjectTests {
    @Test func `who must know of a project's new policy is told before the answer`() async throws {
        try await withTestCloud { _, manager in
            let told = Mutex<[String]>([])
            let api = TestAPI([manager.api(authorizer: FixedIdentity()) { id in told.withLock { $0.append(id) } }])
            _ = try await api.post(projects, json: #"{"projectId":"my-lab","name":"My Lab"}"#)
            let path = "\(projects)/my-lab:setIamPolicy"
            let viewers = #"{"policy": {"bindings": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}}"#
            #expect(try await api.post(path, json: viewers).status == 200)
            #expect(told.withLock { $0 } == ["my-lab"])
            #expect(try await api.post("\(projects)/none-such:setIamPolicy", json: viewers).status >= 400)
            #expect(told.withLock { $0 }.count == 1)
        }
    }

    @Test func `a project is created by a done operation, and found by ID and by number`() async throws {
        try await withTestCloud { api, manager in
            let made = try await api.post(projects, json: #"{"projectId":"my-lab","name":"My Lab"}"#)
            #expect(made.status == 200 && made.json["done"] == true)
            let number = try #require(made.json["response"]?["projectNumber"]?.string)
            #expect(number.count == 12)
            let got = try await api.get("\(projects)/\(number)")
            #expect(got.json["projectId"] == "my-lab" && got.json["lifecycleState"] == "ACTIVE")
            #expect(got.json["name"] == "My Lab" && got.json["updateTime"] == nil)
            #expect(try await String(manager.project("my-lab").number) == number)
            #expect(try await manager.project(number).id == "my-lab")
            let name = try #require(made.json["name"]?.string)
            #expect(try await api.get("/cloudresourcemanager/v1/\(name)").json["done"] == true)
        }
    }

    @Test(arguments: ["short", "Upper-case", "1digit", "ends-with-", "under_score", String(repeating: "a", count: 31)])
    func `an ID against the rules is 400 and names the field`(id: String) async throws {
        try await withTestCloud { api, _ in
            let reply = try await api.post(projects, json: #"{"projectId":"\#(id)"}"#)
            #expect(reply.status == 400 && reply.message?.contains("project_id") == true)
            #expect(try await api.get(projects).json == [:])
        }
    }

    @Test func `a taken ID is 409`() async throws {
        try await withTestCloud { api, _ in
            _ = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            let again = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            #expect(again.status == 409 && again.json["error"]?["status"] == "ALREADY_EXISTS")
        }
    }

    @Test(arguments: [
        ("lifecycleState:ACTIVE", ["lab-one", "lab-two"]), ("id:lab-one", ["lab-one"]),
        ("id:lab-*", ["lab-one", "lab-two"]),
        ("name:Second", ["lab-two"]), ("lifecycleState:ACTIVE AND labels.team=red", ["lab-one"]),
        ("lifecycleState:DELETE_REQUESTED", []),
    ])
    func `lists are filtered`(filter: String, expected: [String]) async throws {
        try await withTestCloud { api, _ in
            _ = try await api.post(projects, json: #"{"projectId":"lab-one","labels":{"team":"red"}}"#)
            _ = try await api.post(projects, json: #"{"projectId":"lab-two","name":"Second"}"#)
            let query = filter.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let listed = try await api.get("\(projects)?filter=\(query)").json["projects"]?.array ?? []
            #expect(listed.compactMap { $0["projectId"]?.string } == expected)
        }
    }

    @Test func `a filter on a field that projects lack is 400`() async throws {
        try await withTestCloud { api, _ in
            let reply = try await api.get("\(projects)?filter=colour:red")
            #expect(reply.status == 400)
        }
    }

    @Test func `a deleted project is out of reach until it is brought back`() async throws {
        try await withTestCloud { api, manager in
            _ = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            #expect(try await api.delete("\(projects)/my-lab").status == 200)
            await #expect(throws: GoogleError.self) { try await manager.project("my-lab") }
            #expect(try await api.get("\(projects)/my-lab").json["lifecycleState"] == "DELETE_REQUESTED")
            #expect(try await api.post("\(projects)/my-lab:undelete").status == 200)
            #expect(try await manager.project("my-lab").id == "my-lab")
        }
    }

    @Test func `v3 shows the same project in its own form`() async throws {
        try await withTestCloud { api, manager in
            _ = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            let got = try await api.get("/cloudresourcemanager/v3/projects/my-lab")
            let number = try await manager.project("my-lab").number
            #expect(got.json["name"] == .string("projects/\(number)") && got.json["state"] == "ACTIVE")
            let found = try await api.get("/cloudresourcemanager/v3/projects:search?query=id:my-lab")
            #expect(found.json["projects"]?[0]?["projectId"] == "my-lab")
        }
    }

    @Test func `the first project is made once, with its owner`() async throws {
        try await withTestCloud { _, manager in
            let owner = try await manager.bootstrap(project: "brume-local")
            let number = try await manager.project("brume-local").number
            #expect(owner == "owner@brume-local.iam.gserviceaccount.com")
            #expect(try await manager.bootstrap(project: "brume-local") == owner)
            #expect(try await manager.project("brume-local").number == number)
        }
    }
}

@Suite("serviceusage.services")
struct ServiceTests {
    @Test func `an enabled service is listed as such, a disabled one no more`() async throws {
        try await withTestCloud { api, _ in
            _ = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            let services = "/serviceusage/v1/projects/my-lab/services"
            func isEnabled() async throws -> Bool {
                let listed = try await api.get("\(services)?filter=state:ENABLED&pageSize=200")
                return listed.json["services"]?.array?.contains { $0["config"]?["name"] == "compute.googleapis.com" }
                    ?? false
            }
            #expect(try await !isEnabled())
            let enabled = try await api.post("\(services)/compute.googleapis.com:enable")
            #expect(enabled.json["done"] == true)
            #expect(try await isEnabled())
            let name = try #require(enabled.json["name"]?.string)
            #expect(try await api.get("/serviceusage/v1/\(name)").json == enabled.json)
            _ = try await api.post("\(services)/compute.googleapis.com:disable")
            #expect(try await !isEnabled())
            _ = try await api.post("\(services):batchEnable", json: #"{"serviceIds":["compute.googleapis.com"]}"#)
            #expect(try await isEnabled())
        }
    }

    @Test func `an unknown service is refused, and none of its batch is enabled`() async throws {
        try await withTestCloud { api, _ in
            _ = try await api.post(projects, json: #"{"projectId":"my-lab"}"#)
            let services = "/serviceusage/v1/projects/my-lab/services"
            let body = #"{"serviceIds":["compute.googleapis.com","nope.googleapis.com"]}"#
            let reply = try await api.post("\(services):batchEnable", json: body)
            #expect(reply.status == 404 && reply.reason == "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED")
            #expect(try await api.get("\(services)/compute.googleapis.com").json["state"] == "DISABLED")
        }
    }
}
