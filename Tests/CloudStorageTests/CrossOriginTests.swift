import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("storage: pages of other origins")
struct CrossOriginTests {
    private static let cors = """
        {"cors": [{"origin": ["https://lab.example", "https://*.school.example"], "method": ["GET", "PUT"],
                   "responseHeader": ["Content-Type", "x-goog-meta-colour"], "maxAgeSeconds": 60}]}
        """

    private func ask(_ api: TestAPI, _ origin: String, _ method: String, _ headers: String = "") async throws
        -> TestReply
    {
        var fields: HTTPFields = [.origin: origin, .accessControlRequestMethod: method]
        if !headers.isEmpty { fields[.accessControlRequestHeaders] = headers }
        return try await api.send(.options, "/fog/a", headers: fields)
    }

    @Test func `a bucket says which pages may do what with its objects`() async throws {
        try await withStorage { api, _ in
            let set = try await api.patch("/storage/v1/b/fog", json: Self.cors)
            #expect(set.status == 200)
            let allowed = try await ask(api, "https://lab.example", "PUT", "content-type")
            #expect(allowed.status == 200)
            #expect(allowed.headers[.accessControlAllowOrigin] == "https://lab.example")
            #expect(allowed.headers[.accessControlAllowMethods] == "GET, PUT")
            #expect(allowed.headers[.accessControlMaxAge] == "60")
            let wild = try await ask(api, "https://a.school.example", "GET")
            #expect(wild.headers[.accessControlAllowOrigin] == "https://a.school.example")
            for (origin, method, headers) in [
                ("https://evil.example", "GET", ""), ("https://lab.example", "DELETE", ""),
                ("https://lab.example", "PUT", "authorization"), ("https://lab.example.evil", "GET", ""),
            ] {
                let refused = try await ask(api, origin, method, headers)
                #expect(refused.headers[.accessControlAllowOrigin] == nil, "\(origin) \(method) \(headers)")
            }
            try await api.put("a", "x")
            let read = try await api.send(.get, "/fog/a", headers: [.origin: "https://lab.example"])
            #expect(read.text == "x" && read.headers[.accessControlAllowOrigin] == "https://lab.example")
            #expect(read.headers[.accessControlExposeHeaders] == "Content-Type, x-goog-meta-colour")
            let missing = try await api.send(.get, "/fog/none", headers: [.origin: "https://lab.example"])
            #expect(missing.status == 404 && missing.headers[.accessControlAllowOrigin] == "https://lab.example")
            let plain = try await api.get("/fog/a")
            #expect(plain.headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test func `the JSON API is for every page, and a cloud that is open to all for none`() async throws {
        try await withStorage { api, storage in
            let origin: HTTPFields = [.origin: "https://any.example"]
            let read = try await api.send(.get, "/storage/v1/b/fog", headers: origin)
            #expect(read.headers[.accessControlAllowOrigin] == "https://any.example")
            let signIn = FixedIdentity()
            let open = TestAPI(storage.apis(signIn: signIn, isOpen: true), authenticator: signIn)
            let refused = try await open.send(.get, "/storage/v1/b/fog", headers: origin)
            #expect(refused.status == 200 && refused.headers[.accessControlAllowOrigin] == nil)
        }
    }
}
