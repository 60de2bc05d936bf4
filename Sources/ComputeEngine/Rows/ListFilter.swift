import GoogleAPI

/// The `filter` of lists: `status = RUNNING AND (labels.team:* OR NOT name = a*)`, `(status eq RUNNING) (name ne ^a.*$)`.
///
/// With `eq` and `ne` a value is a regular expression over the whole field; with `=` and `!=` it is a text in which
/// `*` stands for anything; with `:` it is a part of the field, and `:*` asks whether the field is there at all. A field
/// of something in a list is each of them. See
/// [list filters](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances/list).
indirect enum ListFilter: Sendable {
    case everything
    case all([ListFilter])
    case any([ListFilter])
    case not(ListFilter)
    case condition(ListCondition)

    /// - Throws: ``GoogleError`` `invalid` (400) for what is no filter.
    init(parsing text: String) throws {
        var parser = try ListFilterParser(text)
        self = try parser.filter()
    }

    /// A test of resources; its regular expressions are compiled once.
    func predicate() throws -> (JSON) -> Bool {
        switch self {
        case .everything: return { _ in true }
        case .all(let parts):
            let tests = try parts.map { try $0.predicate() }
            return { resource in tests.allSatisfy { $0(resource) } }
        case .any(let parts):
            let tests = try parts.map { try $0.predicate() }
            return { resource in tests.contains { $0(resource) } }
        case .not(let part):
            let test = try part.predicate()
            return { !test($0) }
        case .condition(let condition): return try condition.predicate()
        }
    }
}

/// A comparison of one field.
struct ListCondition: Sendable {
    enum Relation: String, Sendable {
        case matches = "eq"
        case matchesNot = "ne"
        case equals = "="
        case equalsNot = "!="
        case has = ":"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    var path: [String]
    var relation: Relation
    var value: String

    func predicate() throws -> (JSON) -> Bool {
        let path = path[...]
        switch relation {
        case .matches, .equals: return try Self.matching(path, pattern)
        case .matchesNot, .equalsNot:
            let test = try Self.matching(path, pattern)
            return { !test($0) }
        case .has where value == "*": return { !Self.values(at: path, in: $0).isEmpty }
        case .has:
            let part = value.lowercased()
            return { [value] resource in
                Self.values(at: path, in: resource).contains { found in
                    found[value] != nil || Self.text(found)?.lowercased().contains(part) ?? false
                }
            }
        case .less: return ordered(path) { $0 < 0 }
        case .lessOrEqual: return ordered(path) { $0 <= 0 }
        case .greater: return ordered(path) { $0 > 0 }
        case .greaterOrEqual: return ordered(path) { $0 >= 0 }
        }
    }

    /// The regular expression that the whole field must match.
    var pattern: String {
        guard [.equals, .equalsNot].contains(relation) else { return value }
        return value.split(separator: "*", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
            .joined(separator: ".*")
    }

    private static func matching(_ path: ArraySlice<String>, _ pattern: String) throws -> (JSON) -> Bool {
        let regex = try Regex(pattern)
        return { resource in
            values(at: path, in: resource).contains { value in
                guard let text = text(value) else { return false }
                // Links match by their last segment too, as users write zone names.
                return [text[...], text.split(separator: "/").last ?? text[...]]
                    .contains { $0.wholeMatch(of: regex) != nil }
            }
        }
    }

    /// Numbers and times by their value, other texts by their letters.
    private func ordered(_ path: ArraySlice<String>, _ test: @escaping @Sendable (Int) -> Bool) -> (JSON) -> Bool {
        { [value] resource in
            Self.values(at: path, in: resource).contains { found in
                if let left = found.double, let right = Double(value) {
                    return test(left < right ? -1 : left > right ? 1 : 0)
                }
                guard let left = Self.text(found) else { return false }
                if let left = Timestamp.date(left), let right = Timestamp.date(value) {
                    return test(left < right ? -1 : left > right ? 1 : 0)
                }
                return test(left < value ? -1 : left > value ? 1 : 0)
            }
        }
    }

    private static func values(at path: ArraySlice<String>, in resource: JSON) -> [JSON] {
        if let elements = resource.array { return elements.flatMap { values(at: path, in: $0) } }
        guard let step = path.first else { return resource.isNull ? [] : [resource] }
        return resource[step].map { values(at: path.dropFirst(), in: $0) } ?? []
    }

    private static func text(_ value: JSON) -> String? {
        value.string ?? value.bool.map { String($0) } ?? value.integer.map { String($0) }
            ?? value.double.map { String($0) }
    }

    private static func escaped(_ text: String) -> String {
        text.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? String($0) : "\\\($0)" }.joined()
    }
}
