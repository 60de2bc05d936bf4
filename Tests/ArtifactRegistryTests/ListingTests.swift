import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("registry: listings and the Artifact Registry API")
struct ListingTests {
    @Test func `a listing names tags, manifests and the folders below`() async throws {
        try await withRegistry { registry in
            let digest = try await registry.push("demo/image", tag: "v1")
            try await registry.push("demo/image/deep/er", tag: "v1")
            let project = try await registry.send(.get, "/v2/demo/tags/list")
            #expect(project.status == 200 && project.json["child"] == ["image"])
            let image = try await registry.send(.get, "/v2/demo/image/tags/list")
            #expect(image.json["child"] == ["deep"] && image.json["tags"] == ["v1"])
            let described = image.json["manifest"]?[digest]
            #expect(described?["tag"] == ["v1"] && described?["timeCreatedMs"] == "1800000000000")
        }
    }

    @Test func `public names are listed before they are made`() async throws {
        try await withRegistry { registry in
            let reply = try await registry.send(.get, "/v2/cloud-builders/tags/list")
            #expect(reply.json["child"] == ["docker"])
        }
    }

    @Test func `tags come in pages`() async throws {
        try await withRegistry { registry in
            for tag in ["a", "b", "c"] { try await registry.push("demo/image", tag: tag) }
            let first = try await registry.send(.get, "/v2/demo/image/tags/list?n=2")
            #expect(first.json["tags"] == ["a", "b"])
            let second = try await registry.send(.get, "/v2/demo/image/tags/list?n=2&last=b")
            #expect(second.json["tags"] == ["c"])
        }
    }

    @Test(arguments: ["4", #""AOT_REPOSITORY""#])
    func `a mode that Brume lacks is 501, also as a number`(mode: String) async throws {
        try await withRegistry { registry in
            let reply = try await registry.api.post(
                "/artifactregistry/v1/projects/demo/locations/europe-west1/repositories?repositoryId=images",
                json: #"{"format": 1, "mode": \#(mode)}"#
            )
            #expect(reply.status == 501 && reply.message?.contains("mode") == true, "\(reply.text)")
        }
    }

    @Test func `a repository is created before it takes pushes, and its images are listed`() async throws {
        try await withRegistry { registry in
            let host = "europe-west1-docker.pkg.dev"
            let early = try await registry.send(.get, "/v2/demo/images/trainer/manifests/v1", host: host)
            #expect(early.json["errors"]?[0]?["code"] == "NAME_UNKNOWN")
            let root = "/artifactregistry/v1/projects/demo/locations/europe-west1"
            let made = try await registry.api.post(
                "\(root)/repositories?repositoryId=images",
                json: #"{"format": "DOCKER", "mode": "MODE_UNSPECIFIED"}"#
            )
            #expect(made.json["done"] == true && made.json["response"]?["mode"] == "STANDARD_REPOSITORY")
            let operation = try #require(made.json["name"]?.string)
            #expect(try await registry.api.get("/artifactregistry/v1/\(operation)").json["done"] == true)
            let again = try await registry.api.post(
                "\(root)/repositories?repositoryId=images",
                json: #"{"format": "DOCKER"}"#
            )
            #expect(again.status == 409)
            let digest = try await registry.push("demo/images/team/trainer", tag: "v1", host: host)
            let images = try await registry.api.get("\(root)/repositories/images/dockerImages")
            #expect(images.json["dockerImages"]?[0]?["uri"] == .string("\(host)/demo/images/team/trainer@\(digest)"))
            let tag = try await registry.api.get("\(root)/repositories/images/packages/team%2Ftrainer/tags/v1")
            #expect(tag.json["version"]?.string?.hasSuffix(digest) == true)
            let added = try await registry.api.post(
                "\(root)/repositories/images/packages/team%2Ftrainer/tags?tagId=v2",
                json: #"{"version": "\#(tag.json["version"]?.string ?? "")"}"#
            )
            #expect(added.status == 200)
            #expect(
                try await registry.send(.get, "/v2/demo/images/team/trainer/manifests/v2", host: host).status == 200
            )
            #expect(try await registry.api.delete("\(root)/repositories/images").json["done"] == true)
            #expect(
                try await registry.send(.get, "/v2/demo/images/team/trainer/manifests/v2", host: host).status == 404
            )
        }
    }
}
