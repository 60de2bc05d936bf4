import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("artifactregistry: deleting manifests")
struct DeletingTests {
    @Test func `a manifest goes only after the index that names it`() async throws {
        try await withRegistry { cloud in
            let child = try await cloud.push("demo/app", tag: "one")
            let index = """
                {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
                {"mediaType": "\(dockerManifest)", "size": 1, "digest": "\(child)"}]}
                """
            let put = try await cloud.send(
                .put,
                "/v2/demo/app/manifests/all",
                headers: [.contentType: "application/vnd.oci.image.index.v1+json"],
                body: Data(index.utf8)
            )
            #expect(put.status == 201, "\(put.text)")
            _ = try await cloud.send(.delete, "/v2/demo/app/manifests/one")
            let refused = try await cloud.send(.delete, "/v2/demo/app/manifests/\(child)")
            #expect(refused.status == 400 && refused.text.contains("GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"))
            #expect(try await cloud.send(.get, "/v2/demo/app/manifests/\(child)").status == 200)
            _ = try await cloud.send(.delete, "/v2/demo/app/manifests/all")
            #expect(try await cloud.send(.delete, "/v2/demo/app/manifests/\(digest(index))").status == 202)
            #expect(try await cloud.send(.delete, "/v2/demo/app/manifests/\(child)").status == 202)
        }
    }

    @Test func `a version that a tag names goes by force only`() async throws {
        try await withRegistry { cloud in
            let held = try await cloud.push("demo/app", tag: "one")
            let path = "/v1/projects/demo/locations/us/repositories/gcr.io/packages/app/versions/\(held)"
            let host = "artifactregistry.googleapis.com"
            #expect(try await cloud.send(.delete, path, host: host).status == 400)
            let forced = try await cloud.send(.delete, "\(path)?force=true", host: host)
            #expect(forced.status == 200, "\(forced.text)")
            #expect(try await cloud.send(.get, "/v2/demo/app/manifests/one").status == 404)
        }
    }
}
