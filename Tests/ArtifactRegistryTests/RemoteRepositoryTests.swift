import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Synchronization
import Testing

@Suite("Remote and virtual repositories")
struct RemoteRepositoryTests {
    private let place = "/v1/projects/demo/locations/us-east1/repositories"
    private let api = "artifactregistry.googleapis.com"
    private let host = "us-east1-docker.pkg.dev"

    private func create(_ name: String, _ json: String, in cloud: TestRegistry) async throws -> TestReply {
        try await cloud.send(.post, "\(place)?repositoryId=\(name)", host: api, body: Data(json.utf8))
    }

    /// A remote repository `mirror` of a registry that has `tools/fog:1`.
    private func withMirror(_ body: (TestRegistry, TestFetcher) async throws -> Void) async throws {
        let fetcher = TestFetcher()
        let text = manifest(config: "{}", layer: "layer")
        fetcher.answers.withLock { answers in
            for reference in ["1", digest(text)] {
                answers["/v2/tools/fog/manifests/\(reference)"] = (dockerManifest, text)
            }
            for blob in ["{}", "layer"] {
                answers["/v2/tools/fog/blobs/\(digest(blob))"] = ("application/octet-stream", blob)
            }
        }
        try await withRegistry(fetcher: fetcher) { cloud in
            let reply = try await create(
                "mirror",
                """
                {"format": "DOCKER", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig":
                    {"dockerRepository": {"customRepository": {"uri": "https://hub.test"}}}}
                """,
                in: cloud
            )
            #expect(reply.status == 200, "\(reply.text)")
            try await body(cloud, fetcher)
        }
    }

    private func pull(_ path: String, _ cloud: TestRegistry) async throws -> TestReply {
        try await cloud.send(.get, "/v2/demo/\(path)", host: host)
    }

    @Test func `what is pulled is fetched once, kept, and served without the upstream`() async throws {
        try await withMirror { cloud, fetcher in
            let first = try await pull("mirror/tools/fog/manifests/1", cloud)
            #expect(first.status == 200 && first.headers[.contentType] == dockerManifest)
            #expect(first.text == manifest(config: "{}", layer: "layer"))
            let blob = digest("layer")
            #expect(try await pull("mirror/tools/fog/blobs/\(blob)", cloud).text == "layer")
            fetcher.answers.withLock { $0["/v2/tools/fog/blobs/\(blob)"] = nil }
            #expect(try await pull("mirror/tools/fog/blobs/\(blob)", cloud).text == "layer")
            // A tag is asked for again, by its digest alone.
            fetcher.asked.withLock { $0 = [] }
            #expect(try await pull("mirror/tools/fog/manifests/1", cloud).text == first.text)
            let asked = fetcher.asked.withLock(\.self)
            #expect(!asked.isEmpty && !asked.contains { $0.hasPrefix("GET /v2") })
        }
    }

    @Test func `a tag that moved is fetched anew, and one that never was is unknown`() async throws {
        try await withMirror { cloud, fetcher in
            _ = try await pull("mirror/tools/fog/manifests/1", cloud)
            let other = manifest(config: "{}", layer: "other")
            fetcher.answers.withLock { $0["/v2/tools/fog/manifests/1"] = (dockerManifest, other) }
            #expect(try await pull("mirror/tools/fog/manifests/1", cloud).text == other)
            #expect(try await pull("mirror/tools/fog/manifests/2", cloud).status == 404)
            #expect(try await pull("mirror/tools/fog/blobs/\(digest("none"))", cloud).status == 404)
        }
    }

    @Test func `content of another digest is neither kept nor whole`() async throws {
        try await withMirror { cloud, fetcher in
            let blob = digest("layer")
            fetcher.answers.withLock { $0["/v2/tools/fog/blobs/\(blob)"]?.body = "liars" }
            await #expect(throws: (any Error).self) { _ = try await pull("mirror/tools/fog/blobs/\(blob)", cloud) }
            fetcher.answers.withLock { $0["/v2/tools/fog/blobs/\(blob)"]?.body = "layer" }
            let reply = try await pull("mirror/tools/fog/blobs/\(blob)", cloud)
            #expect(reply.text == "layer")
        }
    }

