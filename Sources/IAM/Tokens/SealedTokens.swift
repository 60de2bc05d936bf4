import Crypto
import Foundation

/// Tokens that say themselves whose they are, sealed with a secret of the cloud: they need no row, and a restart
/// changes nothing.
struct SealedTokens: Sendable {
    enum Kind: String, Sendable {
        case access = "ya29."
        case refresh = "1//"
    }

    struct Content: Sendable, Equatable {
        var email: String
        /// The account's unique ID: an account made again under the same address gets none of the old one's tokens.
        var uniqueID: String
        var scopes: [String]
        var issueTime: Date
        var expiry: Date
    }

    private let secret: SymmetricKey

    init(secret: SymmetricKey) { self.secret = secret }

    func seal(_ content: Content, as kind: Kind) -> String {
        let fields = [
            content.email, content.uniqueID, String(Int(content.issueTime.timeIntervalSince1970)),
            String(Int(content.expiry.timeIntervalSince1970)), content.scopes.joined(separator: " "),
        ]
        let body = Data(fields.joined(separator: "\n").utf8)
        return kind.rawValue + Base64URL.text(body) + "." + Base64URL.text(seal(of: body, kind))
    }

    /// - Returns: nil when this cloud has not sealed the token. Expired ones are opened too.
    func open(_ token: String, as kind: Kind) -> Content? {
        guard token.hasPrefix(kind.rawValue) else { return nil }
        let parts = token.dropFirst(kind.rawValue.count).split(separator: ".")
        guard parts.count == 2, let body = Base64URL.data(parts[0]), let seal = Base64URL.data(parts[1]),
            HMAC<SHA256>.isValidAuthenticationCode(seal, authenticating: marked(body, kind), using: secret)
        else { return nil }
        let fields = String(decoding: body, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 5, let issued = Double(fields[2]), let expiry = Double(fields[3]) else { return nil }
        return Content(
            email: fields[0],
            uniqueID: fields[1],
            scopes: fields[4].split(separator: " ").map(String.init),
            issueTime: Date(timeIntervalSince1970: issued),
            expiry: Date(timeIntervalSince1970: expiry)
        )
    }

    private func seal(of body: Data, _ kind: Kind) -> Data {
        Data(HMAC<SHA256>.authenticationCode(for: marked(body, kind), using: secret))
    }

    private func marked(_ body: Data, _ kind: Kind) -> Data { Data(kind.rawValue.utf8) + body }
}
