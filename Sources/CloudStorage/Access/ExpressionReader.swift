/// Reads an expression from its tokens, the loosest binding first.
struct ExpressionReader {
    enum Token: Equatable {
        case text(String)
        /// A name with its dots: `resource.name.startsWith`.
        case name(String)
        case sign(String)
    }

    var tokens: ArraySlice<Token>
    private var depth = 0
    private static let maximumDepth = 24

    init(tokens: ArraySlice<Token>) { self.tokens = tokens }

    /// Nil for texts that hold something else than names, strings and signs.
    static func tokens(of text: String) -> [Token]? {
        var tokens: [Token] = []
        var rest = Substring(text)
        while let character = rest.first {
            if character.isWhitespace {
                rest.removeFirst()
            } else if character == "\"" || character == "'" {
                rest.removeFirst()
                guard let end = rest.firstIndex(of: character), !rest[..<end].contains("\\") else { return nil }
                tokens.append(.text(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            } else if character.isLetter || character == "_" {
                let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
                tokens.append(.name(String(name)))
                rest = rest.dropFirst(name.count)
            } else if let sign = ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", ",", "."]
                .first(where: rest.hasPrefix)
            {
                tokens.append(.sign(sign))
                rest = rest.dropFirst(sign.count)
            } else {
                return nil
            }
        }
        return tokens
    }

    mutating func whole() -> Expression? {
        guard let expression = any(), tokens.isEmpty else { return nil }
        return expression
    }

    private mutating func any() -> Expression? { chain(["||"]) { $0.all() } }
    private mutating func all() -> Expression? { chain(["&&"]) { $0.comparison() } }

    private mutating func chain(_ signs: Set<String>, _ part: (inout Self) -> Expression?) -> Expression? {
        guard depth < Self.maximumDepth, var left = part(&self) else { return nil }
        while case .sign(let sign)? = tokens.first, signs.contains(sign) {
            tokens.removeFirst()
            guard let right = part(&self) else { return nil }
            left = .pair(sign, left, right)
        }
        return left
    }

    private mutating func comparison() -> Expression? {
        guard let left = term() else { return nil }
        guard case .sign(let sign)? = tokens.first, ["==", "!=", "<", "<=", ">", ">="].contains(sign) else {
            return left
        }
        tokens.removeFirst()
        return term().map { .pair(sign, left, $0) }
    }

    private mutating func term() -> Expression? {
        guard depth < Self.maximumDepth, let token = tokens.popFirst() else { return nil }
        depth += 1
        defer { depth -= 1 }
        switch token {
        case .text(let text): return methods(of: .constant(.text(text)))
        case .sign("!"): return term().map { .not($0) }
        case .sign("("):
            guard let inner = any(), take(")") else { return nil }
            return methods(of: inner)
        case .name(let name):
            guard take("(") else { return .attribute(name) }
            guard let arguments = arguments() else { return nil }
            // `resource.name.startsWith(…)` is a method of an attribute, `api.getAttribute(…)` a function.
            if let dot = name.lastIndex(of: "."), !name.hasPrefix("api.") {
                let target = Expression.attribute(String(name[..<dot]))
                return methods(of: .call(String(name[name.index(after: dot)...]), [target] + arguments))
            }
            return methods(of: .call(name, arguments))
        case .sign: return nil
        }
    }

    /// `.startsWith("a")` behind something.
    private mutating func methods(of target: Expression) -> Expression? {
        var target = target
        while take(".") {
            guard case .name(let name)? = tokens.popFirst(), take("("), let arguments = arguments() else { return nil }
            target = .call(name, [target] + arguments)
        }
        return target
    }

    private mutating func arguments() -> [Expression]? {
        if take(")") { return [] }
        var arguments: [Expression] = []
        repeat {
            guard let argument = any() else { return nil }
            arguments.append(argument)
        } while take(",")
        return take(")") ? arguments : nil
    }

    private mutating func take(_ sign: String) -> Bool {
        guard tokens.first == .sign(sign) else { return false }
        tokens.removeFirst()
        return true
    }
}
