import APIServer
import BrumeTesting
import Crypto
import CryptoExtras
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import IAM
import MetadataStore
import Synchronization

/// IAM alone, with one project `demo` that `owner@demo…` owns, and a clock that tests turn.
final class TestCloud: Sendable {
    static let owner = "owner@demo.iam.gserviceaccount.com"
    let iam: IAM
    let access: AccessControl
    let store: MetadataStore
    let folder: URL
    private let time: Clock

    init(folder: URL, store: MetadataStore? = nil) async throws {
        let time = Clock()
        self.time = time
        self.folder = folder
        let store = try store ?? MetadataStore(inMemoryWith: [IAMSchema.self])
        self.store = store
        let iam = try IAM(store: store, keys: folder.appending(path: "keys"), now: { time.now })
        self.iam = iam
        access = AccessControl(iam, projects: DemoProject())
        try await store.database.write { db in
            try iam.found(.init(id: "demo", number: 123_456_789_012), owner: Self.owner, in: db)
        }
    }

    func pass(_ seconds: TimeInterval) { time.pass(seconds) }
    var now: Date { time.now }

    /// The APIs, called by whomever the credential of each call proves.
    var api: TestAPI {
        TestAPI(iam.apis(authorizer: access, projects: DemoProject()), authenticator: SignIn(iam))
    }

    /// The APIs, called by the owner.
    var asOwner: TestAPI { self.as(Self.owner) }

    func `as`(_ email: String) -> TestAPI {
        TestAPI(iam.apis(authorizer: access, projects: DemoProject()), identity: .account(email))
    }

    /// Makes an account and a key of it.
    func makeKey(of id: String = "trainer") async throws -> TestKey {
        _ = try await asOwner.post("/iam/v1/projects/demo/serviceAccounts", json: #"{"accountId":"\#(id)"}"#)
        let email = "\(id)@demo.iam.gserviceaccount.com"
        let reply = try await asOwner.post("/iam/v1/projects/demo/serviceAccounts/\(email)/keys")
        let file = Data(base64Encoded: reply.json["privateKeyData"]?.string ?? "") ?? Data()
        return try TestKey(file: JSON(parsing: file))
    }

    func exchange(_ assertion: String) async throws -> TestReply {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        return try await api.send(
            .post,
            "/token",
            headers: [.contentType: "application/x-www-form-urlencoded"],
            body: Data("assertion=\(assertion)&grant_type=\(grant)".utf8)
        )
    }
}

private final class Clock: Sendable {
    private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
    var now: Date { time.withLock { $0 } }
    func pass(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}

/// A key file in a client's hands: signs as Google's libraries do.
struct TestKey: Sendable {
    var email: String
    var id: String
    var key: _RSA.Signing.PrivateKey
    var file: JSON

    init(file: JSON) throws {
        self.file = file
        email = file["client_email"]?.string ?? ""
        id = file["private_key_id"]?.string ?? ""
        key = try _RSA.Signing.PrivateKey(pemRepresentation: file["private_key"]?.string ?? "")
    }

    func assertion(at now: Date, adding more: [String: JSON] = [:], header: [String: JSON] = [:]) throws -> String {
        let issued = Int64(now.timeIntervalSince1970)
        var claims: [String: JSON] = [
            "iss": .string(email), "sub": .string(email), "aud": "https://oauth2.googleapis.com/token",
            "iat": .integer(issued), "exp": .integer(issued + 3600),
        ]
        claims.merge(more) { $1 }
        var head: [String: JSON] = ["alg": "RS256", "typ": "JWT", "kid": .string(id)]
        head.merge(header) { $1 }
        let signed = Self.text(try JSON.object(head).data()) + "." + Self.text(try JSON.object(claims).data())
        let signature = try key.signature(for: SHA256.hash(data: Data(signed.utf8)), padding: .insecurePKCS1v1_5)
        return signed + "." + Self.text(signature.rawRepresentation)
    }

    private static func text(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// A cloud of IAM alone, in a folder that goes away with the test.
func withTestCloud(_ body: (TestCloud) async throws -> Void) async throws {
    try await withScratchFolder { folder in try await body(try await TestCloud(folder: folder)) }
}

extension IAM {
    /// Whose token it is.
    func email(ofAccessToken token: String) async throws -> String? {
        try await Caller(identity: identity(ofAccessToken: token), origin: "", requestID: "").email
    }
}
