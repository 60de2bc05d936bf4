import APIServer
import ArtifactRegistry
import BlobStore
import BrumeTesting
import Crypto
import Foundation
import GoogleAPI
import HTTPTypes
import Logging
import MetadataStore
import NIOCore
import Operations
import Synchronization

/// A registry in memory with its API, and a client of it.
struct TestRegistry {
    let api: TestAPI
    let registry: ArtifactRegistry
    let clock: TestClock
    let files: BlobStore

    func send(
        _ method: HTTPRequest.Method,
        _ target: String,
        host: String = "gcr.io",
        headers: HTTPFields = [:],
        body: Data = Data(),
        token: String? = "token"
    ) async throws -> TestReply {
        var headers = headers
        if let token { headers[.authorization] = "Bearer \(token)" }
        return try await api.send(method, target, host: host, headers: headers, body: body)
    }

    /// Pushes a blob whole; returns its digest.
    @discardableResult
    func pushBlob(_ text: String, to name: String, host: String = "gcr.io") async throws -> String {
        let digest = digest(text)
        _ = try await send(.post, "/v2/\(name)/blobs/uploads/?digest=\(digest)", host: host, body: Data(text.utf8))
        return digest
    }

    /// Pushes an image of one layer; returns its manifest's digest.
    @discardableResult
    func push(_ name: String, tag: String, layer: String = "layer", host: String = "gcr.io") async throws -> String {
        try await pushBlob("{}", to: name, host: host)
        try await pushBlob(layer, to: name, host: host)
        let manifest = manifest(config: "{}", layer: layer)
        let reply = try await putManifest(manifest, name, tag, host: host)
        guard reply.status == 201 else { throw GoogleError.invalid("push failed: \(reply.text)") }
        return digest(manifest)
    }

    func putManifest(_ text: String, _ name: String, _ reference: String, host: String = "gcr.io") async throws
        -> TestReply
    {
        try await send(
            .put,
            "/v2/\(name)/manifests/\(reference)",
            host: host,
            headers: [.contentType: dockerManifest],
            body: Data(text.utf8)
        )
    }
}

let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

