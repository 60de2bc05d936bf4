import APIServer
import Crypto
package import Foundation
import GoogleAPI
import HTTPTypes

/// What Cloud Storage asks of accounts.
package protocol StorageAccounts: Sendable {
    func hasAccount(_ email: String) async throws -> Bool
    /// Whether bytes are signed by one of the account's keys: RS256, PKCS #1 v1.5.
    func isSigned(_ data: Data, signature: Data, by email: String) async throws -> Bool
}

/// Signs callers in by a signature over their request, in a header or in a signed URL, or in the cloud's common way.
struct SignedRequests: Authenticator {
    let signers: Signers
    let others: any Authenticator
    let now: @Sendable () -> Date

    func identity(of call: Call) async throws -> Caller.Identity {
        guard let signature = try Signature(call) else { return try await others.identity(of: call) }
        guard signature.validity.contains(now()) else { throw GoogleError.expiredSignature }
        try signature.checkHeaders(of: call)
        let request = CanonicalRequest(call: call)
        let signed =
            if case .version2(let dialect) = signature.algorithm {
                request.version2(dialect, time: signature.time)
            } else {
                request.version4(signature)
            }
        return .account(try await signers.signer(of: signature, over: signed))
    }
}

/// Whoever can sign: accounts with their RSA keys, and with HMAC keys.
struct Signers: Sendable {
    let keys: HMACKeyStore
    let accounts: any StorageAccounts

    /// Whose signature it is.
    ///
    /// - Parameter signed: The text that was signed.
    /// - Returns: The e-mail address of the account.
    /// - Throws: ``GoogleError`` `signatureDoesNotMatch`, `invalidAccessKeyId` (403).
    func signer(of signature: Signature, over signed: String) async throws -> String {
        let (data, key) = (Data(signed.utf8), try await hmacKey(of: signature))
        guard let key else {
            guard try await accounts.hasAccount(signature.signer),
                try await accounts.isSigned(data, signature: signature.signature, by: signature.signer)
            else { throw GoogleError.wrongSignature(signed) }
            return signature.signer
        }
        let isRight =
            if case .hmac(let dialect) = signature.algorithm {
                HMAC<SHA256>.isValidAuthenticationCode(
                    signature.signature,
                    authenticating: data,
                    using: Self.derivedKey(secret: key.secret, scope: signature.scope, dialect)
                )
            } else {
                HMAC<Insecure.SHA1>.isValidAuthenticationCode(
                    signature.signature,
                    authenticating: data,
                    using: SymmetricKey(data: Data(key.secret.utf8))
                )
            }
        guard isRight else { throw GoogleError.wrongSignature(signed) }
        return key.account
    }

    /// The HMAC key that a signature was made with; nil when it was made with an account's RSA key.
    ///
    /// - Throws: ``GoogleError`` `invalidAccessKeyId` (403).
    private func hmacKey(of signature: Signature) async throws -> HMACKey? {
        if signature.algorithm == .rsa { return nil }
        if case .version2 = signature.algorithm, signature.signer.contains("@") { return nil }
        guard let key = try await keys.find(signature.signer), key.state == .active,
            try await accounts.hasAccount(key.account)
        else {
            throw GoogleError(
                .permissionDenied,
                reason: "invalidAccessKeyId",
                message: "The HMAC key '\(signature.signer)' does not exist in this cloud, or is not active.",
                metadata: ["code": "InvalidAccessKeyId"]
            )
        }
        return key
    }

    /// The key of version 4: derived from the secret by each part of the scope.
    static func derivedKey(secret: String, scope: String, _ dialect: Signature.Dialect) -> SymmetricKey {
        let seed = SymmetricKey(data: Data(((dialect == .google ? "GOOG4" : "AWS4") + secret).utf8))
        return scope.split(separator: "/").reduce(seed) { key, part in
            SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key)))
        }
    }
}
