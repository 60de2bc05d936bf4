import APIServer
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

/// Lets the owner do everything, and others only what they are allowed here.
private struct OwnerAnd: Authorizer {
    var others: Set<String> = []

    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        if caller.email == "owner@example.com" || others.contains(permission) { return }
        throw GoogleError.forbidden("\(caller.email ?? "nobody") lacks \(permission) on \(resource)")
    }
}

@Suite("storage access: one generation, one object")
struct ObjectSafetyTests {
    private static let other = Caller.Identity.account("other@example.com")

    @Test func `an archived generation is read by its own access list, not by the live one's`() async throws {
        try await withStorage(authorizer: OwnerAnd()) { api, storage in
            _ = try await api.patch("/storage/v1/b/fog", json: #"{"versioning": {"enabled": true}}"#)
            let secret = try await api.put("a", "secret").json["generation"]?.string ?? ""
            let open =
                try await api.put("a", "open", query: "&predefinedAcl=publicRead").json["generation"]?.string ?? ""
            let stranger = TestAPI(storage, identity: .anonymous)
            #expect(try await stranger.get("/fog/a").text == "open")
            #expect(try await stranger.get("/storage/v1/b/fog/o/a?alt=media&generation=\(open)").text == "open")
            for target in ["/storage/v1/b/fog/o/a?alt=media&generation=\(secret)", "/fog/a?generation=\(secret)"] {
                let reply = try await stranger.get(target)
                #expect(
                    [401, 403].contains(reply.status) && !reply.text.contains("secret"),
                    "\(target): \(reply.text)"
                )
            }
        }
    }

    @Test func `an archived generation's list is changed by its own owners, not by the live one's`() async throws {
        try await withStorage(authorizer: OwnerAnd()) { api, storage in
            _ = try await api.patch("/storage/v1/b/fog", json: #"{"versioning": {"enabled": true}}"#)
            let secret = try await api.put("a", "secret").json["generation"]?.string ?? ""
            try await api.put("a", "open")
            let theirs = #"{"entity": "user-other@example.com", "role": "OWNER"}"#
            let given = try await api.post("/storage/v1/b/fog/o/a/acl", json: theirs)
            #expect(given.status == 200)
            let other = TestAPI(storage, identity: Self.other)
            let live = try await other.get("/storage/v1/b/fog/o/a/acl")
            #expect(live.status == 200)
            let archived = try await other.post("/storage/v1/b/fog/o/a/acl?generation=\(secret)", json: theirs)
            #expect(archived.status == 403, "\(archived.text)")
        }
    }

    @Test func `a bucket called objects has lists for each of its objects`() async throws {
        try await withStorage(authorizer: OwnerAnd()) { api, storage in
            _ = try await api.post("/storage/v1/b?project=demo", json: #"{"name": "objects"}"#)
            for (name, acl) in [("objects", "publicRead"), ("secret", "private")] {
                let target = "/upload/storage/v1/b/objects/o?uploadType=media&name=\(name)&predefinedAcl=\(acl)"
                _ = try await api.send(.post, target, body: Data(name.utf8))
            }
            let stranger = TestAPI(storage, identity: .anonymous)
            #expect(try await stranger.get("/objects/objects").text == "objects")
            let reply = try await stranger.get("/objects/secret")
            #expect([401, 403].contains(reply.status))
        }
    }

    @Test func `replacing an object needs leave to delete it, by every way of writing`() async throws {
        let creator = OwnerAnd(others: ["storage.objects.create", "storage.objects.get", "storage.buckets.get"])
        try await withStorage(authorizer: creator) { api, storage in
            try await api.put("a", "first")
            try await api.put("b", "other")
            let other = TestAPI(storage, identity: Self.other)
            let upload = "/upload/storage/v1/b/fog/o?name=a&uploadType="
            let compose = #"{"sourceObjects": [{"name": "b"}]}"#
            let multipart = "--x\r\n\r\n{}\r\n--x\r\n\r\nnew\r\n--x--\r\n"
            let replies = [
                try await other.put("a", "second"), try await other.post(upload + "resumable"),
                try await other.send(
                    .post,
                    upload + "multipart",
                    headers: [.contentType: "multipart/related; boundary=x"],
                    body: Data(multipart.utf8)
                ), try await other.send(.put, "/fog/a", body: Data("second".utf8)),
                try await other.post("/storage/v1/b/fog/o/b/copyTo/b/fog/o/a"),
                try await other.post("/storage/v1/b/fog/o/b/rewriteTo/b/fog/o/a"),
                try await other.post("/storage/v1/b/fog/o/a/compose", json: compose),
            ]
            #expect(replies.map(\.status) == Array(repeating: 403, count: replies.count), "\(replies.map(\.text))")
            #expect(try await api.get("/fog/a").text == "first")
            #expect(try await other.put("c", "new").status == 200)
            #expect(try await other.put("a", "never", query: "&ifGenerationMatch=0").status == 412)
        }
    }

    @Test func `a locked retention is neither shortened nor taken away`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", "kept")
            let path = "/storage/v1/b/fog/o/a"
            func retain(_ text: String) async throws -> Int {
                try await api.patch(path, json: #"{"retention": \#(text)}"#).status
            }
            #expect(try await retain(#"{"mode": "Locked", "retainUntilTime": "2099-01-01T00:00:00Z"}"#) == 200)
            for weaker in [
                "null", #"{"mode": "Unlocked", "retainUntilTime": "2099-01-01T00:00:00Z"}"#,
                #"{"mode": "Locked", "retainUntilTime": "2030-01-01T00:00:00Z"}"#,
            ] {
                let status = try await retain(weaker)
                #expect(status == 403, "\(weaker)")
            }
            #expect(try await retain(#"{"mode": "Locked", "retainUntilTime": "2100-01-01T00:00:00Z"}"#) == 200)
            #expect(try await api.delete(path).status == 403)
        }
    }

    @Test(arguments: ["anywhereCaches", "anywhereCaches/c"])
    func `what Brume lacks answers 501 with its name`(path: String) async throws {
        try await withStorage { api, _ in
            try await api.put("a", "1")
            let reply = try await api.get("/storage/v1/b/fog/\(path)")
            #expect(reply.status == 501 && reply.message?.contains("'storage.") == true, "\(reply.text)")
        }
    }
}

@Suite("storage: entity tags")
struct EtagTests {
    @Test func `a tag is the same in both alphabets of base 64, and changes with each change`() async throws {
        try await withStorage { api, _ in
            var tags: Set<String> = []
            for number in 1...40 {
                let made = try await api.put("a", "\(number)").json["etag"]?.string ?? ""
                let changed = try await api.patch("/storage/v1/b/fog/o/a", json: #"{"metadata": {"n": "\#(number)"}}"#)
                tags.formUnion([made, changed.json["etag"]?.string ?? ""])
            }
            #expect(tags.count == 80 && tags.allSatisfy { !$0.contains(where: "+/-_".contains) })
        }
    }

    @Test func `a policy is set with the tag that was read, in the other alphabet too`() async throws {
        try await withStorage { api, _ in
            for _ in 1...20 {
                try await api.put("a", "x")
                let policy = try await api.get("/storage/v1/b/fog/o/a/iam").json
                let tag = (policy["etag"]?.string ?? "").replacing("+", with: "-").replacing("/", with: "_")
                let set = try await api.put(
                    "/storage/v1/b/fog/o/a/iam",
                    json: #"{"bindings": [], "etag": "\#(tag)"}"#
                )
                #expect(set.status == 200, "\(set.text)")
            }
        }
    }
}

@Suite("storage.xml")
struct XMLSafetyTests {
    private static func field(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .accept }

