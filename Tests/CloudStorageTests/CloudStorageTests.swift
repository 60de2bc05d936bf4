import APIServer
import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import NIOCore
import Testing

/// A storage service on a scratch folder, with the bucket `fog`.
func withStorage(
    identity: Caller.Identity = .account("owner@example.com"),
    authorizer: any Authorizer = FixedIdentity(),
    _ body: (TestAPI, CloudStorage) async throws -> Void
) async throws {
    try await withScratchFolder { folder in
        let store = try MetadataStore(inMemoryWith: [CloudStorageSchema.self])
        let storage = CloudStorage(
            store: store,
            blobs: try BlobStore(folder: folder),
            projects: DemoProject(),
            accounts: NoAccounts(),
            authorizer: authorizer,
            now: { Date() }
        )
        let api = TestAPI(storage, identity: identity)
        #expect(try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#).status == 200)
        try await body(api, storage)
    }
}

/// Knows no account.
struct NoAccounts: StorageAccounts {
    func hasAccount(_ email: String) async throws -> Bool { false }
    func isSigned(_ data: Data, signature: Data, by email: String) async throws -> Bool { false }
}

extension TestAPI {
    /// Storage as one caller sees it.
    init(_ storage: CloudStorage, identity: Caller.Identity) {
        let signIn = FixedIdentity(identity: identity)
        self.init(storage.apis(signIn: signIn), authenticator: signIn)
    }

    /// Uploads in one request.
    @discardableResult
    func put(_ name: String, _ text: String, query: String = "") async throws -> TestReply {
        try await send(
            .post,
            "/upload/storage/v1/b/fog/o?uploadType=media&name=\(name)\(query)",
            headers: [.contentType: "text/plain"],
            body: Data(text.utf8)
        )
    }

    func names(_ query: String) async throws -> [String] {
        try await get("/storage/v1/b/fog/o?" + query).json["items"]?.array?.compactMap { $0["name"]?.string } ?? []
    }
}

@Suite("storage.buckets")
struct BucketTests {
    @Test func `a taken name answers 409 conflict`() async throws {
        try await withStorage { api, _ in
            let reply = try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#)
            #expect(reply.status == 409 && reply.reason == "conflict")
        }
    }

