import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import MetadataStore
import OSLogin
import Synchronization
import Testing

private let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHNvbWUga2V5IHRoYXQgaXMgbm8gcmVhbCBvbmU= ada@laptop"
private let plainKey = key.replacing(" ada@laptop", with: "")
private let machine = ResourceName(parsing: "projects/demo/zones/us-central1-a/instances/vm")
private let neighbour = ResourceName(parsing: "projects/demo/zones/us-central1-a/instances/vm-2")
private let otherMachine = ResourceName(parsing: "projects/other/zones/us-central1-a/instances/vm")

/// Lets the owner do everything, one other account log in to one machine, and nobody else.
private struct TwoAccounts: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        let mayAll = caller.email == "owner@example.com"
        let mayLogIn = caller.email == "user@example.com" && permission == "compute.instances.osLogin"
        guard mayAll || (mayLogIn && resource == machine) else {
            throw GoogleError.forbidden("Permission '\(permission)' denied.")
        }
    }
}

private final class LoginCloud: Sendable {
    static let me = "/oslogin/v1/users/owner@example.com"
    let login: OSLogin
    let api: TestAPI
    /// As `user@example.com`.
    let others: TestAPI
    private let changes: Counter

    init() throws {
        login = OSLogin(
            store: try MetadataStore(inMemoryWith: [OSLoginSchema.self]),
            projects: DemoProject(),
            authorizer: TwoAccounts()
        )
        let counter = Counter()
        changes = counter
        api = TestAPI([login.api { counter.count() }])
        others = TestAPI(
            [login.api {}],
            authenticator: FixedIdentity(identity: .account("user@example.com"))
        )
    }

    var changeCount: Int { changes.value }

    func importKey(_ more: String = "", query: String = "?projectId=demo") async throws -> JSON {
        let reply = try await api.post("\(Self.me):importSshPublicKey\(query)", json: #"{"key": "\#(key)"\#(more)}"#)
        try #require(reply.status == 200, "\(reply.text)")
        return reply.json["loginProfile"] ?? [:]
    }
}

private final class Counter: Sendable {
    private let counted = Mutex(0)
    var value: Int { counted.withLock { $0 } }
    func count() { counted.withLock { $0 += 1 } }
}

@Suite("oslogin.users")
struct OSLoginTests {
    @Test func `an imported key lets its account in as its own user, and machines are told before the answer`()
        async throws
    {
        let cloud = try LoginCloud()
        #expect(try await cloud.api.get("\(LoginCloud.me)/loginProfile").json["posixAccounts"] == [])
        let profile = try await cloud.importKey()
        #expect(profile["name"] == "owner@example.com" && cloud.changeCount == 1)
        let user = profile["posixAccounts"]?[0]
        #expect(user?["username"] == "owner_example_com" && user?["primary"] == true && user?["accountId"] == "demo")
        #expect(profile["sshPublicKeys"]?.object?.values.map { $0["key"]?.string } == [key])
        #expect(try await cloud.login.keys(for: machine) == "owner_example_com:\(plainKey)")
        #expect(try await cloud.login.keys(for: otherMachine) == "")
        // The same again is the same.
        #expect(try await cloud.importKey() == profile)
    }

    @Test func `a key with an end carries it to machines`() async throws {
        let cloud = try LoginCloud()
        let profile = try await cloud.importKey(#", "expirationTimeUsec": "1699999999000000""#)
        func given(until end: String) -> String {
            #"owner_example_com:\#(plainKey) google-ssh {"userName":"owner_example_com","expireOn":"\#(end)"}"#
        }
        #expect(try await cloud.login.keys(for: machine) == given(until: "2023-11-14T22:13:19.000Z"))
        let fingerprint = try #require(profile["sshPublicKeys"]?.object?.keys.first)
        let path = "\(LoginCloud.me)/sshPublicKeys/\(fingerprint)"
        let changed = try await cloud.api.patch(path, json: #"{"expirationTimeUsec": "1700000001000000"}"#)
        #expect(changed.json["expirationTimeUsec"] == "1700000001000000")
        #expect(try await cloud.login.keys(for: machine) == given(until: "2023-11-14T22:13:21.000Z"))
        // Later than any year of four digits is never.
        _ = try await cloud.api.patch(path, json: #"{"expirationTimeUsec": "9223372036854775807"}"#)
        #expect(try await cloud.login.keys(for: machine) == "owner_example_com:\(plainKey)")
        #expect(try await cloud.api.get(path).json["fingerprint"]?.string == fingerprint)
        #expect(try await cloud.api.delete(path).status == 200)
        #expect(try await cloud.api.delete(path).status == 404)
        #expect(try await cloud.login.keys(for: machine) == "")
    }

    @Test func `who may log in and no more may not become root`() async throws {
        let cloud = try LoginCloud()
        let path = "/oslogin/v1/users/user@example.com:importSshPublicKey?projectId=demo"
        #expect(try await cloud.others.post(path, json: #"{"key": "\#(key)"}"#).status == 200)
        #expect(try await cloud.login.keys(for: machine) == "-user_example_com:\(plainKey)")
        #expect(try await cloud.login.keys(for: neighbour) == "")
    }

    @Test func `two accounts are not one user of a project`() async throws {
        let cloud = try LoginCloud()
        func imports(_ account: String, to project: String) async throws -> TestReply {
            let api = TestAPI([cloud.login.api {}], authenticator: FixedIdentity(identity: .account(account)))
            let path = "/oslogin/v1/users/\(account):importSshPublicKey?projectId=\(project)"
            return try await api.post(path, json: #"{"key": "\#(key)"}"#)
        }
        let (first, second) = ("worker@one.iam.gserviceaccount.com", "worker@two.iam.gserviceaccount.com")
        #expect(try await imports(first, to: "demo").status == 200)
        let refused = try await imports(second, to: "demo")
        #expect(refused.status == 409 && refused.text.contains("sa_worker") && refused.text.contains(first))
    }

    @Test func `a user is taken from a project`() async throws {
        let cloud = try LoginCloud()
        _ = try await cloud.importKey()
        #expect(try await cloud.api.delete("\(LoginCloud.me)/projects/demo").status == 200)
        #expect(try await cloud.login.keys(for: machine) == "")
        #expect(try await cloud.api.delete("\(LoginCloud.me)/projects/demo").status == 404)
    }

    @Test func `what is no key, and what is another's, is refused`() async throws {
        let cloud = try LoginCloud()
        for bad in ["", "AAAA", "ssh-rsa not-base64 me", #"ssh-rsa AAAA\nssh-rsa BBBB"#] {
            let reply = try await cloud.api.post("\(LoginCloud.me):importSshPublicKey", json: #"{"key": "\#(bad)"}"#)
            #expect(reply.status == 400, "\(bad): \(reply.text)")
        }
        let other = try await cloud.api.get("/oslogin/v1/users/bob@example.com/loginProfile")
        #expect(other.status == 403 && other.text.contains("bob@example.com"))
        #expect(cloud.changeCount == 0)
    }
}
