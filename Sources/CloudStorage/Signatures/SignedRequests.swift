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
    let keys: HMACKeyStore
    let accounts: any StorageAccounts
    let others: any Authenticator
    let now: @Sendable () -> Date

    func identity(of call: Call) async throws -> Caller.Identity {
        guard let signature = try Signature(call) else { return try await others.identity(of: call) }
        guard signature.validity.contains(now()) else { throw GoogleError.expiredSignature }
        try signature.checkHeaders(of: call)
        let email: String
        switch signature.algorithm {
        case .rsa:
            email = try await check(signature, of: CanonicalRequest(call: call).version4(signature))
        case .hmac(let dialect):
            let signed = CanonicalRequest(call: call).version4(signature)
            let key = try await hmacKey(signature)
            let isRight = HMAC<SHA256>.isValidAuthenticationCode(
                signature.signature,
                authenticating: Data(signed.utf8),
                using: Self.derivedKey(secret: key.secret, scope: signature.scope, dialect)
            )
            guard isRight else { throw GoogleError.wrongSignature(signed) }
            email = key.account
        case .version2(let dialect):
            let signed = CanonicalRequest(call: call).version2(dialect, time: signature.time)
            guard !signature.signer.contains("@") else {
                email = try await check(signature, of: signed)
                break
            }
            let key = try await hmacKey(signature)
            let isRight = HMAC<Insecure.SHA1>.isValidAuthenticationCode(
                signature.signature,
                authenticating: Data(signed.utf8),
                using: SymmetricKey(data: Data(key.secret.utf8))
            )
            guard isRight else { throw GoogleError.wrongSignature(signed) }
            email = key.account
        }
        return .account(email)
    }

    /// - Returns: The account, whose RSA key made the signature.
    private func check(_ signature: Signature, of signed: String) async throws -> String {
        guard try await accounts.hasAccount(signature.signer),
            try await accounts.isSigned(Data(signed.utf8), signature: signature.signature, by: signature.signer)
        else { throw GoogleError.wrongSignature(signed) }
        return signature.signer
    }

    /// - Throws: ``GoogleError`` `invalidAccessKeyId` (403).
    private func hmacKey(_ signature: Signature) async throws -> HMACKey {
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
