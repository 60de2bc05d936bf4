/// The expansions of bash that values of substitutions may use when `dynamicSubstitutions` is on: `${_TAG#v}`.
///
/// See [bash-style string operations](https://docs.cloud.google.com/build/docs/configuring-builds/use-bash-and-bindings-in-substitutions).
enum ShellExpansion {
    /// What follows the name in `${NAME…}`.
    enum Operation: Equatable {
        case whole
        /// `${NAME^}`, `${NAME^^}`, `${NAME,}`, `${NAME,,}`.
        case changeCase(toUpper: Bool, all: Bool)
        /// `${NAME:2}`, `${NAME:2:3}`, `${NAME: -2}`.
        case slice(offset: Int, length: Int?)
        /// `${NAME#pattern}` from the front, `${NAME%pattern}` from the back; doubled: the longest match.
        case trim(pattern: String, fromFront: Bool, longest: Bool)
        /// `${NAME/pattern/replacement}`; anchored by `#` and `%`, doubled: every match.
        case replace(pattern: String, with: String, all: Bool, atStart: Bool, atEnd: Bool)
        /// `${NAME:-default}`; without the colon only for a name that is not set.
        case fallBack(to: String, alsoWhenEmpty: Bool)
    }

    /// Reads what follows a name; nil when it is no expansion that Cloud Build knows.
    static func operation(_ text: Substring) -> Operation? {
        guard let sign = text.first else { return .whole }
        let rest = text.dropFirst()
        switch sign {
        case "^" where rest.isEmpty: return .changeCase(toUpper: true, all: false)
        case "^" where rest == "^": return .changeCase(toUpper: true, all: true)
        case "," where rest.isEmpty: return .changeCase(toUpper: false, all: false)
        case "," where rest == ",": return .changeCase(toUpper: false, all: true)
        case "#", "%":
            let isLongest = rest.first == sign
            return .trim(
                pattern: String(isLongest ? rest.dropFirst() : rest),
                fromFront: sign == "#",
                longest: isLongest
            )
        case "/": return replacement(rest)
        case "-", "=": return .fallBack(to: String(rest), alsoWhenEmpty: false)
        case ":" where rest.first == "-" || rest.first == "=":
            return .fallBack(to: String(rest.dropFirst()), alsoWhenEmpty: true)
        case ":": return slice(rest)
        default: return nil
        }
    }

    private static func slice(_ text: Substring) -> Operation? {
        let numbers = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map { Int($0.filter { $0 != " " }) }
        guard let first = numbers.first, let offset = first else { return nil }
        guard numbers.count > 1 else { return .slice(offset: offset, length: nil) }
        guard let length = numbers[1] else { return nil }
        return .slice(offset: offset, length: length)
    }

    private static func replacement(_ text: Substring) -> Operation? {
        var text = text
        let sign = text.first.flatMap { "/#%".contains($0) ? $0 : nil }
        if sign != nil { text = text.dropFirst() }
        // A slash after a backslash belongs to the pattern.
        var isEscaped = false
        let pattern = text.prefix { character in
            defer { isEscaped = character == "\\" && !isEscaped }
            return character != "/" || isEscaped
        }
        return .replace(
            pattern: String(pattern),
            with: String(text[pattern.endIndex...].dropFirst()),
            all: sign == "/",
            atStart: sign == "#",
            atEnd: sign == "%"
        )
    }
}

extension ShellExpansion.Operation {
    /// The operation with its texts changed.
    func map(_ change: (String) throws -> String) rethrows -> Self {
        switch self {
        case .whole, .changeCase, .slice: self
        case .trim(let pattern, let fromFront, let longest):
            .trim(pattern: try change(pattern), fromFront: fromFront, longest: longest)
        case .replace(let pattern, let new, let all, let atStart, let atEnd):
            .replace(pattern: try change(pattern), with: try change(new), all: all, atStart: atStart, atEnd: atEnd)
        case .fallBack(let text, let alsoWhenEmpty): .fallBack(to: try change(text), alsoWhenEmpty: alsoWhenEmpty)
        }
    }