func digest(_ text: String) -> String {
    "sha256:"
        + SHA256.hash(data: Data(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

func manifest(config: String, layer: String) -> String {
    """
    {"schemaVersion":2,"mediaType":"\(dockerManifest)",
    "config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":\(config.utf8.count),"digest":"\(digest(config))"},
    "layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":\(layer.utf8.count),"digest":"\(digest(layer))"}]}
    """
}

final class TestClock: Sendable {
    private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
    var now: Date { time.withLock { $0 } }
    func advance(by seconds: Double) { time.withLock { $0 += seconds } }
}

/// Knows one token, `token`, and one key file.
struct TestAccounts: RegistryAccounts {
    func accessToken(forKeyFile json: String) async throws -> String {
        guard json.contains("robot") else {
            throw GoogleError(.unauthenticated, reason: "authError", message: "unknown key")
        }
        return "token"
    }

    func identity(ofAccessToken token: String) async throws -> Caller.Identity {
        guard token == "token" else {
            throw GoogleError(.unauthenticated, reason: "authError", message: "unknown token")
        }
        return .account("owner@example.com")
    }
}

/// Lets signed-in callers do everything.
struct SignedIn: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        if caller.identity == .anonymous {
            throw GoogleError(.unauthenticated, reason: "required", message: "Sign in.")
        }
    }
}

/// One secret, which the repository's service agent may read.
struct TestSecrets: UpstreamSecrets {
    func value(of version: String, as account: String) async throws -> Data {
        guard version == "projects/demo/secrets/index/versions/1",
            account.hasSuffix("@gcp-sa-artifactregistry.iam.gserviceaccount.com")
        else { throw GoogleError.forbidden("no access to \(version)") }
        return Data("hush".utf8)
    }
}

/// One public image, which is pushed when it is asked for.
final class TestUpstream: UpstreamImages {
    let pushed = Mutex<(@Sendable () async throws -> Void)?>(nil)
    func knows(_ name: String) -> Bool { name == "gcr.io/cloud-builders/docker" }
    func names(under prefix: String) -> [String] {
        "gcr.io/cloud-builders/docker".hasPrefix(prefix + "/") ? ["gcr.io/cloud-builders/docker"] : []
    }
    func provide(_ reference: String) async throws -> Bool {
        guard let push = pushed.withLock({ $0 }) else { return false }
        try await push()
        return true
    }
}

/// Registries elsewhere, as a table of what they answer; what it does not know cannot be reached.
final class TestFetcher: RemoteFetcher {
    let answers = Mutex<[String: (type: String, body: String)]>([:])
    let asked = Mutex<[String]>([])

    func fetch(_ method: HTTPRequest.Method, _ url: URL, headers: HTTPFields) async throws -> RemoteAnswer {
        asked.withLock { $0.append("\(method.rawValue) \(url.path())") }
        guard url.host() == "hub.test" else { throw NoRoute() }
        // Pulls need a token, as Docker Hub's do.
        if url.path() == "/token" {
            let body = url.query() == "scope=repository:tools/fog:pull&service=hub" ? #"{"token": "pass"}"# : "{}"
            return answer(200, "application/json", body)
        }
        // An index of packages is for those who know the password.
        if url.path().hasPrefix("/simple") || url.path().hasPrefix("/files") {
            let password = "Basic " + Data("fog:hush".utf8).base64EncodedString()
            guard headers[.authorization] == password else { return answer(401, "text/plain", "") }
            guard let known = answers.withLock({ $0[url.path()] }) else { return answer(404, "text/plain", "") }
            return answer(200, known.type, known.body)
        }
        guard headers[.authorization] == "Bearer pass" else {
            var refusal = answer(401, "text/plain", "")
            refusal.headers[.wwwAuthenticate] = #"Bearer realm="https://hub.test/token",service="hub""#
            return refusal
        }
        guard let known = answers.withLock({ $0[url.path()] }) else { return answer(404, "text/plain", "") }
        return answer(200, known.type, known.body)
    }

    private struct NoRoute: Error {}

    private func answer(_ status: Int, _ type: String, _ body: String) -> RemoteAnswer {
        var headers: HTTPFields = [.contentType: type, .contentLength: String(body.utf8.count)]
        if let name = HTTPField.Name("Docker-Content-Digest") { headers[name] = digest(body) }
        return RemoteAnswer(
            status: status,
            headers: headers,
            body: AsyncThrowingStream { stream in
                for byte in body.utf8 { stream.yield(ByteBuffer(bytes: [byte])) }
                stream.finish()
            }
        )
    }
}

func withRegistry(
    upstream: TestUpstream = TestUpstream(),
    fetcher: TestFetcher = TestFetcher(),
    _ body: (TestRegistry) async throws -> Void
) async throws {
    try await withScratchFolder { folder in
        let clock = TestClock()
        let files = try BlobStore(folder: folder)
        let registry = ArtifactRegistry(
            store: try MetadataStore(inMemoryWith: [OperationsSchema.self, ArtifactRegistrySchema.self]),
            blobs: files,
            projects: DemoProject(),
            accounts: TestAccounts(),
            authorizer: SignedIn(),
            upstream: upstream,
            fetcher: fetcher,
            secrets: TestSecrets(),
            system: RegistrySystemAccount(password: "secret"),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            now: { clock.now },
            makeID: { UUID().uuidString.lowercased() }
        )
        let api = TestAPI([
            registry.pythonAPI(authorizer: SignedIn()), registry.registryAPI(), registry.api(authorizer: SignedIn()),
        ])
        try await body(TestRegistry(api: api, registry: registry, clock: clock, files: files))
    }
}
