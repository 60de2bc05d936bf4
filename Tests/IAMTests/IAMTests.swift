import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import IAM
import Testing

private let cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
private let scope: [String: JSON] = ["scope": .string(cloudPlatform)]

@Suite("oauth2.token")
struct TokenTests {
    @Test func `a signed assertion buys an access token, without an id token`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let reply = try await cloud.exchange(key.assertion(at: cloud.now, adding: scope))
            #expect(reply.status == 200)
            #expect(reply.json["token_type"] == "Bearer" && reply.json["id_token"] == nil)
            let token = try #require(reply.json["access_token"]?.string)
            #expect(token.hasPrefix("ya29."))
            #expect(try await cloud.iam.email(ofAccessToken: token) == key.email)
        }
    }

    @Test func `an assertion with a target audience buys an id token for it`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let reply = try await cloud.exchange(key.assertion(at: cloud.now, adding: ["target_audience": "client"]))
            let token = try #require(reply.json["id_token"]?.string)
            let info = try await cloud.api.send(.get, "/tokeninfo?id_token=\(token)")
            #expect(info.status == 200 && info.json["aud"] == "client" && info.json["email"] == .string(key.email))
        }
    }

    @Test(arguments: ["tampered", "expired", "unknown kid", "unsigned", "foreign account", "too long a life"])
    func `an assertion that is not good is refused as invalid_grant`(fault: String) async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            var assertion = try key.assertion(at: cloud.now, adding: scope)
            switch fault {
            case "tampered":
                var parts = assertion.split(separator: ".").map(String.init)
                let other = try key.assertion(at: cloud.now, adding: ["scope": "more"])
                parts[1] = String(other.split(separator: ".")[1])
                assertion = parts.joined(separator: ".")
            case "expired": cloud.pass(3601)
            case "unknown kid":
                assertion = try key.assertion(at: cloud.now, adding: scope, header: ["kid": "feedface"])
            case "unsigned":
                assertion = try key.assertion(at: cloud.now, adding: scope, header: ["alg": "none"])
            case "foreign account":
                assertion = try key.assertion(
                    at: cloud.now,
                    adding: scope.merging(["iss": .string(TestCloud.owner)]) { $1 }
                )
            default:
                let exp = JSON.integer(Int64(cloud.now.timeIntervalSince1970) + 86_400)
                assertion = try key.assertion(at: cloud.now, adding: scope.merging(["exp": exp]) { $1 })
            }
            let reply = try await cloud.exchange(assertion)
            #expect(reply.status == 400 && reply.json["error"] == "invalid_grant", "\(reply.text)")
            #expect(reply.json["error_description"]?.string?.isEmpty == false)
        }
    }

    @Test func `a deleted key signs nobody in any more`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let before = try await cloud.exchange(key.assertion(at: cloud.now, adding: scope))
            #expect(before.status == 200)
            _ = try await cloud.asOwner.delete("/iam/v1/projects/-/serviceAccounts/\(key.email)/keys/\(key.id)")
            let after = try await cloud.exchange(key.assertion(at: cloud.now, adding: scope))
            #expect(after.status == 400 && after.json["error"] == "invalid_grant")
        }
    }

    @Test func `authorization codes are refused with a remedy`() async throws {
        try await withTestCloud { cloud in
            let reply = try await cloud.api.send(
                .post,
                "/token",
                body: Data("grant_type=authorization_code&code=x".utf8)
            )
            #expect(reply.status == 400 && reply.json["error_description"]?.string?.contains("--key-file") == true)
        }
    }
}

@Suite("sign-in")
struct SignInTests {
    private func list(_ cloud: TestCloud, _ authorization: String?) async throws -> TestReply {
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        return try await cloud.api.send(.get, "/iam/v1/projects/demo/serviceAccounts", headers: headers)
    }

    @Test func `tokens outlive a restart of the cloud`() async throws {
        try await withTestCloud { cloud in
            let token = try await cloud.iam.accessToken(for: TestCloud.owner, scopes: [cloudPlatform])
            let again = try await TestCloud(folder: cloud.folder, store: cloud.store)
            #expect(try await again.iam.email(ofAccessToken: token) == TestCloud.owner)
        }
    }

