import ArtifactRegistry
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private let host = "europe-west1-python.pkg.dev"
private let repository = "/artifactregistry/v1/projects/demo/locations/europe-west1/repositories/wheels"

extension TestRegistry {
    fileprivate func withWheels(_ body: () async throws -> Void) async throws {
        _ = try await api.post(
            "/artifactregistry/v1/projects/demo/locations/europe-west1/repositories?repositoryId=wheels",
            json: #"{"format":"PYTHON"}"#
        )
        try await body()
    }

    /// Uploads a file as twine does: all fields, then the content.
    fileprivate func upload(
        _ file: String,
        _ content: String,
        name: String = "Fog_Lamp",
        version: String = "1.0",
        more: [(String, String)] = []
    ) async throws -> TestReply {
        var body = ""
        let fields = [(":action", "file_upload"), ("name", name), ("version", version)] + more
        for (key, value) in fields {
            body += "--line\r\nContent-Disposition: form-data; name=\"\(key)\"\r\n\r\n\(value)\r\n"
        }
        body += "--line\r\nContent-Disposition: form-data; name=\"content\"; filename=\"\(file)\"\r\n"
        body += "Content-Type: application/octet-stream\r\n\r\n\(content)\r\n--line--\r\n"
        return try await send(
            .post,
            "/demo/wheels/",
            host: host,
            headers: [.contentType: "multipart/form-data; boundary=line"],
            body: Data(body.utf8)
        )
    }
}

