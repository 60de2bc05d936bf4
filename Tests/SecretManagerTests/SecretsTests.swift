import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import MetadataStore
import SecretManager
import Testing

/// Lets one account read secrets, and the owner do everything.
private struct OneReader: Authorizer {
    static let account = "reader@demo.iam.gserviceaccount.com"

    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        guard caller.email == "owner@example.com" || caller.email == Self.account else {
            throw GoogleError.forbidden("Permission '\(permission)' denied on '\(resource)'.")
        }
    }
}

private struct SecretCloud {
    static let all = "/secretmanager/v1/projects/demo/secrets"
    let manager: SecretManager
    let api: TestAPI

    init() throws {
        manager = SecretManager(
            store: try MetadataStore(inMemoryWith: [SecretManagerSchema.self]),
            projects: DemoProject(),
            authorizer: OneReader(),
            now: { Date(timeIntervalSince1970: 1_700_000_000) },
            makeID: { UUID().uuidString }
        )
        api = TestAPI([manager.api(authorizer: FixedIdentity())])
    }

    func create(_ name: String, more: String = "") async throws -> TestReply {
        try await api.post("\(Self.all)?secretId=\(name)", json: #"{"replication": {"automatic": {}}\#(more)}"#)
    }

    @discardableResult
    func add(_ payload: String, to name: String) async throws -> TestReply {
        let data = Data(payload.utf8).base64EncodedString()
        return try await api.post("\(Self.all)/\(name):addVersion", json: #"{"payload": {"data": "\#(data)"}}"#)
    }

    func access(_ version: String, of name: String) async throws -> TestReply {
        try await api.get("\(Self.all)/\(name)/versions/\(version):access")
    }

    func text(_ version: String, of name: String) async throws -> String? {
        try await access(version, of: name).json["payload"]?["data"]?.string
            .flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }
}

@Suite("secretmanager.projects.secrets")
struct SecretsTests {
    @Test func `a secret is made, found by the project's ID and number, listed and deleted`() async throws {
        let cloud = try SecretCloud()
        let made = try await cloud.create("fog", more: #", "labels": {"env": "prod"}"#)
        #expect(made.status == 200 && made.json["name"] == "projects/123456789012/secrets/fog")
        #expect(made.json["createTime"]?.string?.hasPrefix("2023-11-14T") == true && made.json["etag"] != nil)
        let again = try await cloud.create("fog")
        #expect(again.status == 409)
        #expect(again.message == "Secret [projects/123456789012/secrets/fog] already exists.")
        let byNumber = try await cloud.api.get("/secretmanager/v1/projects/123456789012/secrets/fog")
        #expect(byNumber.json == made.json)
        #expect(try await cloud.api.delete("\(SecretCloud.all)/fog").status == 200)
        #expect(try await cloud.api.get("\(SecretCloud.all)/fog").status == 404)
        #expect(try await cloud.api.get(SecretCloud.all).json == ["totalSize": 0])
    }

    @Test(arguments: ["", "a.b", "a%2Fb", "%C3%A4", String(repeating: "x", count: 256)])
    func `a name that is none is refused`(name: String) async throws {
        #expect(try await SecretCloud().create(name).status == 400)
    }

    @Test(arguments: ["\"ttl\": \"60s\"", "\"topics\": [{\"name\": \"t\"}]", "\"rotation\": {}"])
    func `what would have to be carried out is refused`(field: String) async throws {
        let cloud = try SecretCloud()
        #expect(try await cloud.create("fog", more: ", \(field)").status == 501)
        #expect(try await cloud.api.get("\(SecretCloud.all)/fog").status == 404)
    }

    @Test func `lists come in pages, and by filter`() async throws {
        let cloud = try SecretCloud()
        for name in ["a-pass", "b-pass", "c-key"] {
            _ = try await cloud.create(name, more: #", "labels": {"env": "\#(name == "a-pass" ? "prod" : "test")"}"#)
        }
        func names(_ query: String) async throws -> [String] {
            try await cloud.api.get("\(SecretCloud.all)?\(query)").json["secrets"]?.array?
                .compactMap { $0["name"]?.string.map { ResourceName(parsing: $0).last } } ?? []
        }
        let first = try await cloud.api.get("\(SecretCloud.all)?pageSize=2")
        #expect(first.json["secrets"]?.array?.count == 2 && first.json["totalSize"] == 3)
        let token = try #require(first.json["nextPageToken"]?.string)
        #expect(try await names("pageSize=2&pageToken=\(token)") == ["c-key"])
        #expect(try await names("filter=name:pass") == ["a-pass", "b-pass"])
        #expect(try await names("filter=labels.env%3Dtest%20AND%20name:pass") == ["b-pass"])
        #expect(try await names("filter=name:key%20OR%20labels.env=prod") == ["a-pass", "c-key"])
        #expect(try await cloud.api.get("\(SecretCloud.all)?filter=color=red").status == 400)
        #expect(try await cloud.api.get("\(SecretCloud.all)?pageSize=-1").status == 400)
    }

    @Test func `a patch changes what its mask names, unless the secret has changed`() async throws {
        let cloud = try SecretCloud()
        let etag = try #require(try await cloud.create("fog").json["etag"])
        let path = "\(SecretCloud.all)/fog"
        let patched = try await cloud.api.patch("\(path)?updateMask=labels", json: #"{"labels": {"a": "b"}}"#)
        #expect(patched.json["labels"] == ["a": "b"] && patched.json["etag"] != etag)
        let body: JSON = ["labels": [:], "etag": etag]
        let stale = try await cloud.api.patch(
            "\(path)?updateMask=labels",
            json: String(decoding: try body.data(), as: UTF8.self)
        )
        #expect(stale.status == 400)
        #expect(try await cloud.api.patch("\(path)?updateMask=replication", json: "{}").status == 400)
        #expect(try await cloud.api.get(path).json["labels"] == ["a": "b"])
    }

    @Test func `a policy that was changed meanwhile is not overwritten`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        let path = "\(SecretCloud.all)/fog"
        let policy = #"{"policy": {"etag": "ACAB", "bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"]}]}}"#
        #expect(try await cloud.api.post("\(path):setIamPolicy", json: policy).status == 200)
        #expect(try await cloud.api.post("\(path):setIamPolicy", json: policy).status == 409)
        let bindings = try await cloud.manager.policies.policy(on: .init(["projects", "demo", "secrets", "fog"]))
        #expect(bindings?.bindings.map(\.role) == ["roles/viewer"])
    }
}

@Suite("secretmanager.projects.secrets.versions")
struct VersionsTests {
    @Test func `versions count up, and latest is the newest`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        let none = try await cloud.access("latest", of: "fog")
        #expect(none.status == 404 && none.message?.contains("has no versions") == true)
        try await cloud.add("one", to: "fog")
        let second = try await cloud.add("two", to: "fog")
        #expect(second.json["name"] == "projects/123456789012/secrets/fog/versions/2")
        #expect(second.json["state"] == "ENABLED")
        #expect(try await cloud.text("1", of: "fog") == "one")
        #expect(try await cloud.text("latest", of: "fog") == "two")
        let listed = try await cloud.api.get("\(SecretCloud.all)/fog/versions")
        #expect(listed.json["versions"]?.array?.compactMap { $0["name"]?.string?.last } == ["2", "1"])
        #expect(!listed.text.contains("payload"))
        #expect(try await cloud.access("3", of: "fog").status == 404)
    }

    @Test func `a payload with a wrong checksum is refused, one with the right one is marked`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        func add(_ checksum: String) async throws -> TestReply {
            try await cloud.api.post(
                "\(SecretCloud.all)/fog:addVersion",
                json: #"{"payload": {"data": "MTIzNDU2Nzg5", "dataCrc32c": "\#(checksum)"}}"#
            )
        }
        #expect(try await add("1").status == 400)
        #expect(try await cloud.access("latest", of: "fog").status == 404)
        // The CRC-32C of "123456789" in every catalogue of such sums.
        #expect(try await add(String(0xE306_9283)).json["clientSpecifiedPayloadChecksum"] == true)
        let read = try await cloud.access("1", of: "fog")
        #expect(read.json["payload"]?["dataCrc32c"] == .string(String(0xE306_9283)))
    }

    @Test func `base64 in the alphabet of URLs is read, what is too long is not taken`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        let path = "\(SecretCloud.all)/fog:addVersion"
        #expect(try await cloud.api.post(path, json: #"{"payload": {"data": "_-8"}}"#).status == 200)
        #expect(try await cloud.access("1", of: "fog").json["payload"]?["data"] == "/+8=")
        #expect(try await cloud.api.post(path, json: #"{"payload": {"data": "!!!!"}}"#).status == 400)
        #expect(try await cloud.api.post(path, json: #"{"payload": {}}"#).status == 400)
        #expect(try await cloud.add(String(repeating: "x", count: 65_536), to: "fog").status == 200)
        #expect(try await cloud.add(String(repeating: "x", count: 65_537), to: "fog").status == 400)
    }

    @Test func `a disabled version is not read until it is enabled, a destroyed one never again`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        try await cloud.add("one", to: "fog")
        let path = "\(SecretCloud.all)/fog/versions/1"
        #expect(try await cloud.api.post("\(path):disable").json["state"] == "DISABLED")
        let refused = try await cloud.access("1", of: "fog")
        #expect(refused.status == 400 && refused.message?.hasSuffix("is in DISABLED state.") == true)
        _ = try await cloud.api.post("\(path):enable")
        #expect(try await cloud.text("1", of: "fog") == "one")
        #expect(try await cloud.api.post("\(path):destroy").json["destroyTime"] != nil)
        #expect(try await cloud.access("1", of: "fog").status == 400)
        #expect(try await cloud.api.post("\(path):enable").status == 400)
        #expect(try await cloud.add("two", to: "fog").json["name"]?.string?.hasSuffix("/2") == true)
    }

    @Test func `an alias names a version`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog", more: #", "versionAliases": {"good": "1"}"#)
        try await cloud.add("one", to: "fog")
        try await cloud.add("two", to: "fog")
        #expect(try await cloud.text("good", of: "fog") == "one")
        #expect(try await cloud.text("bad", of: "fog") == nil)
    }

    @Test func `another service reads in the name of an account that may`() async throws {
        let cloud = try SecretCloud()
        _ = try await cloud.create("fog")
        try await cloud.add("one", to: "fog")
        let name = "projects/demo/secrets/fog/versions/latest"
        let payload = try await cloud.manager.payload(of: name, as: OneReader.account)
        #expect(payload == Data("one".utf8))
        await #expect(throws: GoogleError.self) {
            _ = try await cloud.manager.payload(of: name, as: "other@demo.iam.gserviceaccount.com")
        }
    }
}
