import CryptoExtras
import Foundation
import GoogleAPI

/// Makes tokens.
struct TokenServer: Sendable {
    let store: ServiceAccountStore
    let sealed: SealedTokens
    let keys: KeyFolder
    let now: @Sendable () -> Date

    /// The name of the key that signs identity tokens, in the keys folder.
    private static let identityKey = "identity-tokens"
    /// Google's tokens live for an hour.
    static let lifetime = Duration.seconds(3600)

    var bearers: BearerTokens { BearerTokens(store: store, sealed: sealed, now: now) }

    func accessToken(for account: ServiceAccount, scopes: [String], lifetime: Duration) -> String {
        seal(for: account, scopes: scopes, lifetime: lifetime, as: .access)
    }

    /// What `application_default_credentials.json` of type `authorized_user` holds: good for a year.
    func refreshToken(for account: ServiceAccount, scopes: [String]) -> String {
        seal(for: account, scopes: scopes, lifetime: .seconds(365 * 86_400), as: .refresh)
    }

    private func seal(
        for account: ServiceAccount,
        scopes: [String],
        lifetime: Duration,
        as kind: SealedTokens.Kind
    ) -> String {
        let content = SealedTokens.Content(
            email: account.email,
            uniqueID: account.uniqueId,
            scopes: scopes,
            issueTime: now(),
            expiry: now().addingTimeInterval(TimeInterval(lifetime.components.seconds))
        )
        return sealed.seal(content, as: kind)
    }

    /// - Parameter besides: Further claims; they do not replace those of every token.
    func identityToken(
        for account: ServiceAccount,
        audience: String,
        besides: JSON = [:]
    ) async throws -> String {
        let issued = Int64(now().timeIntervalSince1970)
        var claims: JSON = [
            "iss": "https://accounts.google.com", "aud": .string(audience), "sub": .string(account.uniqueId),
            "azp": .string(account.uniqueId), "email": .string(account.email), "email_verified": true,
            "iat": .integer(issued), "exp": .integer(issued + Self.lifetime.components.seconds),
        ]
        for (name, value) in besides.object ?? [:] { claims[name] = claims[name] ?? value }
        return try JSONWebToken.sign(try claims.data(), with: try await keys.key(Self.identityKey))
    }

    /// The certificate by which identity tokens are verified, and the key's ID.
    func identityCertificate() async throws -> (id: String, certificate: String, key: VerificationKey) {
        let key = try await keys.key(Self.identityKey)
        let certificate = try key.certificate(
            of: "accounts.google.com",
            from: now().addingTimeInterval(-3600),
            to: ServiceAccountKey.endOfTime
        )
        return (key.id, certificate, try VerificationKey(pem: key.key.publicKey.pemRepresentation))
    }

    /// The key that the cloud keeps for an account, made and registered when it is first needed.
    func systemKey(of account: ServiceAccount) async throws -> SigningKey {
        let key = try await keys.key("accounts/\(account.uniqueId)")
        if try await store.key(key.id) == nil {
            try await store.insert(ServiceAccountKey(key, of: account, isSystemManaged: true, at: now()))
        }
        return key
    }
}
