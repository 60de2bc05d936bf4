import Foundation
import GoogleAPI

/// What metadata says in `ssh-keys`: who may log in, and for how long.
///
/// See [adding SSH keys](https://docs.cloud.google.com/compute/docs/connect/add-ssh-keys).
struct LoginKeys {
    /// Lines of `USER:KEY`, as the metadata has them.
    let text: String

    /// The same lines for a machine, whose sshd sees to the end of each key by itself (OpenSSH 9.1 and later).
    ///
    /// `ada:ssh-rsa AAAA… google-ssh {"userName":"ada","expireOn":"2026-01-01T00:00:00+0000"}` becomes
    /// `ada:expiry-time="20260101000000Z" ssh-rsa AAAA… google-ssh {…}`. What is no such time lets nobody in.
    var forMachine: String {
        text.split(whereSeparator: \.isNewline).compactMap(Self.limited).joined(separator: "\n")
    }

    private static func limited(_ line: Substring) -> String? {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count > 2, words[2] == "google-ssh", let colon = line.firstIndex(of: ":") else {
            return String(line)
        }
        guard words.count > 3, let terms = try? JSON(parsing: Data(words[3].utf8)),
            let end = terms["expireOn"]?.string.flatMap(Timestamp.date)
        else { return nil }
        let digits = Timestamp.text(end).prefix(19).filter(\.isNumber)
        return "\(line[...colon])expiry-time=\"\(digits)Z\" \(line[colon...].dropFirst())"
    }
}
