import Crypto
import Foundation

/// What proves that a webhook's caller knows its secret.
enum WebhookSignature {
    /// Compares in a time that does not tell how much is alike.
    static func areSame(_ left: Data, _ right: Data) -> Bool {
        let key = SymmetricKey(size: .bits256)
        let code = HMAC<SHA256>.authenticationCode(for: right, using: key)
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: left, using: key)
    }

    /// Checks GitHub's
    /// [X-Hub-Signature-256](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
    static func isGitHub(_ header: String, of body: Data, secret: String) -> Bool {
        guard header.hasPrefix("sha256="), header.utf8.count == 71 else { return false }
        let digits = Array(header.utf8.dropFirst(7))
        let code = stride(from: 0, to: digits.count, by: 2).compactMap { index in
            UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
        }
        guard code.count == 32 else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(
            code,
            authenticating: body,
            using: SymmetricKey(data: Data(secret.utf8))
        )
    }
}
