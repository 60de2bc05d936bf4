import CryptoExtras
import Foundation
import GRDB
import GoogleAPI

/// A key of a service account as a row: the public half only.
struct ServiceAccountKey: Codable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "iam_keys"

    var id: String
    var email: String
    /// Kept by the cloud itself, to sign for guests and for `iamcredentials`.
    var isSystemManaged: Bool
    var disabled: Bool
    /// PEM, as `SubjectPublicKeyInfo`.
    var publicKey: String
    /// PEM, signed by the key itself.
    var certificate: String
    var validAfter: Date
    var validBefore: Date

    /// Google's "never".
    static let endOfTime = Date(timeIntervalSince1970: 253_402_300_799)

    init(_ key: SigningKey, of account: ServiceAccount, isSystemManaged: Bool, at now: Date) throws {
        id = key.id
        email = account.email
        self.isSystemManaged = isSystemManaged
        disabled = false
        publicKey = key.key.publicKey.pemRepresentation
        validAfter = now
        validBefore = Self.endOfTime
        certificate = try key.certificate(of: account.uniqueId, from: now, to: Self.endOfTime)
    }

    func isUsable(at now: Date) -> Bool { !disabled && validAfter <= now.addingTimeInterval(60) && now < validBefore }

    enum Format: String, Sendable {
        case none = "TYPE_NONE"
        case certificate = "TYPE_X509_PEM_FILE"
        case publicKey = "TYPE_RAW_PUBLIC_KEY"
    }

    /// As on the wire: [ServiceAccountKey](https://docs.cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys).
    func document(of account: ServiceAccount, format: Format = .none) -> JSON {
        var document: JSON = [
            "name": .string("\(account.name)/keys/\(id)"),
            "validAfterTime": .string(Timestamp.text(validAfter)),
            "validBeforeTime": .string(Timestamp.text(validBefore)),
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            "keyOrigin": "GOOGLE_PROVIDED",
            "keyType": isSystemManaged ? "SYSTEM_MANAGED" : "USER_MANAGED",
        ]
        if disabled { document["disabled"] = true }
        let data: String? =
            switch format {
            case .none: nil
            case .certificate: certificate
            case .publicKey: publicKey
            }
        if let data { document["publicKeyData"] = .string(Data(data.utf8).base64EncodedString()) }
        return document
    }
}

/// The file that clients are given: Google's `service_account` credentials.
struct KeyFile: Sendable {
    private let document: JSON

    /// - Parameter tokenURI: Where clients that cannot reach Google's names fetch their tokens.
    init(_ key: SigningKey, of account: ServiceAccount, tokenURI: String) {
        let encoded = account.email.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["-", "."]))
        document = [
            "type": "service_account",
            "project_id": .string(account.projectId),
            "private_key_id": .string(key.id),
            "private_key": .string(key.key.pkcs8PEMRepresentation + "\n"),
            "client_email": .string(account.email),
            "client_id": .string(account.oauth2ClientId),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": .string(tokenURI),
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": .string(
                "https://www.googleapis.com/robot/v1/metadata/x509/\(encoded ?? account.email)"
            ),
            "universe_domain": "googleapis.com",
        ]
    }

    static let tokenURI = "https://oauth2.googleapis.com/token"

    /// The file's text, one field a line.
    func data() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(document)
    }
}
