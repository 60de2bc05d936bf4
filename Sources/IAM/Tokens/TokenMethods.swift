import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import MetadataStore

/// The token server: [OAuth 2.0](https://developers.google.com/identity/protocols/oauth2/service-account#httprest).
struct TokenMethods: Sendable {
    let server: TokenServer

    func token(_ input: TokenInput, as caller: Caller) async throws -> JSON {
        switch input["grant_type"] {
        case "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": try await assertion(input)
        case "refresh_token": try await refresh(input)
        case "authorization_code":
            throw GoogleError.invalidGrant(
                "This cloud has no sign-in page: use the key of a service account "
                    + "(gcloud auth activate-service-account --key-file=KEY)."
            )
        case nil: throw GoogleError.invalidTokenRequest("Required parameter is missing: grant_type")
        case .some(let type): throw GoogleError.unsupportedGrant(type)
        }
    }

    private func assertion(_ input: TokenInput) async throws -> JSON {
        guard let text = input["assertion"] else {
            throw GoogleError.invalidTokenRequest("Required parameter is missing: assertion")
        }
        guard let token = JSONWebToken(parsing: text) else {
            throw GoogleError.invalidGrant("Invalid JWT: it has not the form of one.")
        }
        let account: ServiceAccount
        do {
            account = try await server.bearers.assertion(token).account
        } catch let error as AssertionError {
            throw GoogleError.invalidGrant(error.description)
        }
        if let subject = token.subject, subject != account.email { throw GoogleError.delegationRefused }
        if let audience = token.claims["target_audience"]?.string, !audience.isEmpty {
            return ["id_token": .string(try await server.identityToken(for: account, audience: audience))]
        }
        guard let scopes = token.claims["scope"]?.string, !scopes.isEmpty else { throw GoogleError.invalidScope }
        return access(account, scopes: scopes.split(separator: " ").map(String.init))
    }

    private func refresh(_ input: TokenInput) async throws -> JSON {
        guard let content = input["refresh_token"].flatMap({ server.sealed.open($0, as: .refresh) }),
            server.now() < content.expiry,
            let account = try await server.store.account(content.email),
            account.uniqueId == content.uniqueID, account.isUsable
        else { throw GoogleError.invalidGrant("Token has been expired or revoked.") }
        var answer = access(account, scopes: content.scopes)
        answer["scope"] = .string(content.scopes.joined(separator: " "))
        return answer
    }

    private func access(_ account: ServiceAccount, scopes: [String]) -> JSON {
        [
            "access_token": .string(server.accessToken(for: account, scopes: scopes, lifetime: TokenServer.lifetime)),
            "expires_in": .integer(TokenServer.lifetime.components.seconds - 1), "token_type": "Bearer",
        ]
    }

    /// Says what a token is good for.
    func tokenInfo(_ input: TokenInput, as caller: Caller) async throws -> JSON {
        if let text = input["id_token"] { return try await identityTokenInfo(text) }
        guard let text = input["access_token"],
            let found = try? await server.bearers.read(text)
        else { throw GoogleError.invalid("Invalid Value", reason: "invalid_token") }
        return [
            "azp": .string(found.account.uniqueId), "aud": .string(found.account.uniqueId),
            "sub": .string(found.account.uniqueId), "scope": .string((found.scopes.names ?? []).joined(separator: " ")),
            "exp": .string(String(Int(found.expiry.timeIntervalSince1970))),
            "expires_in": .string(String(Int(found.expiry.timeIntervalSince(server.now())))),
            "email": .string(found.account.email), "email_verified": "true", "access_type": "online",
        ]
    }

    private func identityTokenInfo(_ text: String) async throws -> JSON {
        guard let token = JSONWebToken(parsing: text), token.isSigned(by: try await server.identityCertificate().key),
            let expiry = token.expiry, server.now() < expiry
        else { throw GoogleError.invalid("Invalid Value", reason: "invalid_token") }
        return token.claims
    }

    /// Whom a token is of.
    func userInfo(_ input: TokenInput, _ call: Call) async throws -> Response {
        let header = call.headers[.authorization]?.split(separator: " ").last.map(String.init)
        guard let text = header ?? input["access_token"] else {
            throw GoogleError.badCredential("the call carries no token.")
        }
        let account = try await server.bearers.read(text).account
        let answer: JSON = [
            "sub": .string(account.uniqueId), "id": .string(account.uniqueId), "email": .string(account.email),
            "email_verified": true, "verified_email": true,
        ]
        return try JSONResponse.make(answer, for: call)
    }

    // MARK: Public keys

    /// Certificates of identity tokens, by key ID.
    func certificates(_ input: NoInput, as caller: Caller) async throws -> JSON {
        let (id, certificate, _) = try await server.identityCertificate()
        return .object([id: .string(certificate)])
    }

    /// The same as JSON Web Keys.
    func webKeys(_ input: NoInput, as caller: Caller) async throws -> JSON {
        let (id, _, key) = try await server.identityCertificate()
        return ["keys": [.object(try key.webKey(id: id).mapValues(JSON.string))]]
    }

    /// Certificates of an account's keys, by key ID.
    func accountCertificates(_ input: AccountCertificatesInput, as caller: Caller) async throws -> JSON {
        .object(
            Dictionary(
                try await keys(of: input.email).map { ($0.id, JSON.string($0.certificate)) },
                uniquingKeysWith: { $1 }
            )
        )
    }

    /// The same as JSON Web Keys.
    func accountWebKeys(_ input: AccountCertificatesInput, as caller: Caller) async throws -> JSON {
        let keys = try await keys(of: input.email).map { key in
            JSON.object(try VerificationKey(pem: key.publicKey).webKey(id: key.id).mapValues(JSON.string))
        }
        return ["keys": .array(keys)]
    }

    private func keys(of email: String) async throws -> [ServiceAccountKey] {
        guard try await server.store.account(email) != nil else { throw GoogleError.accountMissing(email) }
        return try await server.store.keys(of: email).filter { $0.isUsable(at: server.now()) }
    }
}

extension ErrorStyle {
    /// OAuth's own form: `error` is a code, `error_description` the message.
    static let oauth = ErrorStyle { error, call in
        let document: JSON = ["error": .string(error.reason), "error_description": .string(error.message)]
        let status = HTTPResponse.Status(code: error.code)
        return (try? JSONResponse.make(document, status: status, for: call)) ?? Response(status: status)
    }
}

/// Lets everybody reach the token server: what they send there is the credential.
struct NoSignIn: Authenticator {
    func identity(of call: Call) async throws -> Caller.Identity { .anonymous }
}
