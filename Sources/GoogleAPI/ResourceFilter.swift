import Foundation

/// The filter of a list: `status="WORKING" AND (tags="a" OR create_time>"2026-01-01T00:00:00Z")`.
///
/// See [AIP-160](https://google.aip.dev/160). Field names may be written in snake case; a `*` in a value that is compared
/// by `=` stands for any text.
package indirect enum ResourceFilter: Equatable, Sendable {
    case all([ResourceFilter])
    case any([ResourceFilter])
    case not(ResourceFilter)
    case compare(field: [String], Comparison, String)

    package enum Comparison: String, CaseIterable, Sendable {
        case notEqual = "!="
        case atMost = "<="
        case atLeast = ">="
        case equal = "="
        case contains = ":"
        case less = "<"
        case greater = ">"
    }

    /// - Throws: ``GoogleError`` (400) naming what cannot be read.
    package init(parsing text: String) throws {
        var reader = Reader(rest: text[...])
        self = try reader.alternatives()
        reader.skipSpaces()
        guard reader.rest.isEmpty else { throw reader.failure }
    }

    package func accepts(_ document: JSON) -> Bool {
        switch self {
        case .all(let parts): parts.allSatisfy { $0.accepts(document) }
        case .any(let parts): parts.contains { $0.accepts(document) }
        case .not(let part): !part.accepts(document)
        case .compare(let field, let comparison, let wanted):
            Self.compare(Self.values(document, field), comparison, wanted)
        }
    }

    /// The texts at a path; arrays are looked through.
    private static func values(_ value: JSON, _ path: [String]) -> [String] {
        if let elements = value.array { return elements.flatMap { values($0, path) } }
        guard let first = path.first else {
            switch value {
            case .string(let text): return [text]
            case .bool(let flag): return [String(flag)]
            case .null, .array, .object: return []
            case .integer, .number: return [value.integer.map(String.init) ?? value.double.map { "\($0)" } ?? ""]
            }
        }
        guard let member = value[first] else { return [] }
        return values(member, Array(path.dropFirst()))
    }

    private static func compare(_ values: [String], _ comparison: Comparison, _ wanted: String) -> Bool {
        switch comparison {
        case .equal: values.contains { fits($0, wanted) }
        case .notEqual: !values.contains { fits($0, wanted) }
        case .contains: values.contains { wanted == "*" || $0.localizedCaseInsensitiveContains(wanted) }
        case .less: values.contains { order($0, wanted) < 0 }
        case .greater: values.contains { order($0, wanted) > 0 }
        case .atMost: values.contains { order($0, wanted) <= 0 }
        case .atLeast: values.contains { order($0, wanted) >= 0 }
        }
    }

    /// Whether a text is the wanted one, in which each `*` stands for any text.
    private static func fits(_ text: String, _ wanted: String) -> Bool {
        guard wanted.contains("*") else { return text == wanted }
        let parts = wanted.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, text.hasPrefix(first) else { return false }
        var rest = text.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }

    private static func order(_ left: String, _ right: String) -> Int {
        if let left = Timestamp.date(left), let right = Timestamp.date(right) {
            return left < right ? -1 : left > right ? 1 : 0
        }
        return left < right ? -1 : left > right ? 1 : 0
    }

    private struct Reader {
        var rest: Substring

        var failure: GoogleError { .invalid("invalid filter near \"\(rest.prefix(40))\"", reason: "INVALID_ARGUMENT") }

        mutating func skipSpaces() { rest = rest.drop { $0.isWhitespace } }

        mutating func word(_ word: String) -> Bool {
            skipSpaces()
            guard rest.lowercased().hasPrefix(word.lowercased()) else { return false }
            let after = rest.dropFirst(word.count)
            guard after.first.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? true else { return false }
            rest = after
            return true
        }

        mutating func alternatives() throws -> ResourceFilter {
            var parts = [try conjunction()]
            while word("OR") { parts.append(try conjunction()) }
            return parts.count == 1 ? parts[0] : .any(parts)
        }

        mutating func conjunction() throws -> ResourceFilter {
            var parts = [try term()]
            while true {
                if word("AND") {
                    parts.append(try term())
                    continue
                }
                skipSpaces()
                // Terms that follow each other without a word are joined, too.
                guard let next = rest.first, next != ")", !startsAlternative else { break }
                parts.append(try term())
            }
            return parts.count == 1 ? parts[0] : .all(parts)
        }

        private var startsAlternative: Bool {
            var copy = self
            return copy.word("OR")
        }

        mutating func term() throws -> ResourceFilter {
            skipSpaces()
            if word("NOT") { return .not(try term()) }
            if rest.first == "-" {
                rest = rest.dropFirst()
                return .not(try term())
            }
            if rest.first == "(" {
                rest = rest.dropFirst()
                let inner = try alternatives()
                skipSpaces()
                guard rest.first == ")" else { throw failure }
                rest = rest.dropFirst()
                return inner
            }
            let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
            guard !name.isEmpty else { throw failure }
            rest = rest.dropFirst(name.count)
            skipSpaces()
            guard let comparison = Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else {
                throw failure
            }
            rest = rest.dropFirst(comparison.rawValue.count)
            return .compare(field: name.split(separator: ".").map { camelCase($0) }, comparison, try value())
        }

        private mutating func value() throws -> String {
            skipSpaces()
            guard let quote = rest.first, "\"'`".contains(quote) else {
                let bare = rest.prefix { !$0.isWhitespace && $0 != ")" }
                guard !bare.isEmpty else { throw failure }
                rest = rest.dropFirst(bare.count)
                return String(bare)
            }
            let inner = rest.dropFirst().prefix { $0 != quote }
            guard rest.dropFirst(inner.count + 1).first == quote else { throw failure }
            rest = rest.dropFirst(inner.count + 2)
            return String(inner)
        }

        private func camelCase(_ name: Substring) -> String {
            let parts = name.split(separator: "_")
            guard let first = parts.first else { return String(name) }
            return ([String(first)] + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }).joined()
        }
    }
}
