import APIServer
import ArtifactRegistry
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private let root = "/artifactregistry/v1/projects/demo/locations/us"

@Suite("artifactregistry: pages, filters and orders of lists")
struct RepositoryListTests {
    private func names(_ reply: TestReply, _ field: String) -> [String] {
        (reply.json[field]?.array ?? []).compactMap { $0["name"]?.string.map { ResourceName(parsing: $0).last } }
    }

    @Test func `packages come in pages that hold each once, also when one goes meanwhile`() async throws {
        try await withRegistry { registry in
            for name in ["a", "b", "c", "d"] { try await registry.push("demo/\(name)", tag: "v1") }
            let packages = "\(root)/repositories/gcr.io/packages"
            let first = try await registry.api.get("\(packages)?pageSize=2")
            #expect(names(first, "packages") == ["a", "b"])
            let token = try #require(first.json["nextPageToken"]?.string?.replacing("=", with: "%3D"))
            _ = try await registry.api.delete("\(packages)/b")
            let second = try await registry.api.get("\(packages)?pageSize=2&pageToken=\(token)")
            #expect(names(second, "packages") == ["c", "d"] && second.json["nextPageToken"] == nil)
        }
    }

    @Test(arguments: [
        ("packages", "packages"), ("dockerImages", "dockerImages"), ("packages/many/versions", "versions"),
        ("packages/many/tags", "tags"), ("files", "files"),
    ])
    func `pages of one hold what one long page holds, each once`(path: String, field: String) async throws {
        try await withRegistry { registry in
            // Names whose order depends on how '/' is written.
            for name in ["a", "a-b", "a/b", "a.b", "a0"] { try await registry.push("demo/\(name)", tag: "v1") }
            for tag in ["v1", "v10", "v2"] { try await registry.push("demo/many", tag: tag, layer: tag) }
            let list = "\(root)/repositories/gcr.io/\(path)"
            let whole = try await registry.api.get(list).json[field]?.array ?? []
            #expect(whole.count >= 3)
            var (pieces, token) = ([JSON](), "")
            repeat {
                let page = try await registry.api.get("\(list)?pageSize=1&pageToken=\(token)").json
                pieces += page[field]?.array ?? []
                token = page["nextPageToken"]?.string?.replacing("=", with: "%3D").replacing("+", with: "%2B") ?? ""
            } while !token.isEmpty && pieces.count < 100
            #expect(pieces == whole)
        }
    }

    @Test(arguments: [
        ("name%20desc", ["c", "b", "a"]), ("create_time", ["b", "c", "a"]), ("createTime%20desc", ["a", "c", "b"]),
    ])
    func `packages are ordered by a field, in both directions`(order: String, expected: [String]) async throws {
        try await withRegistry { registry in
            for name in ["b", "c", "a"] {
                try await registry.push("demo/\(name)", tag: "v1")
                registry.clock.advance(by: 1)
            }
            let reply = try await registry.api.get("\(root)/repositories/gcr.io/packages?orderBy=\(order)")
            #expect(names(reply, "packages") == expected)
        }
    }

    @Test func `repositories, packages and tags are filtered by name, with wildcards`() async throws {
        try await withRegistry { registry in
            for tag in ["v1", "v2", "latest"] { try await registry.push("demo/trainer", tag: tag) }
            try await registry.push("demo/server", tag: "v1")
            let repositories = "projects/demo/locations/us/repositories"
            func filtered(_ path: String, _ filter: String, _ field: String) async throws -> [String] {
                let text = filter.replacing("=", with: "%3D").replacing("\"", with: "%22")
                return names(try await registry.api.get("\(root)/\(path)?filter=\(text)"), field)
            }
            #expect(try await filtered("repositories", "name=\"\(repositories)/gcr*\"", "repositories") == ["gcr.io"])
            #expect(try await filtered("repositories", "name=\"\(repositories)/other\"", "repositories") == [])
            let images = "\(repositories)/gcr.io/packages"
            #expect(
                try await filtered("repositories/gcr.io/packages", "name=\"\(images)/*ain*\"", "packages") == [
                    "trainer"
                ]
            )
            let tags = "repositories/gcr.io/packages/trainer/tags"
            #expect(try await filtered(tags, "name=\"\(images)/trainer/tags/v*\"", "tags") == ["v1", "v2"])
            let version = try await registry.api.get("\(root)/\(tags)/v1").json["version"]?.string ?? ""
            #expect(try await filtered(tags, "version=\"\(version)\"", "tags") == ["latest", "v1", "v2"])
        }
    }

    @Test(arguments: ["pageSize=-1", "pageToken=x", "orderBy=a,b", "filter=name", "pageSize=many"])
    func `what cannot be read is 400`(query: String) async throws {
        try await withRegistry { registry in
            try await registry.push("demo/trainer", tag: "v1")
            #expect(try await registry.api.get("\(root)/repositories/gcr.io/dockerImages?\(query)").status == 400)
        }
    }
}

