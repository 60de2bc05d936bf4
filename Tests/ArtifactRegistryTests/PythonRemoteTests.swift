import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Synchronization
import Testing

@Suite("Remote and virtual repositories of Python packages")
struct PythonRemoteTests {
    private let place = "/v1/projects/demo/locations/us-east1/repositories"
    private let api = "artifactregistry.googleapis.com"
    private let host = "us-east1-python.pkg.dev"
    private let wheel = "fog_lamp-1.0-py3-none-any.whl"
    private let json = "application/vnd.pypi.simple.v1+json"

    /// A remote repository `mirror` of an index that has one package, behind a password.
    private func withMirror(_ body: (TestRegistry, TestFetcher) async throws -> Void) async throws {
        let fetcher = TestFetcher()
        fetcher.answers.withLock { answers in
            answers["/files/\(wheel)"] = ("application/octet-stream", "wheel")
            answers["/simple/fog-lamp/"] = (
                json,
                """
                {"files": [{"filename": "\(wheel)", "url": "../../files/\(wheel)", "requires-python": ">=3.8",
                    "hashes": {"sha256": "\(digest("wheel").dropFirst(7))"}},
                    {"filename": "other-1.0.tar.gz", "url": "file:///etc/passwd", "hashes": {}}]}
                """
            )
        }
        try await withRegistry(fetcher: fetcher) { cloud in
            let made = try await create(
                "mirror",
                """
                {"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": {
                    "pythonRepository": {"customRepository": {"uri": "https://hub.test"}},
                    "upstreamCredentials": {"usernamePasswordCredentials": {"username": "fog",
                        "passwordSecretVersion": "projects/demo/secrets/index/versions/1"}}}}
                """,
                in: cloud
            )
            #expect(made.status == 200, "\(made.text)")
            try await body(cloud, fetcher)
        }
    }

    private func create(_ name: String, _ json: String, in cloud: TestRegistry) async throws -> TestReply {
        try await cloud.send(.post, "\(place)?repositoryId=\(name)", host: api, body: Data(json.utf8))
    }

    private func get(_ path: String, _ cloud: TestRegistry) async throws -> TestReply {
        try await cloud.send(.get, "/demo/\(path)", host: host)
    }

    @Test func `a package's page is the index's, its files are fetched once, checked and kept`() async throws {
        try await withMirror { cloud, fetcher in
            let page = try await get("mirror/simple/fog-lamp/", cloud)
            #expect(page.text.contains("\(wheel)#\(digest("wheel").replacing(":", with: "="))"))
            #expect(page.text.contains("&gt;=3.8") && !page.text.contains("other-1.0"))
            #expect(try await get("mirror/fog-lamp/\(wheel)", cloud).text == "wheel")
            fetcher.answers.withLock { $0 = [:] }
            #expect(try await get("mirror/fog-lamp/\(wheel)", cloud).text == "wheel")
            #expect(try await get("mirror/simple/fog-lamp/", cloud).text.contains(wheel))
            #expect(try await get("mirror/simple/", cloud).text.contains("fog-lamp"))
        }
    }

    @Test func `a file that is not what the index says is neither whole nor kept`() async throws {
        try await withMirror { cloud, fetcher in
            fetcher.answers.withLock { $0["/files/\(wheel)"]?.body = "liars" }
            await #expect(throws: (any Error).self) { _ = try await get("mirror/fog-lamp/\(wheel)", cloud) }
            fetcher.answers.withLock { $0["/files/\(wheel)"]?.body = "wheel" }
            let reply = try await get("mirror/fog-lamp/\(wheel)", cloud)
            #expect(reply.text == "wheel")
        }
    }

    @Test func `a virtual repository offers a version from the first upstream that has it`() async throws {
        try await withMirror { cloud, _ in
            _ = try await create("own", #"{"format": "PYTHON"}"#, in: cloud)
            let root = "projects/demo/locations/us-east1/repositories"
            let made = try await create(
                "all",
                """
                {"format": "PYTHON", "mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": {"upstreamPolicies": [
                    {"id": "a", "repository": "\(root)/mirror", "priority": 1},
                    {"id": "b", "repository": "\(root)/own", "priority": 2}]}}
                """,
                in: cloud
            )
            #expect(made.status == 200, "\(made.text)")
            #expect(try await get("all/fog-lamp/\(wheel)", cloud).text == "wheel")
            #expect(try await get("all/simple/none/", cloud).status == 404)
        }
    }

    @Test func `nothing is uploaded to a repository that is filled from elsewhere`() async throws {
        try await withMirror { cloud, _ in
            let reply = try await cloud.send(.post, "/demo/mirror/", host: host, body: Data("x".utf8))
            #expect(reply.status == 400 && reply.text.contains("REMOTE_REPOSITORY"), "\(reply.text)")
        }
    }

    @Test func `a package that the index lacks is not found, and an index that is away is named`() async throws {
        try await withMirror { cloud, _ in
            #expect(try await get("mirror/simple/none/", cloud).status == 404)
            _ = try await create(
                "gone",
                #"{"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": {"commonRepository": {"uri": "http://gone.test"}}}"#,
                in: cloud
            )
            let away = try await get("gone/simple/fog-lamp/", cloud)
            #expect(away.status == 503 && away.text.contains("gone.test"))
        }
    }
}
