import Crypto
import CryptoExtras
import Dispatch
import Foundation
import SwiftASN1
import X509

/// An RSA key of 2048 bits that signs in somebody's name, and its ID.
struct SigningKey: Sendable {
    /// 40 hexadecimal digits that follow from the key; the `kid` of what it signs.
    let id: String
    let key: _RSA.Signing.PrivateKey

    init(_ key: _RSA.Signing.PrivateKey) {
        self.key = key
        id = Insecure.SHA1.hash(data: key.publicKey.derRepresentation)
            .map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    init(pem: String) throws { self.init(try _RSA.Signing.PrivateKey(pemRepresentation: pem)) }

    /// Makes a new key.
    ///
    /// Finding the primes takes a processor 50 to 500 ms: it happens on a thread of Dispatch, so that neither an event
    /// loop nor a thread of Swift's own pool waits.
    static func generate() async throws -> SigningKey {
        let key = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(with: Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) })
            }
        }
        return SigningKey(key)
    }

    /// A certificate of the key, signed by itself, as Google publishes public keys.
    func certificate(of subject: String, from validAfter: Date, to validBefore: Date) throws -> String {
        let name = try DistinguishedName { CommonName(subject) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(key.publicKey),
            notValidBefore: validAfter,
            notValidAfter: validBefore,
            issuer: name,
            subject: name,
            signatureAlgorithm: .sha256WithRSAEncryption,
            extensions: .init(),
            issuerPrivateKey: .init(key)
        )
        return try certificate.serializeAsPEM().pemString
    }

    /// An RS256 signature: PKCS #1 v1.5 with SHA-256.
    func signature(of data: some DataProtocol) throws -> Data {
        try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5).rawRepresentation
    }
}

/// The half of a key that everybody may know.
struct VerificationKey: Sendable {
    private let key: _RSA.Signing.PublicKey

    init(pem: String) throws { key = try _RSA.Signing.PublicKey(pemRepresentation: pem) }

    func isValid(_ signature: Data, of data: some DataProtocol) -> Bool {
        key.isValidSignature(
            .init(rawRepresentation: signature),
            for: SHA256.hash(data: data),
            padding: .insecurePKCS1v1_5
        )
    }

    /// As a JSON Web Key, see [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).
    func webKey(id: String) throws -> [String: String] {
        let primitives = try key.getKeyPrimitives()
        return [
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": id,
            "n": Base64URL.text(primitives.modulus), "e": Base64URL.text(primitives.publicExponent),
        ]
    }
}
