import GoogleAPI

/// The filter of a list: `name:pass`, `labels.env=prod`, a bare word; joined by `AND` and `OR`.
///
/// See [filtering](https://docs.cloud.google.com/secret-manager/docs/filtering).
struct SecretFilter: Sendable {
    private enum Term: Sendable {
        case name(String, isWhole: Bool)
        case label(String, String, isWhole: Bool)
    }

    /// Any of these, of each all terms.
    private var alternatives: [[Term]]

    /// - Throws: ``GoogleError`` `INVALID_ARGUMENT` (400) for what Brume's filter does not know.
    init(parsing text: String) throws {
        alternatives = try text.split(separator: " OR ").map { part in
            try part.replacing(" AND ", with: " ").split(separator: " ").map { try Self.term(String($0)) }
        }
    }

    private static func term(_ text: String) throws -> Term {
        let plain = text.filter { !"()\"'".contains($0) }
        guard let sign = plain.firstIndex(where: { $0 == ":" || $0 == "=" }) else {
            return .name(plain.lowercased(), isWhole: false)
        }
        let key = String(plain[..<sign])
        let value = plain[plain.index(after: sign)...].lowercased()
        let isWhole = plain[sign] == "="
        if key == "name" { return .name(value, isWhole: isWhole) }
        if key.hasPrefix("labels.") { return .label(String(key.dropFirst(7)), value, isWhole: isWhole) }
        throw GoogleError.invalidSecret(
            "The filter '\(text)' is not known: Brume filters secrets by 'name' and 'labels.KEY'."
        )
    }

    func accepts(_ secret: Secret) -> Bool {
        alternatives.contains { $0.allSatisfy { Self.accepts(secret, $0) } }
    }

    private static func accepts(_ secret: Secret, _ term: Term) -> Bool {
        switch term {
        case .name(let text, let isWhole):
            let name = secret.name.lowercased()
            return isWhole ? name == text || text.hasSuffix("/secrets/\(name)") : name.contains(text)
        case .label(let key, let text, let isWhole):
            guard let value = secret.settings["labels"]?[key]?.string?.lowercased() else { return false }
            return isWhole ? value == text : text == "*" || value.contains(text)
        }
    }
}
