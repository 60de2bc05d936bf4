import GoogleAPI

/// The values of substitutions with one another filled in, as `dynamicSubstitutions` asks: each once, cycles refused.
struct DynamicSubstitutions {
    /// How deep values may name others, and expansions stand in one another.
    private static let maximumDepth = 40

    private let builtIns: [String: String]
    private let raw: [String: String]
    private(set) var values: [String: String] = [:]
    /// The names that values name.
    private(set) var used: Set<String> = []
    private var path: [String] = []
    private var depth = 0

    /// Fills all values in.
    ///
    /// - Throws: ``GoogleError`` `INVALID_ARGUMENT` (400) for cycles, expansions that are none, and values over 4000 bytes.
    init(builtIns: [String: String], user: [String: String]) throws {
        self.builtIns = builtIns
        raw = user
        for name in user.keys.sorted() { _ = try value(of: name) }
    }

    private mutating func value(of name: String) throws -> String? {
        if let value = values[name] { return value }
        guard let text = raw[name] else { return builtIns[name] }
        guard !path.contains(name) else {
            let cycle = (path + [name]).joined(separator: " -> ")
            throw Self.refuse("substitutions name one another in a circle: \(cycle)")
        }
        path.append(name)
        let value = try expand(text)
        path.removeLast()
        guard value.utf8.count <= 4000 else { throw Self.refuse("the value of \"\(name)\" is longer than 4000 bytes") }
        values[name] = value
        return value
    }

    private mutating func expand(_ text: String) throws -> String {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw Self.refuse("substitutions are nested too deeply") }
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "$", let next = rest.first else {
                result.append(character)
                continue
            }
            if next == "$" {
                rest.removeFirst()
                result.append("$")
            } else if next == "{", let inner = Self.braced(rest) {
                result += try expansion(inner)
                rest = rest[inner.endIndex...].dropFirst()
            } else {
                let name = Self.name(rest)
                result += name.isEmpty ? "$" : try use(String(name)) ?? ""
                rest = rest[name.endIndex...]
            }
        }
        return result
    }

    /// The value of `${…}`.
    private mutating func expansion(_ inner: Substring) throws -> String {
        let isLength = inner.first == "#"
        let name = Self.name(isLength ? inner.dropFirst() : inner)
        let rest = inner[name.endIndex...]
        // Shells have variables of their own, in lower case mostly.
        guard !name.isEmpty else { return "${\(inner)}" }
        let value = try use(String(name))
        if isLength, rest.isEmpty { return String((value ?? "").count) }
        guard !isLength, let operation = ShellExpansion.operation(rest) else {
            throw Self.refuse("\"${\(inner)}\" is not an expansion that Cloud Build knows")
        }
        return try operation.map { try expand($0) }.apply(to: value)
    }

    private mutating func use(_ name: String) throws -> String? {
        used.insert(name)
        return try value(of: name)
    }

    /// What stands between `{` and the `}` that closes it; nil when none does.
    private static func braced(_ text: Substring) -> Substring? {
        var open = 0
        for index in text.indices {
            switch text[index] {
            case "{": open += 1
            case "}":
                open -= 1
                if open == 0 { return text[text.index(after: text.startIndex)..<index] }
            default: break
            }
        }
        return nil
    }

    private static func name(_ text: Substring) -> Substring {
        let name = text.prefix { $0 == "_" || "A"..."Z" ~= $0 || "0"..."9" ~= $0 }
        return name.first?.isNumber == true ? name.prefix(0) : name
    }

    private static func refuse(_ why: String) -> GoogleError {
        .invalidBuild("invalid value for 'build.substitutions': \(why)")
    }
}
