import APIServer
import Foundation
import GoogleAPI

/// The rules of [iamcredentials](https://docs.cloud.google.com/iam/docs/reference/credentials/rest): credentials of
/// accounts other than one's own.
struct CredentialMethods: Sendable {
    let store: ServiceAccountStore
    let server: TokenServer
    let now: @Sendable () -> Date

    func generateAccessToken(_ input: CredentialInput, as caller: Caller) async throws -> JSON {
        let account = try await usable(input)
        let lifetime = try input.lifetime()
        guard !input.scopes.isEmpty else { throw GoogleError.badPayload("The field 'scope' is required.") }
        let expiry = now().addingTimeInterval(TimeInterval(lifetime.components.seconds))
        return [
            "accessToken": .string(server.accessToken(for: account, scopes: input.scopes, lifetime: lifetime)),
            "expireTime": .string(expiry.formatted(.iso8601)),
        ]
    }

    func generateIdToken(_ input: CredentialInput, as caller: Caller) async throws -> JSON {
        let account = try await usable(input)
        guard let audience = input.body["audience"]?.string, !audience.isEmpty else {
            throw GoogleError.badPayload("The field 'audience' is required.")
        }
        return ["token": .string(try await server.identityToken(for: account, audience: audience))]
    }

    func signJwt(_ input: CredentialInput, as caller: Caller) async throws -> JSON {
        let account = try await usable(input)
        guard let payload = input.body["payload"]?.string, let claims = try? JSON(parsing: Data(payload.utf8)),
            claims.object != nil
        else { throw GoogleError.badPayload("The field 'payload' is not a JSON object of claims.") }
        let key = try await server.systemKey(of: account)
        return [
            "keyId": .string(key.id), "signedJwt": .string(try JSONWebToken.sign(Data(payload.utf8), with: key)),
        ]
    }

    func signBlob(_ input: CredentialInput, as caller: Caller) async throws -> JSON {
        let account = try await usable(input)
        guard let payload = input.body["payload"]?.string, let data = Base64URL.data(payload) else {
            throw GoogleError.badPayload("The field 'payload' is not valid Base64.")
        }
        let key = try await server.systemKey(of: account)
        return ["keyId": .string(key.id), "signedBlob": .string(try key.signature(of: data).base64EncodedString())]
    }

    /// Where an account's tokens may be used: anywhere.
    func allowedLocations(_ input: CredentialInput, as caller: Caller) async throws -> JSON {
        ["locations": [], "encodedLocations": "0x0"]
    }

    private func usable(_ input: CredentialInput) async throws -> ServiceAccount {
        let account = try await store.named(input.resource)
        guard account.isUsable else {
            throw GoogleError(
                .failedPrecondition,
                reason: "failedPrecondition",
                message: "The service account \(account.email) is disabled: enable it first."
            )
        }
        return account
    }
}
