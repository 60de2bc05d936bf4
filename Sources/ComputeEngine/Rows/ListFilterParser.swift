import GoogleAPI

/// Reads a filter. NOT binds closest, then OR, then AND; what stands side by side is joined by AND.
struct ListFilterParser {
    private enum Token: Equatable {
        case word(String)
        /// A text in quotes, which is never a keyword.
        case quoted(String)
        /// A parenthesis or a comparison.
        case sign(String)
    }

    private let text: String
    private var tokens: ArraySlice<Token>
    private var depth = 0

    /// - Throws: ``GoogleError`` `invalid` (400) when quotes are not closed.
    init(_ text: String) throws {
        self.text = text
        tokens = []
        guard let tokens = Self.tokens(of: text) else { throw wrong }
        self.tokens = tokens[...]
    }

    /// - Throws: ``GoogleError`` `invalid` (400).
    mutating func filter() throws -> ListFilter {
        if tokens.isEmpty { return .everything }
        let filter = try conjunction()
        guard tokens.isEmpty else { throw wrong }
        return filter
    }

    private mutating func conjunction() throws -> ListFilter {
        var parts = [try disjunction()]
        while let next = tokens.first, next != .sign(")") {
            _ = take(.word("AND"))
            parts.append(try disjunction())
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func disjunction() throws -> ListFilter {
        var parts = [try negation()]
        while take(.word("OR")) { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func negation() throws -> ListFilter {
        if take(.word("NOT")) || take(.word("-")) {
            depth += 1
            defer { depth -= 1 }
            guard depth <= 32 else { throw wrong }
            return .not(try negation())
        }
        guard take(.sign("(")) else { return try condition() }
        depth += 1
        defer { depth -= 1 }
        guard depth <= 32 else { throw wrong }
        let inner = try conjunction()
        guard take(.sign(")")) else { throw wrong }
        return inner
    }

    private mutating func condition() throws -> ListFilter {
        guard case .word(var field)? = tokens.popFirst() else { throw wrong }
        let isNegated = field.hasPrefix("-") && field.count > 1
        if isNegated { field.removeFirst() }
        let relation: ListCondition.Relation?
        switch tokens.popFirst() {
        case .sign(let sign)?: relation = .init(rawValue: sign)
        case .word(let word)? where ["eq", "ne"].contains(word): relation = .init(rawValue: word)
        default: relation = nil
        }
        guard let relation else { throw wrong }
        let value: String
        switch tokens.popFirst() {
        case .word(let word)?: value = word
        case .quoted(let quoted)?: value = quoted
        default: throw wrong
        }
        let condition = ListCondition(
            path: field.split(separator: ".").map(String.init),
            relation: relation,
            value: value
        )
        if [.matches, .matchesNot].contains(relation), (try? Regex(value)) == nil { throw wrong }
        guard field.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty }) else {
            throw wrong
        }
        return isNegated ? .not(.condition(condition)) : .condition(condition)
    }

    private mutating func take(_ token: Token) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }

    private var wrong: GoogleError { .invalidField("filter", text, "Invalid list filter expression.") }

    private static func tokens(of text: String) -> [Token]? {
        var tokens: [Token] = []
        var rest = Substring(text)
        // After `eq` and `ne` stands a regular expression: signs belong to it, parentheses in pairs do too.
        func isExpression() -> Bool { [.word("eq"), .word("ne")].contains(tokens.last) }
        while let character = rest.first {
            switch character {
            case " ", "\t", "\n": rest.removeFirst()
            case "\"", "'":
                rest.removeFirst()
                guard let quoted = quoted(&rest, until: character) else { return nil }
                tokens.append(.quoted(quoted))
            case _ where isExpression(): tokens.append(.word(expression(&rest)))
            case "(", ")":
                rest.removeFirst()
                tokens.append(.sign(String(character)))
            case "=", ":", "<", ">", "!":
                let sign = rest.dropFirst().first == "=" ? String(rest.prefix(2)) : String(character)
                rest.removeFirst(sign.count)
                tokens.append(.sign(sign))
            default:
                // Values may hold colons, fields may not.
                let isValue = if case .sign(let sign)? = tokens.last { !["(", ")"].contains(sign) } else { false }
                let word = rest.prefix { !" \t\n()".contains($0) && (isValue || !"=:<>!".contains($0)) }
                rest.removeFirst(word.count)
                tokens.append(.word(String(word)))
            }
        }
        return tokens
    }

    /// A text up to the quote that ends it; nil when none does.
    private static func quoted(_ rest: inout Substring, until end: Character) -> String? {
        var text = ""
        while let character = rest.popFirst() {
            if character == end { return text }
            guard character == "\\", let next = rest.popFirst() else {
                text.append(character)
                continue
            }
            text += next == end ? String(next) : "\\\(next)"
        }
        return nil
    }

    private static func expression(_ rest: inout Substring) -> String {
        var text = ""
        var depth = 0
        while let character = rest.first, character != " ", !(character == ")" && depth == 0) {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            text.append(character)
            rest.removeFirst()
        }
        return text
    }
}
