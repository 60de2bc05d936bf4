import ArtifactRegistry
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Synchronization
import Testing

@Suite("registry: push and pull")
struct PushAndPullTests {
    @Test func `what is pushed under gcr io is pulled under a plain host, by tag and by digest`() async throws {
        try await withRegistry { registry in
            let digest = try await registry.push("demo/team/trainer", tag: "v1")
            for reference in ["v1", digest] {
                let reply = try await registry.send(
                    .get,
                    "/v2/demo/team/trainer/manifests/\(reference)",
                    host: "localhost:4600"
                )
                #expect(reply.status == 200)
                #expect(reply.text == manifest(config: "{}", layer: "layer"))
                #expect(reply.headers[.contentType] == dockerManifest)
            }
        }
    }

    @Test func `an upload in chunks is resumed where it is, and refused elsewhere`() async throws {
        try await withRegistry { registry in
            let begun = try await registry.send(.post, "/v2/demo/image/blobs/uploads/")
            #expect(begun.status == 202)
            let location = try #require(begun.headers[.location]).replacingOccurrences(of: "http://gcr.io", with: "")
            let first = try await registry.send(
                .patch,
                location,
                headers: [.contentRange: "0-3"],
                body: Data("hell".utf8)
            )
            #expect(first.status == 202 && first.headers[.range] == "0-3")
            let wrong = try await registry.send(.patch, location, headers: [.contentRange: "9-9"], body: Data("o".utf8))
            #expect(wrong.status == 416)
            let state = try await registry.send(.get, location)
            #expect(state.status == 204 && state.headers[.range] == "0-3")
            let name = digest("hello")
            let end = try await registry.send(.put, "\(location)?digest=\(name)", body: Data("o".utf8))
            #expect(end.status == 201)
            let part = try await registry.send(.get, "/v2/demo/image/blobs/\(name)", headers: [.range: "bytes=1-2"])
            #expect(part.status == 206 && part.text == "el" && part.headers[.contentRange] == "bytes 1-2/5")
        }
    }

    @Test func `content with another digest is refused and not kept`() async throws {
        try await withRegistry { registry in
            let wrong = digest("other")
            let reply = try await registry.send(
                .post,
                "/v2/demo/image/blobs/uploads/?digest=\(wrong)",
                body: Data("hello".utf8)
            )
            #expect(reply.status == 400 && reply.json["errors"]?[0]?["code"] == "DIGEST_INVALID")
            for text in ["other", "hello"] {
                #expect(try await registry.send(.head, "/v2/demo/image/blobs/\(digest(text))").status == 404)
            }
        }
    }

    @Test func `a manifest that names a missing blob is refused`() async throws {
        try await withRegistry { registry in
            try await registry.pushBlob("{}", to: "demo/image")
            let reply = try await registry.putManifest(manifest(config: "{}", layer: "absent"), "demo/image", "v1")
            #expect(reply.status == 400 && reply.json["errors"]?[0]?["code"] == "MANIFEST_BLOB_UNKNOWN")
            #expect(try await registry.send(.get, "/v2/demo/image/manifests/v1").status == 404)
        }
    }

    @Test(arguments: ["demo/../image", "Demo/image", "demo", "demo/-image"])
    func `a name that is none is refused`(name: String) async throws {
        try await withRegistry { registry in
            let reply = try await registry.send(.post, "/v2/\(name)/blobs/uploads/")
            #expect(reply.status == 400 && reply.json["errors"]?[0]?["code"] == "NAME_INVALID")
        }
    }

    @Test func `segments named blobs and tags are part of a name`() async throws {
        try await withRegistry { registry in
            try await registry.push("demo/blobs/tags", tag: "v1")
            #expect(try await registry.send(.get, "/v2/demo/blobs/tags/manifests/v1").status == 200)
        }
    }

    @Test func `deleting a tag leaves the others, and a tagged manifest cannot be deleted`() async throws {
        try await withRegistry { registry in
            let digest = try await registry.push("demo/image", tag: "v1")
            try await registry.push("demo/image", tag: "v2")
            #expect(try await registry.send(.delete, "/v2/demo/image/manifests/v1").status == 202)
            #expect(try await registry.send(.get, "/v2/demo/image/manifests/v2").status == 200)
            let refused = try await registry.send(.delete, "/v2/demo/image/manifests/\(digest)")
            #expect(refused.json["errors"]?[0]?["code"] == "GOOGLE_MANIFEST_DANGLING_TAG")
            #expect(try await registry.send(.delete, "/v2/demo/image/manifests/v2").status == 202)
            #expect(try await registry.send(.delete, "/v2/demo/image/manifests/\(digest)").status == 202)
            #expect(try await registry.send(.get, "/v2/demo/image/manifests/\(digest)").status == 404)
        }
    }

    @Test func `a sweep removes what nothing names after an hour, and nothing else`() async throws {
        try await withRegistry { registry in
            try await registry.push("demo/image", tag: "v1")
            let loose = try await registry.pushBlob("loose", to: "demo/image")
            registry.clock.advance(by: 3000)
            try await registry.registry.sweep()
            #expect(try await registry.send(.get, "/v2/demo/image/blobs/\(loose)").status == 200)
            registry.clock.advance(by: 3000)
            try await registry.registry.sweep()
            #expect(try await registry.send(.get, "/v2/demo/image/blobs/\(loose)").status == 404)
            #expect(try await registry.send(.get, "/v2/demo/image/blobs/\(digest("layer"))").text == "layer")
        }
    }

    @Test func `a known public image is made when it is pulled, and anybody may pull it`() async throws {
        let upstream = TestUpstream()
        try await withRegistry(upstream: upstream) { registry in
            #expect(try await registry.send(.get, "/v2/cloud-builders/docker/manifests/latest").status == 404)
            upstream.pushed.withLock { push in
                push = { [api = registry] in
                    for text in ["{}", "layer"] {
                        _ = try await api.send(
                            .post,
                            "/v2/cloud-builders/docker/blobs/uploads/?digest=\(digest(text))",
                            body: Data(text.utf8),
                            token: "secret"
                        )
                    }
                    _ = try await api.send(
                        .put,
                        "/v2/cloud-builders/docker/manifests/latest",
                        headers: [.contentType: dockerManifest],
                        body: Data(manifest(config: "{}", layer: "layer").utf8),
                        token: "secret"
                    )
                }
            }
            let pulled = try await registry.send(.get, "/v2/cloud-builders/docker/manifests/latest", token: "anonymous")
            #expect(pulled.status == 200)
            let refused = try await registry.send(.post, "/v2/cloud-builders/docker/blobs/uploads/")
            #expect(refused.status == 404)
        }
    }
}
