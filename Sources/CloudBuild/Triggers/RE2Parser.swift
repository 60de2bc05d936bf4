import GoogleAPI

extension RE2Pattern {
    /// Reads a pattern into a tree.
    struct Parser {
        private let text: String
        private let scalars: [Unicode.Scalar]
        private var position = 0
        private var depth = 0
        private var ignoresCase = false

        init(_ text: String) {
            self.text = text
            scalars = Array(text.unicodeScalars)
        }

        static func wrong(_ why: String, _ piece: String) -> GoogleError {
            .invalidBuild("error parsing regexp: \(why): `\(piece)`")
        }

        mutating func parse() throws -> Tree {
            guard scalars.count <= 1000 else { throw Self.wrong("expression too large", String(text.prefix(40))) }
            let tree = try alternatives()
            guard position == scalars.count else { throw Self.wrong("unexpected )", text) }
            return tree
        }

        private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard next == scalar else { return false }
            position += 1
            return true
        }

        private mutating func alternatives() throws -> Tree {
            depth += 1
            defer { depth -= 1 }
            guard depth <= 100 else { throw Self.wrong("expression nests too deeply", text) }
            var choices = [try sequence()]
            while take("|") { choices.append(try sequence()) }
            return choices.count == 1 ? choices[0] : .alternatives(choices)
        }

        private mutating func sequence() throws -> Tree {
            var parts: [Tree] = []
            while let scalar = next, scalar != "|", scalar != ")" { parts.append(try repetition()) }
            return .sequence(parts)
        }

        private mutating func repetition() throws -> Tree {
            var tree = try atom()
            var count = 0
            while let scalar = next {
                let start = position
                position += 1
                switch scalar {
                case "*": tree = .repeated(tree, nil, minimum: 0)
                case "+": tree = .repeated(tree, nil, minimum: 1)
                case "?": tree = .repeated(tree, 0...1, minimum: 0)
                case "{":
                    guard let counted = try counts(of: tree) else {
                        position = start
                        return tree
                    }
                    tree = counted
                default:
                    position = start
                    return tree
                }
                count += 1
                // Lazy or greedy: for whether a text fits it is the same.
                _ = take("?")
                guard count == 1 else { throw Self.wrong("invalid nested repetition operator", text) }
            }
            return tree
        }

        /// `{2}`, `{2,}`, `{2,5}`; nil when the brace stands for itself.
        private mutating func counts(of tree: Tree) throws -> Tree? {
            let rest = String(String.UnicodeScalarView(scalars[position...]))
            guard let match = rest.prefixMatch(of: /([0-9]{1,4})(,?)([0-9]{0,4})\}/) else { return nil }
            let least = Int(match.1) ?? 0
            let most = Int(match.3)
            guard least <= 1000, most ?? 0 <= 1000, most.map({ $0 >= least }) ?? true else {
                throw Self.wrong("invalid repeat count", "{" + match.0)
            }
            position += match.0.unicodeScalars.count
            if match.2.isEmpty { return .repeated(tree, least...least, minimum: least) }
            return .repeated(tree, most.map { least...$0 }, minimum: least)
        }

        private mutating func atom() throws -> Tree {
            guard let scalar = next else { return .empty }
            position += 1
            switch scalar {
            case "^": return .assertion(.begin)
            case "$": return .assertion(.end)
            case ".": return .character(.any)
            case "(": return try group()
            case "[": return .character(try cased(classes()))
            case "\\": return try escape()
            case "*", "+", "?": throw Self.wrong("missing argument to repetition operator", String(scalar))
            default: return .character(cased(CharacterSet(ranges: [scalar.value...scalar.value])))
            }
        }

        private func cased(_ set: CharacterSet) -> CharacterSet { ignoresCase ? set.ignoringCase : set }

        private mutating func group() throws -> Tree {
            let outer = ignoresCase
            if take("?") {
                let rest = String(String.UnicodeScalarView(scalars[position...]))
                if let name = rest.prefixMatch(of: /P?<[A-Za-z_][A-Za-z0-9_]*>/) {
                    position += name.0.unicodeScalars.count
                } else if let flags = rest.prefixMatch(of: /(i?)(:|\))/) {
                    position += flags.0.unicodeScalars.count
                    if !flags.1.isEmpty { ignoresCase = true }
                    // `(?i)` holds for the rest of the group that it stands in.
                    if flags.2 == ")" { return .empty }
                } else {
                    throw Self.wrong("invalid or unsupported Perl syntax", "(?" + rest.prefix(2))
                }
            }
            let tree = try alternatives()
            guard take(")") else { throw Self.wrong("missing closing )", text) }
            ignoresCase = outer
            return tree
        }

        private mutating func escape() throws -> Tree {
            guard let scalar = next else { throw Self.wrong("trailing backslash at end of expression", "") }
            position += 1
            switch scalar {
            case "A": return .assertion(.begin)
            case "z": return .assertion(.end)
            case "b": return .assertion(.wordBoundary)
            case "B": return .assertion(.noWordBoundary)
            case "C": return .character(.everything)
            case "Q": return literal()
            default: return .character(cased(try escaped(scalar)))
            }
        }

        /// `\Q…\E`: text that stands for itself.
        private mutating func literal() -> Tree {
            var characters: [Tree] = []
            while let scalar = next {
                position += 1
                if scalar == "\\", take("E") { break }
                characters.append(.character(cased(CharacterSet(ranges: [scalar.value...scalar.value]))))
            }
            return .sequence(characters)
        }

        /// What stands behind a backslash, in a class or outside.
        private func escaped(_ scalar: Unicode.Scalar) throws -> CharacterSet {
            func one(_ value: UInt32) -> CharacterSet { CharacterSet(ranges: [value...value]) }
            func not(_ set: CharacterSet) -> CharacterSet { CharacterSet(ranges: set.ranges, isInverted: true) }
            switch scalar {
            case "d": return .digit
            case "D": return not(.digit)
            case "s": return .space
            case "S": return not(.space)
            case "w": return .word
            case "W": return not(.word)
            case "a": return one(7)
            case "t": return one(9)
            case "v": return one(11)
            case "f": return one(12)
            case "n": return one(10)
            case "r": return one(13)
            default:
                guard scalar.isASCII, !scalar.properties.isAlphabetic, !CharacterSet.digit.contains(scalar) else {
                    throw Self.wrong("invalid escape sequence", "\\\(scalar)")
                }
                return one(scalar.value)
            }
        }

        private mutating func classes() throws -> CharacterSet {
            let start = position
            var set = CharacterSet(ranges: [])
            set.isInverted = take("^")
            var isFirst = true
            while let scalar = next, scalar != "]" || isFirst {
                isFirst = false
                position += 1
                var low = CharacterSet(ranges: [scalar.value...scalar.value])
                if scalar == "\\" {
                    guard let escapedScalar = next else { break }
                    position += 1
                    low = try escaped(escapedScalar)
                    guard !low.isInverted else {
                        throw Self.wrong("invalid character class range", "\\\(escapedScalar)")
                    }
                }
                guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]",
                    let from = low.ranges.first, low.ranges.count == 1, from.count == 1
                else {
                    set.ranges += low.ranges
                    continue
                }
                position += 1
                let to = scalars[position]
                position += 1
                guard from.lowerBound <= to.value else {
                    throw Self.wrong("invalid character class range", "\(scalar)-\(to)")
                }
                set.ranges.append(from.lowerBound...to.value)
            }
            guard take("]") else {
                throw Self.wrong("missing closing ]", String(String.UnicodeScalarView(scalars[(start - 1)...])))
            }
            return set
        }
    }
}