@Suite("artifactregistry.projects.locations.repositories.files")
struct FileTests {
    @Test func `layers and manifests are files with their hash, and can be downloaded`() async throws {
        try await withRegistry { registry in
            let image = try await registry.push("demo/team/trainer", tag: "v1", layer: "bytes of the layer")
            let files = "\(root)/repositories/gcr.io/files"
            let all = try await registry.api.get(files).json["files"]?.array ?? []
            #expect(all.count == 3)
            let layer = digest("bytes of the layer")
            let one = try await registry.api.get("\(files)/\(layer)").json
            #expect(one["sizeBytes"] == "18" && one["hashes"]?[0]?["type"] == "SHA256")
            #expect(one["owner"]?.string?.hasSuffix("packages/team%2Ftrainer/versions/\(image)") == true)
            #expect(try await registry.api.get("\(files)/\(layer):download?alt=media").text == "bytes of the layer")
            let manifest = try await registry.api.get("\(files)/team%2Ftrainer%2Fmanifests%2F\(image):download")
            #expect(digest(manifest.text) == image)
            #expect(try await registry.api.get("\(files)/\(digest("else"))").status == 404)
            #expect(try await registry.api.delete("\(files)/\(layer)").status == 400)
        }
    }
}

@Suite("artifactregistry: access to one repository")
struct RepositoryPolicyTests {
    private let repository = "\(root)/repositories/gcr.io"
    private let binding = #"{"role":"roles/artifactregistry.reader","members":["allUsers"]}"#

    @Test func `a policy is set once it was read, and decides for all in the repository`() async throws {
        try await withRegistry { registry in
            try await registry.push("demo/trainer", tag: "v1")
            let first = try await registry.api.get("\(repository):getIamPolicy").json
            let set = try await registry.api.post(
                "\(repository):setIamPolicy",
                json: #"{"policy":{"bindings":[\#(binding)],"etag":"\#(first["etag"]?.string ?? "")"}}"#
            )
            #expect(set.status == 200 && set.json["etag"] != first["etag"])
            let stale = try await registry.api.post(
                "\(repository):setIamPolicy",
                json: #"{"policy":{"bindings":[],"etag":"\#(first["etag"]?.string ?? "")"}}"#
            )
            #expect(stale.status == 409)
            #expect(
                try await registry.api.get("\(repository):getIamPolicy").json["bindings"]?[0]?["members"] == [
                    "allUsers"
                ]
            )
            let name = "projects/123456789012/locations/us/repositories/gcr.io/packages/trainer"
            let policy = try await registry.registry.policies.policy(on: ResourceName(parsing: name))
            #expect(policy?.project == "demo" && policy?.bindings.first?.members == ["allUsers"])
        }
    }

    @Test func `a repository that does not exist has no policy of its own, and none can be set`() async throws {
        try await withRegistry { registry in
            let name = "projects/demo/locations/us/repositories/none"
            let policy = try await registry.registry.policies.policy(on: ResourceName(parsing: name))
            #expect(policy?.project == "demo" && policy?.bindings == [])
            let reply = try await registry.api.post("\(root)/repositories/none:setIamPolicy", json: #"{"policy":{}}"#)
            #expect(reply.status == 404)
            let bucket = try await registry.registry.policies.policy(
                on: ResourceName(["projects", "_", "buckets", "b"])
            )
            #expect(bucket == nil)
        }
    }

    @Test func `permissions are tested`() async throws {
        try await withRegistry { registry in
            try await registry.push("demo/trainer", tag: "v1")
            let reply = try await registry.api.post(
                "\(repository):testIamPermissions",
                json: #"{"permissions":["artifactregistry.repositories.downloadArtifacts"]}"#
            )
            #expect(reply.json["permissions"] == ["artifactregistry.repositories.downloadArtifacts"])
        }
    }
}

@Suite("artifactregistry: tags that stay")
struct ImmutableTagTests {
    @Test func `a tag of a repository with immutable tags cannot be moved`() async throws {
        try await withRegistry { registry in
            let host = "us-docker.pkg.dev"
            _ = try await registry.api.post(
                "\(root)/repositories?repositoryId=fixed",
                json: #"{"format":"DOCKER","dockerConfig":{"immutableTags":true}}"#
            )
            let first = try await registry.push("demo/fixed/app", tag: "v1", layer: "one", host: host)
            try await registry.push("demo/fixed/app", tag: "v1", layer: "one", host: host)
            try await registry.pushBlob("two", to: "demo/fixed/app", host: host)
            let moved = try await registry.putManifest(
                manifest(config: "{}", layer: "two"),
                "demo/fixed/app",
                "v1",
                host: host
            )
            #expect(moved.status == 400 && moved.text.contains("immutability"))
            let now = try await registry.send(.head, "/v2/demo/fixed/app/manifests/v1", host: host)
            #expect(now.headers.contains { $0.value == first })
        }
    }
}
