import BlobStore
import BrumeTesting
import CloudStorage
import Crypto
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private func header(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .accept }

/// A customer's key, as requests bring it.
private struct Key {
    let bytes: Data

    init(_ byte: UInt8) { bytes = Data(repeating: byte, count: 32) }

    var sha256: String { Data(SHA256.hash(data: bytes)).base64EncodedString() }

    var headers: HTTPFields { fields("x-goog-encryption-") }
    var sourceHeaders: HTTPFields { fields("x-goog-copy-source-encryption-") }

    private func fields(_ prefix: String) -> HTTPFields {
        [
            header(prefix + "algorithm"): "AES256",
            header(prefix + "key"): bytes.base64EncodedString(),
            header(prefix + "key-sha256"): sha256,
        ]
    }
}

@Suite("customer-supplied encryption keys")
struct CustomerKeyTests {
    private let key = Key(1)
    private let other = Key(2)
    private let content = Data("the content that nobody else may read".utf8)

    private func upload(_ api: TestAPI, _ name: String = "a", with headers: HTTPFields) async throws -> TestReply {
        try await api.send(
            .post,
            "/upload/storage/v1/b/fog/o?uploadType=media&name=\(name)",
            headers: headers,
            body: content
        )
    }

    private func media(_ api: TestAPI, _ name: String = "a", with headers: HTTPFields = [:]) async throws -> TestReply {
        try await api.send(.get, "/storage/v1/b/fog/o/\(name)?alt=media", headers: headers, body: Data())
    }

    @Test func `content comes back to who brings the key, whole and in parts`() async throws {
        try await withStorage { api, _ in
            let stored = try await upload(api, with: key.headers)
            #expect(stored.status == 200 && stored.json["customerEncryption"]?["keySha256"]?.string == key.sha256)
            let whole = try await media(api, with: key.headers)
            #expect(whole.body == content && whole.headers[header("x-goog-encryption-key-sha256")] == key.sha256)
            var part = key.headers
            part[.range] = "bytes=4-10"
            #expect(try await media(api, with: part).text == "content")
            #expect(try await api.send(.get, "/fog/a", headers: key.headers, body: Data()).body == content)
        }
    }

    @Test func `without the key, or with another, content is refused and the resource shows no checksum`() async throws
    {
        try await withStorage { api, _ in
            _ = try await upload(api, with: key.headers)
            let none = try await media(api)
            #expect(none.status == 400 && none.reason == "resourceIsEncryptedWithCustomerEncryptionKey")
            let wrong = try await media(api, with: other.headers)
            #expect(wrong.status == 400 && wrong.reason == "customerEncryptionKeyIsIncorrect")
            let xml = try await api.send(.get, "/fog/a", headers: other.headers, body: Data())
            #expect(xml.status == 400 && xml.text.contains("<Code>CustomerEncryptionKeyIsIncorrect</Code>"))
            let resource = try await api.get("/storage/v1/b/fog/o/a").json
            #expect(resource["size"]?.string == "\(content.count)" && resource["customerEncryption"] != nil)
            #expect(resource["md5Hash"] == nil && resource["crc32c"] == nil)
            let known = try await api.send(.get, "/storage/v1/b/fog/o/a", headers: key.headers, body: Data()).json
            #expect(known["md5Hash"] != nil && known["crc32c"] != nil)
        }
    }

