import GoogleAPI

/// Cuts a filter into words, quoted strings and signs.
enum FilterLexer {
    struct Token: Equatable {
        enum Kind: Equatable {
            case word(String)
            case quoted(String)
            /// `(`, `)`, `,`, `.`, `-`, or an operator.
            case sign(String)
            case end
        }

        var kind: Kind
        var offset: Int
        /// Whether white space stands before it: `a .b` is not a path.
        var isSpaced: Bool
    }

    private static let operators = ["=~", "!~", "!=", "<=", ">=", "=", "<", ">", ":"]

    static func tokens(of text: String) throws -> [Token] {
        let characters = Array(text)
        var tokens: [Token] = []
        var index = 0
        var isSpaced = false
        func add(_ kind: Token.Kind, from start: Int) {
            tokens.append(Token(kind: kind, offset: start, isSpaced: isSpaced))
            isSpaced = false
        }
        while index < characters.count {
            let character = characters[index]
            let start = index
            if character.isWhitespace {
                index += 1
                isSpaced = true
            } else if character == "-", index + 1 < characters.count, characters[index + 1] == "-" {
                while index < characters.count, !characters[index].isNewline { index += 1 }
                isSpaced = true
            } else if character == "\"" || character == "'" {
                add(.quoted(try quoted(characters, &index)), from: start)
            } else if let sign = operators.first(where: { matches($0, characters, at: index) }) {
                index += sign.count
                add(.sign(sign), from: start)
            } else if "(),.".contains(character) || character == "-" {
                index += 1
                add(.sign(String(character)), from: start)
            } else {
                while index < characters.count, isWord(characters[index]) { index += 1 }
                guard index > start else { throw GoogleError.unparseableFilter("'\(character)'", at: start) }
                add(.word(String(characters[start..<index])), from: start)
            }
        }
        add(.end, from: characters.count)
        return tokens
    }

    private static func isWord(_ character: Character) -> Bool {
        !character.isWhitespace && !"()\"',.=<>:!~".contains(character)
    }

    private static func matches(_ sign: String, _ characters: [Character], at index: Int) -> Bool {
        characters[index...].prefix(sign.count).elementsEqual(sign)
    }

    private static func quoted(_ characters: [Character], _ index: inout Int) throws -> String {
        let start = index
        let quote = characters[index]
        var text = ""
        index += 1
        while index < characters.count {
            let character = characters[index]
            index += 1
            if character == quote { return text }
            guard character == "\\", index < characters.count else {
                text.append(character)
                continue
            }
            let escaped = characters[index]
            index += 1
            switch escaped {
            case "n": text.append("\n")
            case "t": text.append("\t")
            case "r": text.append("\r")
            case "\"", "'", "\\": text.append(escaped)
            // Kept whole: regular expressions are full of them.
            default: text += "\\\(escaped)"
            }
        }
        throw GoogleError.unparseableFilter("a quoted string without its end", at: start)
    }
}