    @Test(arguments: ["Fog", "fo", "-fog", "fog-", "192.168.1.1", "storage", "fog bank", "google", "a..b"])
    func `a name against the rules answers 400`(name: String) async throws {
        try await withStorage { api, _ in
            let reply = try await api.post("/storage/v1/b?project=demo", json: #"{"name":"\#(name)"}"#)
            #expect(reply.status == 400 && reply.reason == "invalid")
        }
    }

    @Test func `what is not there answers 404, and a full bucket is not deleted`() async throws {
        try await withStorage { api, _ in
            #expect(try await api.get("/storage/v1/b/mist").status == 404)
            #expect(try await api.post("/storage/v1/b?project=none", json: #"{"name":"mist"}"#).status == 404)
            try await api.put("a", "1")
            #expect(try await api.delete("/storage/v1/b/fog").status == 409)
            _ = try await api.delete("/storage/v1/b/fog/o/a")
            let reply = try await api.delete("/storage/v1/b/fog")
            #expect(reply.status == 204 && reply.body.isEmpty)
        }
    }

    @Test func `old names and lower case are understood, null removes, and metageneration grows`() async throws {
        try await withStorage { api, _ in
            let made = try await api.post(
                "/storage/v1/b?project=demo",
                json: #"""
                    {"name":"mist","location":"us-central1","storageClass":"nearline","labels":{"a":"1"},
                     "iamConfiguration":{"bucketPolicyOnly":{"enabled":true}}}
                    """#
            ).json
            #expect(made["location"]?.string == "US-CENTRAL1" && made["storageClass"]?.string == "NEARLINE")
            #expect(made["iamConfiguration"]?["uniformBucketLevelAccess"]?["enabled"]?.bool == true)
            let patched = try await api.patch("/storage/v1/b/mist", json: #"{"labels":{"a":null,"b":"2"}}"#).json
            #expect(patched["labels"] == ["b": "2"] && patched["metageneration"]?.integer == 2)
            let stale = try await api.patch("/storage/v1/b/mist?ifMetagenerationMatch=1", json: "{}")
            #expect(stale.status == 412 && stale.reason == "conditionNotMet")
            #expect(try await api.get("/storage/v1/b/mist/storageLayout").status == 200)
        }
    }
}

@Suite("storage.objects")
struct ObjectTests {
    @Test(arguments: [
        #"multipart/related; boundary='=='"#, #"multipart/related; boundary="==""#, "multipart/related; boundary===",
    ])
    func `multipart uploads with any quotes and line ends keep every byte`(type: String) async throws {
        try await withStorage { api, _ in
            for (end, content) in [("\n", "\r\n--=\nx\r"), ("\r\n", " raw\r\n\r\n")] {
                let text = [
                    "--==", "content-type: application/json", "", #"{"name":"a b/\#(end.utf8.count).txt"}"#,
                    "--==", "Content-Type: text/x", "", content, "--==--",
                ].joined(separator: end)
                let made = try await api.send(
                    .post,
                    "/upload/storage/v1/b/fog/o?uploadType=multipart",
                    headers: [.contentType: type],
                    body: Data(text.utf8)
                )
                #expect(made.status == 200 && made.json["contentType"]?.string == "text/x")
                let read = try await api.get("/storage/v1/b/fog/o/a%20b%2F\(end.utf8.count).txt?alt=media")
                #expect(read.body == Data(content.utf8))
            }
        }
    }

    @Test func `a multipart body that ends early, or without a boundary, answers 400 and stores nothing`() async throws
    {
        try await withStorage { api, _ in
            let text = "--x\n\n{\"name\":\"a\"}\n--x\n\nhello"
            for type in ["multipart/related; boundary=x", "multipart/related"] {
                let reply = try await api.send(
                    .post,
                    "/upload/storage/v1/b/fog/o?uploadType=multipart",
                    headers: [.contentType: type],
                    body: Data(text.utf8)
                )
                #expect(reply.status == 400 && reply.reason == "badContent")
            }
            #expect(try await api.names("") == [])
        }
    }

    @Test func `a wrong checksum answers 400 and stores nothing`() async throws {
        try await withStorage { api, _ in
            let text = "--x\n\n{\"name\":\"a\",\"crc32c\":\"AAAAAA==\"}\n--x\n\nhello\n--x--"
            let reply = try await api.send(
                .post,
                "/upload/storage/v1/b/fog/o?uploadType=multipart",
                headers: [.contentType: "multipart/related; boundary=x"],
                body: Data(text.utf8)
            )
            #expect(reply.status == 400 && reply.message?.contains("mnG7TA==") == true)
            #expect(try await api.get("/storage/v1/b/fog/o/a").status == 404)
        }
    }

    @Test func `checksums, sizes and links are Google's`() async throws {
        try await withStorage { api, _ in
            let made = try await api.put("a%2Fb", "hello").json
            #expect(made["md5Hash"]?.string == "XUFAKrxLKna5cZ2REBfFkg==" && made["crc32c"]?.string == "mnG7TA==")
            #expect(made["size"]?.string == "5" && made["metageneration"]?.string == "1")
            #expect(
                made["mediaLink"]?.string?.hasPrefix("http://127.0.0.1:4600/download/storage/v1/b/fog/o/a%2Fb?") == true
            )
        }
    }

    @Test(arguments: [
        ("bytes=0-", 206, "hello"), ("bytes=1-2", 206, "el"), ("bytes=-2", 206, "lo"), ("bytes=3-99", 206, "lo"),
        ("bytes=5-", 416, ""), ("bytes=x", 200, "hello"), ("bytes=0-1,3-4", 200, "hello"),
    ])
    func `ranges are served, refused or ignored as HTTP says`(range: String, status: Int, text: String) async throws {
        try await withStorage { api, _ in
            try await api.put("a", "hello")
            for path in ["/download/storage/v1/b/fog/o/a?alt=media", "/fog/a"] {
                let reply = try await api.send(.get, path, headers: [.range: range])
                #expect(reply.status == status)
                if status < 300 { #expect(reply.text == text) }
                if status == 416 { #expect(reply.headers[.contentRange] == "bytes */5") }
            }
        }
    }

    @Test func `lists fold prefixes, page in byte order and go on where they stopped`() async throws {
        try await withStorage { api, _ in
            for name in ["b%2F1", "b%2F2", "a", "c", "b", "%C3%A9", "b%2Fx%2F1"] { try await api.put(name, name) }
            #expect(try await api.names("") == ["a", "b", "b/1", "b/2", "b/x/1", "c", "é"])
            let folded = try await api.get("/storage/v1/b/fog/o?delimiter=/").json
            #expect(folded["prefixes"] == ["b/"])
            #expect(try await api.names("delimiter=/") == ["a", "b", "c", "é"])
            #expect(try await api.names("prefix=b/&delimiter=/") == ["b/1", "b/2"])
            #expect(try await api.names("startOffset=b/2&endOffset=c") == ["b/2", "b/x/1"])
            #expect(try await api.names("matchGlob=b/*") == ["b/1", "b/2"])
            var (names, token): ([String], String?) = ([], "")
            while let current = token {
                let page = try await api.get("/storage/v1/b/fog/o?delimiter=/&maxResults=1&pageToken=\(current)").json
                names += (page["items"]?.array ?? []).compactMap { $0["name"]?.string }
                names += (page["prefixes"]?.array ?? []).compactMap(\.string)
                token = page["nextPageToken"]?.string
            }
            #expect(names == ["a", "b", "b/", "c", "é"])
        }
    }

    @Test(arguments: ["..%2F..%2Fetc", "%F0%9F%8C%AB", "a%252Fb", "%20x%20", "a%2F%2Fb"])
    func `any name is only a name`(name: String) async throws {
        try await withStorage { api, _ in
            let made = try await api.put(name, "x")
            #expect(made.status == 200 && made.json["name"]?.string == name.removingPercentEncoding)
            #expect(try await api.get("/storage/v1/b/fog/o/\(name)?alt=media").text == "x")
            #expect(try await api.delete("/storage/v1/b/fog/o/\(name)").status == 204)
        }
    }

    @Test(arguments: ["", "..", "a%0Ab", String(repeating: "x", count: 1025)])
    func `a name against the rules answers 400`(name: String) async throws {
        try await withStorage { api, _ in
            let reply = try await api.put(name, "x")
            #expect(reply.status == 400)
        }
    }

    @Test func `preconditions hold on every change and reading`() async throws {
        try await withStorage { api, _ in
            let first = try await api.put("a", "1", query: "&ifGenerationMatch=0")
            let generation = first.json["generation"]?.string ?? ""
            #expect(first.status == 200)
            #expect(try await api.put("a", "2", query: "&ifGenerationMatch=0").status == 412)
            #expect(try await api.get("/storage/v1/b/fog/o/a?ifGenerationNotMatch=\(generation)").status == 304)
            #expect(try await api.get("/storage/v1/b/fog/o/a?ifGenerationMatch=7").status == 412)
            #expect(try await api.delete("/storage/v1/b/fog/o/a?ifMetagenerationMatch=9").status == 412)
            #expect(try await api.patch("/storage/v1/b/fog/o/a?ifGenerationMatch=x", json: "{}").status == 400)
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media").text == "1")
        }
    }

    @Test func `versioning archives what is overwritten and deleted`() async throws {
        try await withStorage { api, _ in
            _ = try await api.patch("/storage/v1/b/fog", json: #"{"versioning":{"enabled":true}}"#)
            let old = try await api.put("a", "1").json["generation"]?.string ?? ""
            try await api.put("a", "2")
            _ = try await api.delete("/storage/v1/b/fog/o/a")
            #expect(try await api.names("") == [])
            #expect(try await api.names("versions=True") == ["a", "a"])
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media&generation=\(old)").text == "1")
            #expect(try await api.delete("/storage/v1/b/fog/o/a?generation=\(old)").status == 204)
            #expect(try await api.names("versions=true").count == 1)
        }
    }

    @Test func `copies outlive their source, and the blob outlives neither`() async throws {
        try await withStorage { api, storage in
            try await api.put("a", "hello")
            let copied = try await api.post("/storage/v1/b/fog/o/a/rewriteTo/b/fog/o/b", json: "null\n").json
            #expect(copied["done"]?.bool == true && copied["resource"]?["contentType"]?.string == "text/plain")
            #expect(try await api.post("/storage/v1/b/fog/o/b/moveTo/o/c").status == 200)
            #expect(try await api.delete("/storage/v1/b/fog/o/a").status == 204)
            #expect(try await api.names("") == ["c"])
            #expect(try await api.get("/storage/v1/b/fog/o/c?alt=media").text == "hello")
            #expect(try await api.delete("/storage/v1/b/fog/o/c").status == 204)
            let files = FileManager.default.enumerator(atPath: storage.blobFolder)?.allObjects as? [String] ?? []
            #expect(files.allSatisfy { $0.utf8.count < 10 })
        }
    }

    @Test func `compose joins contents, counts components and has no MD5`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", "hel")
            try await api.put("b", "lo")
            let made = try await api.post(
                "/storage/v1/b/fog/o/c/compose",
                json: #"{"sourceObjects":[{"name":"a"},{"name":"b"}],"destination":{"md5Hash":"x","crc32c":"y"}}"#
            ).json
            #expect(made["crc32c"]?.string == "mnG7TA==" && made["md5Hash"] == nil)
            #expect(made["componentCount"]?.integer == 2)
            #expect(try await api.get("/storage/v1/b/fog/o/c?alt=media").text == "hello")
        }
    }
}

@Suite("storage access")
struct AccessTests {
    @Test func `a public bucket is read by anybody, by every address`() async throws {
        try await withStorage { api, storage in
            try await api.put("a", "hello")
            let policy = #"{"bindings":[{"role":"roles/storage.objectViewer","members":["allUsers"]}]}"#
            let set = try await api.put("/storage/v1/b/fog/iam", json: policy)
            #expect(set.status == 200)
            let stranger = TestAPI(storage, identity: .anonymous)
            #expect(try await stranger.get("/fog/a").text == "hello")
            let virtual = try await stranger.send(.get, "/a", host: "fog.storage.googleapis.com")
            #expect(virtual.text == "hello" && virtual.headers[.eTag] == "\"5d41402abc4b2a76b9719d911017c592\"")
            let head = try await stranger.send(.head, "/fog/a")
            #expect(head.status == 200 && head.headers[.contentLength] == "5")
            let missing = try await stranger.get("/fog/none")
            #expect(missing.status == 404 && missing.text.contains("<Code>NoSuchKey</Code>"))
            #expect(try await stranger.get("/fog?prefix=a").text.contains("<Key>a</Key>"))
        }
    }

    @Test func `a policy that names no role or no member answers 400`() async throws {
        try await withStorage { api, _ in
            for policy in [
                #"{"bindings":[{"members":["allUsers"]}]}"#, #"{"bindings":[{"role":"roles/x","members":["me"]}]}"#,
            ] {
                let reply = try await api.put("/storage/v1/b/fog/iam", json: policy)
                #expect(reply.status == 400)
            }
        }
    }

    @Test func `services write, read and list past the API`() async throws {
        try await withStorage { api, storage in
            try await storage.ensureBucket(name: "mist", project: "demo")
            try await storage.ensureBucket(name: "mist", project: "demo")
            let log = try storage.growObject(bucket: "mist", name: "log", contentType: "text/plain")
            try await log.append(.init(string: "line"))
            try await log.publish()
            #expect(try await api.get("/mist/log").text == "line")
            try await log.append(.init(string: " two"))
            #expect(try await api.get("/mist/log").text == "line")
            try await log.publish()
            #expect(try await api.get("/mist/log").text == "line two")
            try await log.append(.init(string: "!"))
            try await log.publish()
            let rest = try await api.send(.get, "/mist/log", headers: [.range: "bytes=8-"])
            #expect(rest.text == "!" && rest.headers[.contentRange] == "bytes 8-8/9")
            let none = try await api.send(.get, "/mist/log", headers: [.range: "bytes=9-"])
            #expect(none.status == 416)
            #expect(try await storage.objectNames(bucket: "mist", prefix: "l") == ["log"])
            try await storage.deleteObject(bucket: "mist", name: "log")
            #expect(try await api.get("/mist/log").status == 404)
            // Its bytes are gone with it.
            await #expect(throws: GoogleError.self) { try await log.publish() }
            #expect(try await api.get("/mist/log").status == 404)
        }
    }

    @Test func `a copy of an object that grows is what was there, and the log of another run takes its place`()
        async throws
    {
        try await withStorage { api, storage in
            try await storage.ensureBucket(name: "mist", project: "demo")
            let first = try storage.growObject(bucket: "mist", name: "log", contentType: "text/plain")
            try await first.append(.init(string: "one"))
            try await first.publish()
            _ = try await api.post("/storage/v1/b/mist/o/log/copyTo/b/mist/o/copy")
            try await first.append(.init(string: " two"))
            try await first.publish()
            #expect(try await api.get("/mist/copy").text == "one")
            let second = try storage.growObject(bucket: "mist", name: "log", contentType: "text/plain")
            try await second.append(.init(string: "anew"))
            #expect(try await api.get("/mist/log").text == "one two")
            try await second.publish()
            await second.close()
            #expect(try await api.get("/mist/log").text == "anew")
            #expect(try await api.get("/mist/copy").text == "one")
        }
    }
}