@Suite("registry: Python packages")
struct PythonPackageTests {
    @Test func `what is uploaded is in the index with its hash, and can be downloaded`() async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                let content = "not really\r\n--lin\r\na wheel"
                let file = "fog_lamp-1.0-py3-none-any.whl"
                let digest = digest(content)
                let sent = try await registry.upload(
                    file,
                    content,
                    more: [("sha256_digest", String(digest.dropFirst(7))), ("requires_python", ">=3.8,<4")]
                )
                #expect(sent.status == 200, "\(sent.text)")
                let all = try await registry.send(.get, "/demo/wheels/simple/", host: host)
                #expect(all.text.contains("<a href=\"fog-lamp/\">fog-lamp</a>"))
                for spelling in ["fog-lamp", "Fog.Lamp", "fog__lamp"] {
                    let links = try await registry.send(.get, "/demo/wheels/simple/\(spelling)/", host: host).text
                    let hash = digest.replacing("sha256:", with: "sha256=")
                    #expect(
                        links.contains(
                            "href=\"../../fog-lamp/\(file)#\(hash)\" data-requires-python=\"&gt;=3.8,&lt;4\""
                        )
                    )
                }
                let down = try await registry.send(.get, "/demo/wheels/fog-lamp/\(file)", host: host)
                #expect(down.text == content)
                #expect(try await registry.send(.get, "/demo/wheels/simple/other/", host: host).status == 404)
            }
        }
    }

    @Test func `a file is never replaced`() async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                _ = try await registry.upload("fog_lamp-1.0.tar.gz", "first")
                let again = try await registry.upload("fog_lamp-1.0.tar.gz", "second")
                #expect(again.status == 400 && again.text.contains("already exist"))
                #expect(
                    try await registry.send(.get, "/demo/wheels/fog-lamp/fog_lamp-1.0.tar.gz", host: host).text
                        == "first"
                )
            }
        }
    }

    @Test(arguments: [
        ("lamp-1.0.tar.gz", "Fog_Lamp", "1.0", "sha256_digest", ""), ("fog_lamp-1.0.exe", "Fog_Lamp", "1.0", "a", ""),
        ("../fog_lamp-1.0.tar.gz", "Fog_Lamp", "1.0", "a", ""), ("fog_lamp-1.0.tar.gz", "-fog", "1.0", "a", ""),
        ("fog_lamp-1.0.tar.gz", "Fog_Lamp", "../1", "a", ""),
        ("fog_lamp-1.0.tar.gz", "Fog_Lamp", "1.0", "sha256_digest", "00"),
        ("fog_lamp-1.0.tar.gz", "Fog_Lamp", "1.0", "md5_digest", "00"),
    ])
    func `what is no distribution, or is not what it says, is refused`(
        file: String,
        name: String,
        version: String,
        field: String,
        value: String
    ) async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                let reply = try await registry.upload(file, "x", name: name, version: version, more: [(field, value)])
                #expect(reply.status == 400, "\(reply.text)")
                #expect(try await registry.api.get("\(repository)/files").json["files"] == nil)
            }
        }
    }

    @Test func `an upload that is cut off is refused`() async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                let reply = try await registry.send(
                    .post,
                    "/demo/wheels/",
                    host: host,
                    headers: [.contentType: "multipart/form-data; boundary=line"],
                    body: Data(
                        "--line\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a\"\r\n\r\nabc".utf8
                    )
                )
                #expect(reply.status == 400 && reply.text.contains("cut off"))
            }
        }
    }

    @Test func `packages, versions and files are seen through the API, and go with their version`() async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                _ = try await registry.upload("fog_lamp-1.0.tar.gz", "one")
                _ = try await registry.upload("fog_lamp-1.0-py3-none-any.whl", "two")
                _ = try await registry.upload("fog_lamp-2.0.tar.gz", "three", version: "2.0")
                let described = try await registry.api.get(repository).json
                #expect(described["registryUri"] == "https://europe-west1-python.pkg.dev/demo/wheels")
                #expect(described["sizeBytes"] == "11")
                let versions = try await registry.api.get("\(repository)/packages/fog-lamp/versions").json["versions"]
                #expect(versions?.array?.count == 2)
                let releases = try await registry.api.get("\(repository)/pythonPackages").json["pythonPackages"]
                #expect(releases?[1]?["version"] == "2.0" && releases?[1]?["packageName"] == "fog-lamp")
                let one = try await registry.api.get("\(repository)/pythonPackages/fog-lamp:1.0")
                #expect(one.json["uri"]?.string?.hasPrefix("europe-west1-python.pkg.dev/demo/wheels/fog-lamp/") == true)
                _ = try await registry.api.delete("\(repository)/packages/fog-lamp/versions/1.0")
                #expect(try await registry.api.get("\(repository)/files").json["files"]?.array?.count == 1)
                let file = "\(repository)/files/fog-lamp%2Ffog_lamp-2.0.tar.gz"
                #expect(try await registry.api.get("\(file):download").text == "three")
                #expect(try await registry.api.delete(file).json["done"] == true)
                #expect(try await registry.api.get("\(repository)/packages").json["packages"] == nil)
            }
        }
    }

    @Test func `a sweep keeps the blobs of files, and takes those of deleted ones`() async throws {
        try await withRegistry { registry in
            try await registry.withWheels {
                let file = "fog_lamp-1.0.tar.gz"
                _ = try await registry.upload(file, "kept")
                registry.clock.advance(by: 7200)
                try await registry.registry.sweep()
                #expect(try await registry.send(.get, "/demo/wheels/fog-lamp/\(file)", host: host).text == "kept")
                _ = try await registry.api.delete(repository)
                try await registry.registry.sweep()
                #expect(try await registry.send(.get, "/v2/demo/x/blobs/\(digest("kept"))").status == 404)
            }
        }
    }

    @Test func `images do not go into a Python repository, and callers without a credential are asked for one`()
        async throws
    {
        try await withRegistry { registry in
            try await registry.withWheels {
                await #expect(throws: GoogleError.self) {
                    try await registry.push("demo/wheels/app", tag: "v1", host: "europe-west1-docker.pkg.dev")
                }
                let asked = try await registry.send(.get, "/demo/wheels/simple/", host: host, token: nil)
                #expect(asked.status == 401 && asked.headers[.wwwAuthenticate]?.hasPrefix("Basic ") == true)
            }
        }
    }
}
