import Foundation
package import GoogleAPI

extension Filter {
    /// Whether an entry, as on the wire, answers the question.
    package func matches(_ entry: JSON) -> Bool {
        switch self {
        case .all(let parts): parts.allSatisfy { $0.matches(entry) }
        case .any(let parts): parts.contains { $0.matches(entry) }
        case .not(let part): !part.matches(entry)
        case .text(let text): entry.containsText(text)
        case .comparison(let comparison): comparison.matches(entry)
        }
    }
}

extension Filter.Comparison {
    /// A field that is missing answers no comparison, not even `!=`.
    func matches(_ entry: JSON) -> Bool {
        if path == ["log_id"], case .text(let id) = operand {
            return (try? LogName(parsing: entry["logName"]?.string ?? ""))?.id == id
        }
        var values = entry.values(at: path[...])
        if path == ["severity"], values.isEmpty { values = [.string(LogSeverity.default.name)] }
        return values.contains(where: compare)
    }

    private func compare(_ value: JSON) -> Bool {
        switch operand {
        case .anything: !value.isNull
        case .moment(let moment): value.string.flatMap(LogTimestamp.init(parsing:)).map { holds($0, moment) } ?? false
        case .severity(let severity): LogSeverity(value).map { holds($0, severity) } ?? false
        case .pattern(let pattern):
            value.scalarText.map { text in
                let range = NSRange(text.startIndex..., in: text)
                return (pattern.firstMatch(in: text, range: range) != nil) == (relation == .matches)
            } ?? false
        case .text(let text):
            if relation == .has {
                value.containsText(text)
            } else if case .string(let string) = value {
                holds(string.lowercased(), text.lowercased())
            } else if let number = value.double, let other = Double(text) {
                holds(number, other)
            } else if let scalar = value.scalarText {
                holds(scalar.lowercased(), text.lowercased())
            } else {
                false
            }
        }
    }

    private func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch relation {
        case .equal, .has, .matches: left == right
        case .notEqual, .matchesNot: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        }
    }
}

extension JSON {
    /// What stands at a path; arrays are looked through, so there may be several.
    fileprivate func values(at path: ArraySlice<String>) -> [JSON] {
        if case .array(let elements) = self { return elements.flatMap { $0.values(at: path) } }
        guard let key = path.first else { return [self] }
        return self[key]?.values(at: path.dropFirst()) ?? []
    }

    fileprivate var scalarText: String? {
        switch self {
        case .string(let text): text
        case .bool(let value): String(value)
        case .integer(let value): String(value)
        case .number(let value): String(value)
        case .null, .array, .object: nil
        }
    }

    /// Whether the text occurs in the value or anywhere inside it, in any case.
    fileprivate func containsText(_ text: String) -> Bool {
        switch self {
        case .array(let elements): elements.contains { $0.containsText(text) }
        case .object(let members): members.contains { $0.value.containsText(text) }
        default: scalarText?.range(of: text, options: .caseInsensitive) != nil || text.isEmpty
        }
    }
}