    @Test func `a key for what is not encrypted is refused`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", "plain")
            let reply = try await media(api, with: key.headers)
            #expect(reply.status == 400 && reply.reason == "resourceNotEncryptedWithCustomerEncryptionKey")
        }
    }

    @Test(
        arguments: [
            ("algorithm", "AES128", "customerEncryptionAlgorithmIsInvalid"),
            ("algorithm", nil, "customerEncryptionAlgorithmIsInvalid"),
            ("key", "c2hvcnQ=", "customerEncryptionKeyFormatIsInvalid"),
            ("key", "no base 64", "customerEncryptionKeyFormatIsInvalid"),
            ("key-sha256", "c2hvcnQ=", "customerEncryptionKeySha256IsInvalid"),
            ("key-sha256", nil, "customerEncryptionKeySha256IsInvalid"),
        ] as [(String, String?, String)]
    )
    func `bad headers are refused, and nothing is stored`(name: String, value: String?, reason: String) async throws {
        try await withStorage { api, _ in
            var headers = key.headers
            headers[header("x-goog-encryption-\(name)")] = value
            let reply = try await upload(api, with: headers)
            #expect(reply.status == 400 && reply.reason == reason)
            #expect(try await api.get("/storage/v1/b/fog/o/a").status == 404)
        }
    }

    @Test func `a key of a key service is 501, and nothing is stored unencrypted`() async throws {
        try await withStorage { api, _ in
            let reply = try await upload(api, with: [header("x-goog-encryption-kms-key-name"): "projects/p/k"])
            #expect(reply.status == 501 && reply.message?.contains("x-goog-encryption-kms-key-name") == true)
            #expect(try await api.get("/storage/v1/b/fog/o/a").status == 404)
        }
    }

    @Test func `a rewrite changes the key, takes it off and puts it on`() async throws {
        try await withStorage { api, _ in
            func rewrite(_ from: String, _ to: String, _ keys: HTTPFields...) async throws -> TestReply {
                var headers: HTTPFields = [:]
                for fields in keys { headers.append(contentsOf: fields) }
                let path = "/storage/v1/b/fog/o/\(from)/rewriteTo/b/fog/o/\(to)"
                return try await api.send(.post, path, headers: headers, body: Data())
            }
            _ = try await upload(api, with: key.headers)
            #expect(try await rewrite("a", "b").status == 400)
            #expect(try await rewrite("a", "b", other.sourceHeaders).status == 400)
            #expect(try await api.get("/storage/v1/b/fog/o/b").status == 404)
            #expect(try await rewrite("a", "b", key.sourceHeaders, other.headers).status == 200)
            #expect(try await media(api, "b", with: other.headers).body == content)
            #expect(try await rewrite("b", "c", other.sourceHeaders).status == 200)
            #expect(try await media(api, "c").body == content)
            #expect(try await rewrite("c", "d", key.headers).status == 200)
            #expect(try await media(api, "d").status == 400)
            #expect(try await media(api, "d", with: key.headers).body == content)
        }
    }

    @Test func `composing wants every source under the one key, and the result is under it`() async throws {
        try await withStorage { api, _ in
            _ = try await upload(api, "a", with: key.headers)
            _ = try await upload(api, "b", with: other.headers)
            func compose(_ names: [String], _ headers: HTTPFields) async throws -> TestReply {
                let sources = names.map { #"{"name":"\#($0)"}"# }.joined(separator: ",")
                let body = Data(#"{"sourceObjects":[\#(sources)]}"#.utf8)
                return try await api.send(.post, "/storage/v1/b/fog/o/ab/compose", headers: headers, body: body)
            }
            #expect(try await compose(["a", "b"], key.headers).status == 400)
            #expect(try await compose(["a", "a"], [:]).status == 400)
            #expect(try await compose(["a", "a"], key.headers).status == 200)
            #expect(try await media(api, "ab", with: key.headers).body == content + content)
        }
    }

    /// Begins a session with the key, and has its first chunk acknowledged.
    private func begin(_ api: TestAPI, _ chunk: Data) async throws -> String {
        _ = try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#)
        let start = "/upload/storage/v1/b/fog/o?uploadType=resumable&name=r"
        let started = try await api.send(.post, start, headers: key.headers, body: Data())
        let path = String((started.headers[.location] ?? "").dropFirst("http://127.0.0.1:4600".count))
        let range: HTTPFields = [header("Content-Range"): "bytes 0-\(chunk.count - 1)/*"]
        #expect(try await api.send(.put, path, headers: range, body: chunk).status == 308)
        return path
    }

    @Test func `a session needs the key once, and over a restart again`() async throws {
        try await withScratchFolder { folder in
            let cloud = try RestartableStorage(folder: folder)
            let chunk = Data((0..<(512 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 41) })
            let rest: HTTPFields = [
                header("Content-Range"): "bytes \(chunk.count)-\(2 * chunk.count - 1)/\(2 * chunk.count)"
            ]
            let path = try await begin(try cloud.start().api, chunk)
            let api = try cloud.start().api
            // Nobody has the key now: clients begin anew when a session is not found.
            #expect(try await api.send(.put, path, headers: rest, body: chunk).status == 404)
            var wrong = rest
            wrong.append(contentsOf: other.headers)
            #expect(try await api.send(.put, path, headers: wrong, body: chunk).status == 400)
            var right = rest
            right.append(contentsOf: key.headers)
            #expect(try await api.send(.put, path, headers: right, body: chunk).status == 200)
            #expect(try await media(api, "r", with: key.headers).body == chunk + chunk)
        }
    }

    @Test func `a scrub needs no key to find damage`() async throws {
        try await withScratchFolder { folder in
            let cloud = try RestartableStorage(folder: folder)
            let (api, scrub) = (
                try cloud.start().api, StorageScrub(store: cloud.rows, blobs: try BlobStore(folder: folder))
            )
            func damage() async throws -> [String] {
                var found: [String] = []
                #expect(try await scrub.run { found.append($0.resource) } == 1)
                return found
            }
            _ = try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#)
            _ = try await upload(api, with: key.headers)
            #expect(try await damage().isEmpty)
            let file = folder.appending(path: try #require(try cloud.files.first))
            var bytes = try Data(contentsOf: file)
            #expect(bytes.range(of: content) == nil)
            bytes[60] ^= 1
            try bytes.write(to: file)
            #expect(try await damage().count == 1)
        }
    }
}