    @Test func `an upstream that cannot be reached is named`() async throws {
        try await withRegistry { cloud in
            _ = try await create(
                "gone",
                #"{"format": 1, "mode": 3, "remoteRepositoryConfig": {"commonRepository": {"uri": "http://gone.test"}}}"#,
                in: cloud
            )
            let reply = try await pull("gone/tools/fog/manifests/1", cloud)
            #expect(reply.status == 503 && reply.text.contains("gone.test"))
        }
    }

    @Test func `nobody pushes into a remote repository`() async throws {
        try await withMirror { cloud, _ in
            let begun = try await cloud.send(.post, "/v2/demo/mirror/a/blobs/uploads/", host: host)
            #expect(begun.status == 400 && begun.text.contains("REMOTE_REPOSITORY"))
            let put = try await cloud.putManifest(manifest(config: "{}", layer: "x"), "demo/mirror/a", "1", host: host)
            #expect(put.status == 400)
        }
    }

    @Test func `a virtual repository looks in its upstreams, the highest priority first`() async throws {
        try await withMirror { cloud, fetcher in
            _ = try await create("own", #"{"format": "DOCKER"}"#, in: cloud)
            func policies(_ own: Int) -> String {
                let root = "projects/demo/locations/us-east1/repositories"
                return """
                    {"format": "DOCKER", "mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": {"upstreamPolicies": [
                        {"id": "a", "repository": "\(root)/mirror", "priority": 50},
                        {"id": "b", "repository": "\(root)/own", "priority": \(own)}]}}
                    """
            }
            #expect(try await create("all", policies(100), in: cloud).status == 200)
            // Only the mirror has it yet.
            let theirs = try await pull("all/tools/fog/manifests/1", cloud)
            #expect(theirs.text == manifest(config: "{}", layer: "layer"))
            #expect(try await pull("all/tools/fog/blobs/\(digest("layer"))", cloud).text == "layer")
            try await cloud.push("demo/own/tools/fog", tag: "1", layer: "mine", host: host)
            #expect(try await pull("all/tools/fog/manifests/1", cloud).text == manifest(config: "{}", layer: "mine"))
            #expect(try await pull("all/tools/fog/blobs/\(digest("mine"))", cloud).text == "mine")
            #expect(try await pull("all/tools/fog/tags/list", cloud).json["tags"] == ["1"])
            // The priorities are turned round.
            let patched = try await cloud.send(
                .patch,
                "\(place)/all?updateMask=virtualRepositoryConfig",
                host: api,
                body: Data(policies(1).utf8)
            )
            #expect(patched.status == 200)
            #expect(try await pull("all/tools/fog/manifests/1", cloud).text == theirs.text)
        }
    }

    @Test(arguments: [
        (#"{"format": "DOCKER", "mode": "REMOTE_REPOSITORY"}"#, 400),
        (
            #"{"format": "DOCKER", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": {"dockerRepository": {"customRepository": {"uri": "file:///etc/passwd"}}}}"#,
            400
        ),
        (#"{"format": "PYTHON", "mode": "REMOTE_REPOSITORY"}"#, 400),
        (
            #"{"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": {"pythonRepository": {"publicRepository": "PYPI"}, "upstreamCredentials": {"usernamePasswordCredentials": {"username": "fog"}}}}"#,
            400
        ),
        (
            #"{"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": {"pythonRepository": {"publicRepository": "PYPI"}, "upstreamCredentials": {"usernamePasswordCredentials": {"username": "fog", "passwordSecretVersion": "projects/demo/secrets/other/versions/1"}}}}"#,
            403
        ),
        (#"{"format": "DOCKER", "mode": "VIRTUAL_REPOSITORY"}"#, 400),
        (
            #"{"format": "DOCKER", "mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": {"upstreamPolicies": [{"repository": "projects/demo/locations/us-east1/repositories/none"}]}}"#,
            404
        ),
        (
            #"{"format": "DOCKER", "mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": {"upstreamPolicies": [{"repository": "projects/other/locations/us-east1/repositories/x"}]}}"#,
            400
        ),
    ])
    func `a repository that could find nothing is refused`(json: String, status: Int) async throws {
        try await withRegistry { cloud in
            let reply = try await create("bad", json, in: cloud)
            #expect(reply.status == status)
        }
    }
}
