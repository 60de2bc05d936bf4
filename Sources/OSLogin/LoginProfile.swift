import Crypto
import Foundation
import GoogleAPI

/// An account as it logs in to Linux machines: its user and its keys.
///
/// See [login profiles](https://docs.cloud.google.com/compute/docs/oslogin/rest/v1/LoginProfile).
enum LoginProfile {
    /// `ada_example_com` for `ada@example.com`; service accounts begin with `sa_`, as at Google, but carry their own names
    /// instead of numbers.
    static func username(of account: String) -> String {
        let isService = account.hasSuffix(".gserviceaccount.com")
        let name = isService ? "sa_" + account.prefix { $0 != "@" } : account
        let plain = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        return String(plain.prefix(32))
    }

    static func document(of account: String, keys: [PublicKey], projects: [String]) -> JSON {
        let name = username(of: account)
        return [
            "name": .string(account),
            "posixAccounts": .array(
                projects.map { project in
                    [
                        "primary": true, "username": .string(name), "homeDirectory": .string("/home/\(name)"),
                        "shell": "/bin/bash", "operatingSystemType": "LINUX", "accountId": .string(project),
                        "name": .string("users/\(account)/projects/\(project)"),
                    ]
                }
            ),
            "sshPublicKeys": .object(
                Dictionary(uniqueKeysWithValues: keys.map { ($0.fingerprint, $0.document(of: account)) })
            ),
        ]
    }
}

/// A key that an account logs in with.
struct PublicKey: Sendable, Equatable {
    /// A line as in `authorized_keys`: `ssh-ed25519 AAAA… ada@laptop`.
    var key: String
    /// Microseconds since 1970; nil: never.
    var expires: Int64?

    /// - Throws: ``GoogleError`` `INVALID_ARGUMENT` (400) for what is no public key of ssh's, or no time.
    init(_ body: JSON) throws {
        key = (body["key"]?.string ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        let words = key.split(separator: " ")
        guard words.count >= 2, !key.contains(where: \.isNewline), Self.isType(words[0]),
            let blob = Data(base64Encoded: String(words[1])), blob.count > 16
        else {
            throw GoogleError.invalid("Invalid SSH public key: it must be one line of type, base64 and comment.")
        }
        if let time = body["expirationTimeUsec"], time != .null {
            guard let value = time.integer, value >= 0 else {
                throw GoogleError.invalid("Invalid expirationTimeUsec: it must be microseconds since 1970.")
            }
            expires = value == 0 ? nil : value
        }
    }

    init(key: String, expires: Int64?) {
        self.key = key
        self.expires = expires
    }

    private static func isType(_ word: Substring) -> Bool {
        ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].contains { word.hasPrefix($0) }
    }

    /// SHA-256 of the key's own bytes, in hexadecimal digits.
    var fingerprint: String {
        let blob = key.split(separator: " ").dropFirst().first.flatMap { Data(base64Encoded: String($0)) } ?? Data()
        return SHA256.hash(data: blob).map { String(format: "%02x", $0) }.joined()
    }

    func document(of account: String) -> JSON {
        var document: JSON = [
            "key": .string(key), "fingerprint": .string(fingerprint),
            "name": .string("users/\(account)/sshPublicKeys/\(fingerprint)"),
        ]
        if let expires { document["expirationTimeUsec"] = .string(String(expires)) }
        return document
    }

    /// As the metadata `ssh-keys` would have it: `USER:KEY`, and in the place of the comment the end of a key that has one.
    func entry(of user: String) -> String {
        let plain = "\(user):" + key.split(separator: " ").prefix(2).joined(separator: " ")
        guard let expires, expires < Self.endOfTime else { return plain }
        let end = Timestamp.text(Date(timeIntervalSince1970: Double(expires) / 1e6))
        return plain + #" google-ssh {"userName":"\#(user)","expireOn":"\#(end)"}"#
    }

    /// The year 10000, which sshd cannot write.
    private static let endOfTime: Int64 = 253_402_300_800_000_000
}
