import Foundation
import GoogleAPI

/// A JSON Web Token in its compact form, not yet believed: see [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519).
struct JSONWebToken: Sendable {
    let header: JSON
    let claims: JSON
    private let signed: Data
    private let signature: Data

    /// - Returns: nil when the text is no token of three parts.
    init?(parsing text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3,
            let header = Base64URL.data(parts[0]).flatMap({ try? JSON(parsing: $0) }),
            let claims = Base64URL.data(parts[1]).flatMap({ try? JSON(parsing: $0) }),
            let signature = Base64URL.data(parts[2])
        else { return nil }
        self.header = header
        self.claims = claims
        self.signature = signature
        signed = Data("\(parts[0]).\(parts[1])".utf8)
    }

    var keyID: String? { header["kid"]?.string }
    var issuer: String? { claims["iss"]?.string }
    var subject: String? { claims["sub"]?.string }
    var expiry: Date? { claims["exp"]?.double.map(Date.init(timeIntervalSince1970:)) }
    var issueTime: Date? { claims["iat"]?.double.map(Date.init(timeIntervalSince1970:)) }

    /// Whether the key signed exactly this header and these claims. No algorithm but RS256 counts, whatever the header says.
    func isSigned(by key: VerificationKey) -> Bool {
        header["alg"]?.string == "RS256" && key.isValid(signature, of: signed)
    }

    /// Signs claims.
    static func sign(_ claims: Data, with key: SigningKey) throws -> String {
        let header: JSON = ["alg": "RS256", "kid": .string(key.id), "typ": "JWT"]
        let signed = Base64URL.text(try header.data()) + "." + Base64URL.text(claims)
        return signed + "." + Base64URL.text(try key.signature(of: Data(signed.utf8)))
    }
}

/// Base64 for URLs, without padding: [RFC 4648 §5](https://www.rfc-editor.org/rfc/rfc4648#section-5).
enum Base64URL {
    static func text(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func data(_ text: some StringProtocol) -> Data? {
        var base64 = String(text).replacing("-", with: "+").replacing("_", with: "/")
        while base64.count % 4 != 0 { base64.append("=") }
        return Data(base64Encoded: base64)
    }
}