    @Test(
        arguments: [
            (.delete, "/fog/a?acl"), (.put, "/fog/a?tagging"), (.delete, "/fog/a?tagging"), (.post, "/fog/a"),
            (.delete, "/fog?acl"), (.put, "/fog?policy"), (.get, "/fog/a?policy"), (.put, "/fog?location"),
            (.delete, "/fog?versioning"), (.post, "/fog?cors"), (.get, "/fog?what"),
        ] as [(HTTPRequest.Method, String)]
    )
    func `a subresource that Brume lacks is 501, and nothing changes`(
        method: HTTPRequest.Method,
        target: String
    ) async throws {
        try await withStorage { api, _ in
            if target.hasPrefix("/fog/a") { try await api.put("a", "first") }
            let reply = try await api.send(method, target, body: Data("<AccessControlList/>".utf8))
            #expect(reply.status == 501 && reply.text.contains("<Code>NotImplemented</Code>"), "\(reply.text)")
            #expect(try await api.get("/storage/v1/b/fog").status == 200)
            if target.hasPrefix("/fog/a") {
                let text = try await api.get("/fog/a").text
                #expect(text == "first")
            }
        }
    }

    @Test(arguments: [
        ("x-goog-copy-source-if-generation-match", "1"), ("x-amz-copy-source-range", "bytes=0-1"),
        ("x-amz-server-side-encryption", "AES256"), ("x-amz-object-lock-mode", "COMPLIANCE"), ("If-Match", "x"),
    ])
    func `a write that asks for more than Brume does is 501, and nothing changes`(
        name: String,
        value: String
    ) async throws {
        try await withStorage { api, _ in
            try await api.put("a", "first")
            let reply = try await api.send(.put, "/fog/a", headers: [Self.field(name): value], body: Data("x".utf8))
            #expect(reply.status == 501, "\(reply.text)")
            #expect(try await api.get("/fog/a").text == "first")
        }
    }

    @Test(arguments: [
        ("x-goog-if-metageneration-match", "999", 412), ("x-goog-if-generation-match", "1", 412),
        ("x-goog-if-generation-match", "0", 412), ("x-goog-if-generation-match", "many", 400),
    ])
    func `conditions hold for writing and deleting`(name: String, value: String, status: Int) async throws {
        try await withStorage { api, _ in
            try await api.put("a", "first")
            let headers: HTTPFields = [Self.field(name): value]
            #expect(try await api.send(.put, "/fog/a", headers: headers, body: Data("x".utf8)).status == status)
            #expect(try await api.send(.delete, "/fog/a", headers: headers).status == status)
            #expect(try await api.get("/fog/a").text == "first")
        }
    }

    @Test func `an object is written, read, listed and deleted`() async throws {
        try await withStorage { api, _ in
            let headers: HTTPFields = [Self.field("x-goog-meta-a"): "b", .contentType: "text/plain"]
            #expect(try await api.send(.put, "/fog/a", headers: headers, body: Data("x".utf8)).status == 200)
            let reply = try await api.get("/fog/a")
            #expect(reply.text == "x" && reply.headers[Self.field("x-goog-meta-a")] == "b")
            #expect(try await api.get("/fog?prefix=a&delimiter=/&max-keys=5").text.contains("<Key>a</Key>"))
            #expect(try await api.send(.delete, "/fog/a").status == 204)
        }
    }
}
