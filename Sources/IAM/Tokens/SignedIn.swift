package import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore

/// Whom a bearer token proved its sender to be, and until when.
struct SignedIn: Sendable, Equatable {
    var account: ServiceAccount
    var scopes: OAuthScopes
    var expiry: Date

    var identity: Caller.Identity { .account(account.email, scopes: scopes) }
}

/// Reads bearer tokens: access tokens that the cloud sealed, and tokens that accounts signed with keys of their own.
struct BearerTokens: Sendable {
    let store: ServiceAccountStore
    let sealed: SealedTokens
    let now: @Sendable () -> Date

    /// Clocks of guests and clients may differ by this much.
    static let tolerance: TimeInterval = 60
    /// The longest that a self-signed token may be valid.
    static let longestLife: TimeInterval = 3600 + tolerance

    /// Finds the account behind a token.
    ///
    /// - Throws: ``GoogleError`` `authError` (401).
    func read(_ token: String) async throws -> SignedIn {
        let found = try await store.signedIn.value(for: token) { try await verify(token) }
        guard let found else { throw GoogleError.badCredential("the token is not of this cloud.") }
        guard now() < found.expiry else { throw GoogleError.badCredential("the token has expired.") }
        return found
    }

    private func verify(_ token: String) async throws -> SignedIn? {
        if let content = sealed.open(token, as: .access) {
            guard let account = try await store.account(content.email), account.uniqueId == content.uniqueID,
                account.isUsable
            else { throw GoogleError.accountUnusable }
            return SignedIn(account: account, scopes: OAuthScopes(content.scopes), expiry: content.expiry)
        }
        guard let token = JSONWebToken(parsing: token) else { return nil }
        do {
            return try await verify(token)
        } catch let error as AssertionError {
            throw GoogleError.badCredential(error.description)
        }
    }

    /// A JWT that an account signed to sign itself in, as Google's client libraries send instead of an access token.
    private func verify(_ token: JSONWebToken) async throws -> SignedIn {
        let (account, expiry) = try await assertion(token)
        guard token.subject == token.issuer else { throw AssertionError.wrongSubject }
        let scopes = (token.claims["scope"]?.string ?? "").split(separator: " ").map(String.init)
        guard !scopes.isEmpty || token.claims["aud"]?.string != nil else { throw AssertionError.noPurpose }
        return SignedIn(account: account, scopes: OAuthScopes(scopes.isEmpty ? nil : scopes), expiry: expiry)
    }

    /// Checks what an account says of itself with a signature.
    ///
    /// The audience is not compared: clients write Google's token server there whichever they talk to.
    func assertion(_ token: JSONWebToken) async throws -> (account: ServiceAccount, expiry: Date) {
        guard let issuer = token.issuer, let account = try await store.account(issuer) else {
            throw AssertionError.unknownAccount
        }
        guard account.isUsable else { throw AssertionError.disabledAccount }
        let candidates =
            if let id = token.keyID {
                try await store.key(id).map { [$0] } ?? []
            } else {
                try await store.keys(of: issuer)
            }
        let isSigned = try candidates.contains { key in
            try key.email == issuer && key.isUsable(at: now())
                && token.isSigned(by: VerificationKey(pem: key.publicKey))
        }
        guard isSigned else { throw AssertionError.wrongSignature }
        guard let expiry = token.expiry, now() < expiry else { throw AssertionError.expired }
        let issued = token.issueTime ?? expiry.addingTimeInterval(-3600)
        guard issued <= now().addingTimeInterval(Self.tolerance), expiry.timeIntervalSince(issued) <= Self.longestLife
        else { throw AssertionError.expired }
        return (account, expiry)
    }
}

/// What may be wrong with a signed assertion, in Google's words.
enum AssertionError: Error, CustomStringConvertible {
    case unknownAccount, disabledAccount, wrongSignature, expired, wrongSubject, noPurpose

    var description: String {
        switch self {
        case .unknownAccount: "Invalid grant: account not found"
        case .disabledAccount: "Invalid grant: account disabled"
        case .wrongSignature: "Invalid JWT Signature."
        case .expired:
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                + "Check your iat and exp values in the JWT claim."
        case .wrongSubject: "Invalid JWT: 'sub' is not 'iss'."
        case .noPurpose: "Invalid JWT: neither 'aud' nor 'scope' is given."
        }
    }
}

/// Signs callers in: a bearer token in the header, or in the query as `access_token`.
package struct SignIn: Authenticator {
    private let iam: IAM
    private let openOwner: String?

    /// - Parameter openOwner: Who callers without a credential are (`brume up --open`); nil: nobody.
    package init(_ iam: IAM, openOwner: String? = nil) {
        self.iam = iam
        self.openOwner = openOwner
    }

    package func identity(of call: Call) async throws -> Caller.Identity {
        if let header = call.headers[.authorization] {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else {
                throw GoogleError.badCredential("the Authorization header holds no bearer token.")
            }
            return try await iam.identity(ofAccessToken: String(parts[1].drop { $0 == " " }))
        }
        if let token = call.query("access_token"), !token.isEmpty {
            return try await iam.identity(ofAccessToken: token)
        }
        return openOwner.map { .account($0) } ?? .anonymous
    }
}
