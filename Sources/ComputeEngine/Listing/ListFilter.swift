import GoogleAPI

/// The `filter` of lists: `(status eq RUNNING) (name ne ^a.*$)`, `name = vm AND status != TERMINATED`.
///
/// With `eq` and `ne` a value is a regular expression over the whole field; with `=` and `!=` it is a text in which
/// `*` stands for anything. See [list filters](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances/list).
struct ListFilter: Sendable {
    private struct Condition: Sendable {
        var path: [String]
        var isNegated: Bool
        var pattern: String
    }

    private var conditions: [Condition]

    /// - Throws: ``GoogleError`` `invalid` (400) for what is no filter.
    init(parsing text: String) throws {
        conditions = []
        var words = Self.words(text)[...]
        while let field = words.popFirst() {
            if field == "AND" { continue }
            guard let comparison = words.popFirst(), let value = words.popFirst() else { throw Self.wrong(text) }
            let pattern: String
            switch comparison {
            case "eq", "ne": pattern = value
            case "=", "!=", ":":
                pattern = value.split(separator: "*", omittingEmptySubsequences: false)
                    .map { Self.escaped(String($0)) }.joined(separator: ".*")
            default: throw Self.wrong(text)
            }
            guard (try? Regex(pattern)) != nil else { throw Self.wrong(text) }
            let path = field.split(separator: ".").map(String.init)
            conditions.append(Condition(path: path, isNegated: ["ne", "!="].contains(comparison), pattern: pattern))
        }
    }

    /// A test of resources; its regular expressions are compiled once.
    func predicate() throws -> (JSON) -> Bool {
        let compiled = try conditions.map { ($0, try Regex($0.pattern)) }
        return { resource in
            compiled.allSatisfy { condition, regex in
                var value: JSON? = resource
                for step in condition.path { value = value?[step] }
                let text = value?.string ?? value?.bool.map { String($0) } ?? value?.integer.map { String($0) } ?? ""
                // Links match by their last segment too, as users write zone names.
                let candidates = [text, text.split(separator: "/").last.map { String($0) } ?? text]
                return candidates.contains { $0.wholeMatch(of: regex) != nil } != condition.isNegated
            }
        }
    }

    /// Splits into words: parentheses fall away, quotes hold a word together, `a=b` is three.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var isOpen = false
        func end() {
            if !word.isEmpty || isOpen { words.append(word) }
            word = ""
            isOpen = false
        }
        var characters = text.makeIterator()
        var pending: Character? = nil
        while let character = pending ?? characters.next() {
            pending = nil
            switch character {
            case "\"", "'":
                isQuoted.toggle()
                isOpen = true
            case "\\" where isQuoted:
                if let next = characters.next() { word += next == "\"" ? "\"" : "\\\(next)" }
            case _ where isQuoted: word.append(character)
            case "(", ")", " ": end()
            case ":" where !word.isEmpty && !["eq", "ne", "=", "!=", ":"].contains(words.last ?? ""):
                end()
                words.append(":")
            case "=":
                end()
                words.append("=")
            case "!":
                let next = characters.next()
                if next == "=" {
                    end()
                    words.append("!=")
                } else {
                    word.append(character)
                    pending = next
                }
            default: word.append(character)
            }
        }
        end()
        return words
    }

    private static func escaped(_ text: String) -> String {
        text.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? String($0) : "\\\($0)" }.joined()
    }

    private static func wrong(_ text: String) -> GoogleError {
        .invalidField("filter", text, "Invalid list filter expression.")
    }
}
