import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("registry: sign-in")
struct SignInTests {
    @Test func `a caller without credentials is told where to get a token, as gcloud reads it`() async throws {
        try await withRegistry { registry in
            let reply = try await registry.send(.get, "/v2/", token: nil)
            #expect(reply.status == 401)
            #expect(reply.headers[.wwwAuthenticate] == #"Bearer realm="http://gcr.io/v2/token",service="gcr.io""#)
        }
    }

    @Test(arguments: [
        "_dcgcloud_token:token", "_token:token", "oauth2accesstoken:token", "_json_key:{\"client_email\":\"robot\"}",
        "_json_key_base64:eyJjbGllbnRfZW1haWwiOiJyb2JvdCJ9",
    ])
    func `each of Google's users gets a token that opens the registry`(credential: String) async throws {
        try await withRegistry { registry in
            let basic = "Basic " + Data(credential.utf8).base64EncodedString()
            let reply = try await registry.api.send(
                .get,
                "/v2/token?service=gcr.io&scope=repository:demo/image:pull&scope=repository:demo/other:pull",
                host: "gcr.io",
                headers: [.authorization: basic]
            )
            let token = try #require(reply.json["token"]?.string)
            #expect(try await registry.send(.get, "/v2/", token: token).status == 200)
        }
    }

    @Test func `a wrong password gets no token`() async throws {
        try await withRegistry { registry in
            let basic = "Basic " + Data("oauth2accesstoken:guess".utf8).base64EncodedString()
            let reply = try await registry.api.send(.get, "/v2/token", host: "gcr.io", headers: [.authorization: basic])
            #expect(reply.status == 401)
        }
    }

    @Test func `an anonymous token does not open a private repository`() async throws {
        try await withRegistry { registry in
            try await registry.push("demo/image", tag: "v1")
            #expect(try await registry.send(.get, "/v2/", token: "anonymous").status == 200)
            #expect(try await registry.send(.get, "/v2/demo/image/manifests/v1", token: "anonymous").status == 401)
        }
    }
}