    /// The value that a name has after the operation; nil stands for a name that is not set.
    func apply(to value: String?) -> String {
        let text = Array(value ?? "")
        switch self {
        case .whole: return value ?? ""
        case .changeCase(let toUpper, let all):
            let changed = all ? text[...] : text.prefix(1)
            let kept = all ? [] : text.dropFirst()
            return (toUpper ? String(changed).uppercased() : String(changed).lowercased()) + String(kept)
        case .slice(let offset, let length):
            let start = offset < 0 ? text.count + offset : offset
            guard (0...text.count).contains(start) else { return "" }
            guard let length else { return String(text[start...]) }
            let end = length < 0 ? text.count + length : min(text.count, start + min(length, text.count))
            return end > start ? String(text[start..<end]) : ""
        case .trim(let pattern, let fromFront, let longest):
            let glob = ShellPattern(pattern)
            let lengths =
                fromFront
                ? glob.lengths(in: text[...]) : glob.reversed.lengths(in: Array(text.reversed())[...])
            let found = longest ? lengths.last : lengths.first
            guard let found else { return String(text) }
            return String(fromFront ? text.dropFirst(found) : text.dropLast(found))
        case .replace(let pattern, let new, let all, let atStart, let atEnd):
            return replace(ShellPattern(pattern), new, in: text, all, atStart, atEnd)
        case .fallBack(let fallback, let alsoWhenEmpty):
            guard let value, !alsoWhenEmpty || !value.isEmpty else { return fallback }
            return value
        }
    }

    private func replace(
        _ pattern: ShellPattern,
        _ new: String,
        in text: [Character],
        _ all: Bool,
        _ atStart: Bool,
        _ atEnd: Bool
    ) -> String {
        var result = ""
        var position = 0
        var isDone = false
        while position < text.count {
            let rest = text[position...]
            let lengths = isDone ? [] : pattern.lengths(in: rest).filter { atEnd ? $0 == rest.count : $0 > 0 }
            if let length = lengths.last {
                result += new
                position += length
                isDone = !all
            } else {
                result.append(text[position])
                position += 1
            }
            if atStart { isDone = true }
        }
        return result
    }
}

/// A pattern of bash: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before what stands for itself.
struct ShellPattern {
    private enum Part {
        case any
        case one
        case literal(Character)
        case oneOf([ClosedRange<Character>], isNegated: Bool)
    }

    private var parts: [Part] = []

    init(_ text: String) {
        var rest = Array(text)[...]
        while let character = rest.popFirst() {
            switch character {
            case "*":
                // Stars side by side are one.
                if case .any? = parts.last { continue }
                parts.append(.any)
            case "?": parts.append(.one)
            case "\\": parts.append(.literal(rest.popFirst() ?? "\\"))
            case "[":
                guard let end = rest.dropFirst().firstIndex(of: "]") else {
                    parts.append(.literal("["))
                    continue
                }
                parts.append(Self.set(rest[..<end]))
                rest = rest[(end + 1)...]
            default: parts.append(.literal(character))
            }
        }
    }

    private static func set(_ text: ArraySlice<Character>) -> Part {
        var rest = text
        let isNegated = rest.first == "!" || rest.first == "^"
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<Character>] = []
        while let low = rest.popFirst() {
            if rest.first == "-", let high = rest.dropFirst().first, low <= high {
                ranges.append(low...high)
                rest = rest.dropFirst(2)
            } else {
                ranges.append(low...low)
            }
        }
        return .oneOf(ranges, isNegated: isNegated)
    }

    /// The same pattern for a text that is read from its end.
    var reversed: ShellPattern {
        var pattern = self
        pattern.parts.reverse()
        return pattern
    }

    /// How many characters at the text's begin match, every possible number, in ascending order; found in one pass.
    func lengths(in text: ArraySlice<Character>) -> [Int] {
        var lengths: [Int] = []
        var reached: Set = [0]
        skipStars(&reached)
        if reached.contains(parts.count) { lengths.append(0) }
        for (position, character) in text.enumerated() {
            reached = step(reached, over: character)
            if reached.isEmpty { break }
            if reached.contains(parts.count) { lengths.append(position + 1) }
        }
        return lengths
    }

    private func step(_ reached: Set<Int>, over character: Character) -> Set<Int> {
        var next = Set<Int>()
        for index in reached where index < parts.count {
            switch parts[index] {
            case .any: next.insert(index)
            case .one: next.insert(index + 1)
            case .literal(let wanted): if wanted == character { next.insert(index + 1) }
            case .oneOf(let ranges, let isNegated):
                if ranges.contains(where: { $0.contains(character) }) != isNegated { next.insert(index + 1) }
            }
        }
        skipStars(&next)
        return next
    }

    /// A star may also match nothing.
    private func skipStars(_ reached: inout Set<Int>) {
        for index in reached.sorted() {
            var index = index
            while index < parts.count, case .any = parts[index], reached.insert(index + 1).inserted { index += 1 }
        }
    }
}
