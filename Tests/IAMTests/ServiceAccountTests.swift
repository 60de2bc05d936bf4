import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import IAM
import Testing

@Suite("iam.projects.serviceAccounts")
struct ServiceAccountTests {
    private let all = "/iam/v1/projects/demo/serviceAccounts"

    @Test func `an account is created once, got, changed, listed and deleted`() async throws {
        try await withTestCloud { cloud in
            let api = cloud.asOwner
            let body = #"{"accountId":"trainer","serviceAccount":{"displayName":"T"}}"#
            let made = try await api.post(all, json: body)
            #expect(made.status == 200 && made.json["email"] == "trainer@demo.iam.gserviceaccount.com")
            #expect(made.json["uniqueId"]?.string?.count == 21)
            let again = try await api.post(all, json: body)
            #expect(again.status == 409)
            let one = "/iam/v1/projects/-/serviceAccounts/trainer%40demo.iam.gserviceaccount.com"
            let patched = try await api.patch(
                one,
                json: #"{"serviceAccount":{"displayName":"U"},"updateMask":"displayName"}"#
            )
            #expect(patched.json["displayName"] == "U" && patched.json["etag"] != made.json["etag"])
            let emails = try await api.get(all).json["accounts"]?.array?.compactMap { $0["email"]?.string } ?? []
            #expect(emails.contains("trainer@demo.iam.gserviceaccount.com"))
            #expect(emails.contains("123456789012-compute@developer.gserviceaccount.com"))
            #expect(!emails.contains("123456789012@cloudbuild.gserviceaccount.com"))
            #expect(try await api.delete(one).status == 200)
            #expect(try await api.get(one).status == 404)
        }
    }

    @Test(arguments: [
        "short", "Upper-case", "1digit-first", "ends-with-", "has_underscore", String(repeating: "a", count: 31),
    ])
    func `an account ID against the rules is 400`(id: String) async throws {
        try await withTestCloud { cloud in
            let reply = try await cloud.asOwner.post(all, json: #"{"accountId":"\#(id)"}"#)
            #expect(reply.status == 400 && reply.message?.contains(id) == true)
        }
    }

    @Test func `keys are listed without their private half, and only user-managed ones can be deleted`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let one = "/iam/v1/projects/demo/serviceAccounts/\(key.email)"
            let listed = try await cloud.asOwner.get(one + "/keys")
            #expect(listed.json["keys"]?[0]?["keyType"] == "USER_MANAGED")
            #expect(!listed.text.contains("privateKeyData"))
            #expect(
                key.file["token_uri"] == "http://127.0.0.1:4600/token" && key.file["client_id"]?.string?.count == 21
            )

            let policy =
                #"{"policy":{"bindings":[{"role":"roles/iam.serviceAccountTokenCreator","members":["serviceAccount:\#(TestCloud.owner)"]}]}}"#
            let sign = "/iamcredentials/v1/projects/-/serviceAccounts/\(key.email):signBlob"
            #expect(try await cloud.asOwner.post(sign, json: #"{"payload":"aGk="}"#).status == 403)
            #expect(try await cloud.asOwner.post(one + ":setIamPolicy", json: policy).status == 200)
            let signed = try await cloud.asOwner.post(sign, json: #"{"payload":"aGk="}"#)
            let signature = try #require(Data(base64Encoded: signed.json["signedBlob"]?.string ?? ""))
            #expect(try await cloud.iam.isSigned(Data("hi".utf8), signature: signature, by: key.email))
            #expect(try await !cloud.iam.isSigned(Data("ho".utf8), signature: signature, by: key.email))
            let systemKey = try #require(signed.json["keyId"]?.string)
            #expect(try await cloud.asOwner.delete(one + "/keys/\(systemKey)").status == 400)
            let published = try await cloud.api.get("/robot/v1/metadata/x509/\(key.email)")
            #expect(published.json[systemKey]?.string?.hasPrefix("-----BEGIN CERTIFICATE-----") == true)
        }
    }

    @Test func `impersonation takes the token creator's role`() async throws {
        try await withTestCloud { cloud in
            let key = try await cloud.makeKey()
            let generate = "/iamcredentials/v1/projects/-/serviceAccounts/\(key.email):generateAccessToken"
            let body = #"{"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"600s"}"#
            #expect(try await cloud.asOwner.post(generate, json: body).status == 403)
            var policy = try await cloud.iam.policy(ofProject: "demo")
            policy.bindings.append(
                .init(role: "roles/iam.serviceAccountTokenCreator", members: ["serviceAccount:\(TestCloud.owner)"])
            )
            _ = try await cloud.iam.setPolicy(policy, ofProject: "demo")
            let reply = try await cloud.asOwner.post(generate, json: body)
            let token = try #require(reply.json["accessToken"]?.string)
            #expect(try await cloud.iam.email(ofAccessToken: token) == key.email)
            cloud.pass(601)
            await #expect(throws: GoogleError.self) { try await cloud.iam.identity(ofAccessToken: token) }
        }
    }
}
