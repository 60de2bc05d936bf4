import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("storage.xml: forms")
struct FormUploadTests {
    private func post(
        _ api: TestAPI,
        _ fields: [(String, String)],
        file: String? = "content",
        isCut: Bool = false
    ) async throws -> TestReply {
        var body = fields.map { "--b\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
        if let file {
            body += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"local name.txt\"\r\n\r\n\(file)"
        }
        if !isCut { body += "\r\n--b--\r\n" }
        return try await api.send(
            .post,
            "/fog",
            headers: [.contentType: "multipart/form-data; boundary=b"],
            body: Data(body.utf8)
        )
    }

    @Test func `a form's file becomes an object with what the fields say`() async throws {
        try await withStorage { api, _ in
            let reply = try await post(
                api,
                [
                    ("key", "up/${filename}"), ("Content-Type", "text/plain"), ("x-goog-meta-k", "v"),
                    ("success_action_status", "201"),
                ]
            )
            #expect(reply.status == 201 && reply.text.contains("<Key>up/local name.txt</Key>"))
            #expect(reply.headers[.location]?.hasSuffix("/fog/up/local%20name.txt") == true)
            let object = try await api.get("/storage/v1/b/fog/o/up%2Flocal%20name.txt").json
            #expect(object["contentType"] == "text/plain" && object["metadata"] == ["k": "v"] && object["size"] == "7")
        }
    }

    @Test func `the page that the form names comes next`() async throws {
        try await withStorage { api, _ in
            let page = "http://localhost/done?a=1"
            let reply = try await post(api, [("key", "a b"), ("success_action_redirect", page)])
            #expect(reply.status == 303)
            #expect(reply.headers[.location]?.hasPrefix("\(page)&bucket=fog&key=a%20b&etag=%22") == true)
            #expect(try await post(api, [("key", "plain")]).status == 204)
        }
    }

    @Test func `a form that is not whole, or has no key, leaves nothing`() async throws {
        try await withStorage { api, _ in
            for reply in [
                try await post(api, [("key", "x")], isCut: true), try await post(api, [("key", "x")], file: nil),
                try await post(api, []), try await post(api, [("key", "")]),
                try await post(api, [("key", "x"), ("policy", "e30=")]),
                try await api.send(.post, "/fog", headers: [.contentType: "text/plain"], body: Data("x".utf8)),
            ] { #expect(reply.status == 400, "\(reply.text)") }
            #expect(try await api.get("/storage/v1/b/fog/o").json["items"] == nil)
        }
    }
}