    @Test func `a token expires after its lifetime`() async throws {
        try await withTestCloud { cloud in
            let token = try await cloud.iam.accessToken(for: TestCloud.owner, scopes: [cloudPlatform])
            #expect(try await list(cloud, "Bearer \(token)").status == 200)
            cloud.pass(3601)
            let reply = try await list(cloud, "Bearer \(token)")
            #expect(reply.status == 401 && reply.reason == "authError")
        }
    }

    @Test func `a JWT that an account signed itself is a credential`() async throws {
        try await withTestCloud { cloud in
            let key = try TestKey(file: JSON(parsing: await cloud.iam.keyFile(for: TestCloud.owner, existing: nil)))
            let token = try key.assertion(at: cloud.now, adding: ["aud": "https://storage.googleapis.com/"])
            #expect(try await list(cloud, "Bearer \(token)").status == 200)
            cloud.pass(3700)
            #expect(try await list(cloud, "Bearer \(token)").status == 401)
        }
    }

    @Test(arguments: ["Bearer ya29.AAAA.BBBB", "Bearer x", "Bearer a.b.c", "Basic b3duZXI6eA==", "Bearer"])
    func `any other credential is 401`(credential: String) async throws {
        try await withTestCloud { cloud in
            let reply = try await list(cloud, credential)
            #expect(reply.status == 401 && reply.reason == "authError", "\(reply.text)")
        }
    }

    @Test func `a token whose seal is changed is 401`() async throws {
        try await withTestCloud { cloud in
            var token = try await cloud.iam.accessToken(for: TestCloud.owner, scopes: [cloudPlatform])
            token = String(token.dropLast(2)) + (token.hasSuffix("AA") ? "BB" : "AA")
            #expect(try await list(cloud, "Bearer \(token)").status == 401)
        }
    }

    @Test func `no credential at all is 401 required`() async throws {
        try await withTestCloud { cloud in
            let reply = try await list(cloud, nil)
            #expect(reply.status == 401 && reply.reason == "required")
            #expect(reply.message?.hasPrefix("Anonymous caller does not have iam.serviceAccounts.list access") == true)
        }
    }

    @Test func `a deleted account's tokens end with it`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let token = try await cloud.iam.accessToken(for: key.email, scopes: [cloudPlatform])
            #expect(try await cloud.iam.email(ofAccessToken: token) == key.email)
            _ = try await cloud.asOwner.delete("/iam/v1/projects/demo/serviceAccounts/\(key.email)")
            await #expect(throws: GoogleError.self) { try await cloud.iam.identity(ofAccessToken: token) }
        }
    }

    @Test func `a key file is a password while its key is good`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let file = String(decoding: try key.file.data(), as: UTF8.self)
            let token = try await cloud.iam.accessToken(forKeyFile: file)
            #expect(try await cloud.iam.email(ofAccessToken: token) == key.email)
            let other = try await cloud.makeKey(of: "stranger")
            var forged = key.file
            forged["private_key"] = other.file["private_key"]
            let text = String(decoding: try forged.data(), as: UTF8.self)
            await #expect(throws: GoogleError.self) { try await cloud.iam.accessToken(forKeyFile: text) }
        }
    }

    @Test func `in open mode a caller without a credential is the owner, a wrong credential is still refused`()
        async throws
    {
        try await withTestCloud { cloud in
            let open = TestAPI(
                cloud.iam.apis(authorizer: cloud.access, projects: DemoProject()),
                authenticator: SignIn(cloud.iam, openOwner: TestCloud.owner)
            )
            #expect(try await open.get("/iam/v1/projects/demo/serviceAccounts").status == 200)
            let wrong = try await open.send(
                .get,
                "/iam/v1/projects/demo/serviceAccounts",
                headers: [.authorization: "Bearer nonsense"]
            )
            #expect(wrong.status == 401)
        }
    }
}
