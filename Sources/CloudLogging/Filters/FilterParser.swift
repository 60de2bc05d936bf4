import Foundation
import GoogleAPI

/// Reads a filter's tokens. NOT binds closest, then OR, then AND; conditions side by side are joined by AND.
struct FilterParser {
    private let tokens: [FilterLexer.Token]
    private var index = 0
    private var depth = 0

    init(tokens: [FilterLexer.Token]) { self.tokens = tokens }

    private var next: FilterLexer.Token { tokens[index] }

    mutating func filter() throws -> Filter {
        if next.kind == .end { return .everything }
        let result = try conjunction()
        guard next.kind == .end else { throw unexpected() }
        return result
    }

    private mutating func conjunction() throws -> Filter {
        var parts = [try disjunction()]
        while next.kind != .end, next.kind != .sign(")") {
            _ = take(.word("AND"))
            parts.append(try disjunction())
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func disjunction() throws -> Filter {
        var parts = [try negation()]
        while take(.word("OR")) { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func negation() throws -> Filter {
        if take(.word("NOT")) || take(.sign("-")) { return .not(try negation()) }
        return try condition()
    }

    private mutating func condition() throws -> Filter {
        if take(.sign("(")) {
            depth += 1
            defer { depth -= 1 }
            guard depth <= 64 else { throw GoogleError.unparseableFilter("too many parentheses", at: next.offset) }
            let inner = try conjunction()
            guard take(.sign(")")) else { throw unexpected() }
            return inner
        }
        let start = next
        let path = try operandPath()
        if case .sign(let sign) = next.kind, let relation = Filter.Comparison.Operator(rawValue: sign) {
            index += 1
            return try comparison(path: Self.wirePath(path), relation)
        }
        if case .word(let name) = start.kind, path.count == 1, next.kind == .sign("("), !next.isSpaced {
            return try function(name, at: start.offset)
        }
        return .text(path.joined(separator: "."))
    }

    /// `resource.labels."k8s.io/x"`, `jsonPayload.message`, or a bare word or string.
    private mutating func operandPath() throws -> [String] {
        var path = [try word()]
        while next.kind == .sign("."), !next.isSpaced {
            index += 1
            path.append(try word())
        }
        return path
    }

    private mutating func comparison(path: [String], _ relation: Filter.Comparison.Operator) throws -> Filter {
        // A group of values: field = ("a" OR "b").
        guard take(.sign("(")) else { return try make(path, relation, try value()) }
        return try valueGroup(path, relation)
    }

    private mutating func valueGroup(_ path: [String], _ relation: Filter.Comparison.Operator) throws -> Filter {
        var all: [Filter] = []
        repeat {
            var any: [Filter] = []
            repeat {
                let isNegated = take(.word("NOT")) || take(.sign("-"))
                let one = try make(path, relation, try value())
                any.append(isNegated ? .not(one) : one)
            } while take(.word("OR"))
            all.append(any.count == 1 ? any[0] : .any(any))
        } while take(.word("AND")) || (next.kind != .sign(")") && next.kind != .end)
        guard take(.sign(")")) else { throw unexpected() }
        return all.count == 1 ? all[0] : .all(all)
    }

    /// A value: quoted, or bare such as `ERROR`, `-1.5`, `2026-11-22T02:15:38Z`, `my-log.x`.
    private mutating func value() throws -> (text: String, isQuoted: Bool) {
        if case .quoted(let text) = next.kind {
            index += 1
            return (text, true)
        }
        var text = ""
        while text.isEmpty || !next.isSpaced {
            switch next.kind {
            case .word(let word): text += word
            case .sign(let sign) where [".", "-", ":"].contains(sign): text += sign
            default:
                guard !text.isEmpty else { throw unexpected() }
                return (text, false)
            }
            index += 1
        }
        return (text, false)
    }

    private func make(
        _ path: [String],
        _ relation: Filter.Comparison.Operator,
        _ value: (text: String, isQuoted: Bool)
    ) throws -> Filter {
        .comparison(.init(path: path, relation: relation, operand: try Self.operand(path, relation, value)))
    }

    private static func operand(
        _ path: [String],
        _ relation: Filter.Comparison.Operator,
        _ value: (text: String, isQuoted: Bool)
    ) throws -> Filter.Operand {
        if relation == .has, value.text == "*", !value.isQuoted { return .anything }
        if relation == .matches || relation == .matchesNot {
            guard let pattern = try? NSRegularExpression(pattern: value.text) else {
                throw GoogleError.invalid("Invalid filter: '\(value.text)' is no regular expression.")
            }
            return .pattern(pattern)
        }
        switch path {
        case ["timestamp"], ["receiveTimestamp"]:
            guard let moment = LogTimestamp(parsing: value.text) else {
                throw GoogleError.badFilterValue(
                    value.text,
                    field: path[0],
                    expected: "an RFC 3339 time such as \"2026-11-22T02:15:38Z\""
                )
            }
            return .moment(moment)
        case ["severity"]:
            guard let severity = LogSeverity(value.text) else {
                let names = LogSeverity.allCases.map(\.name).joined(separator: ", ")
                throw GoogleError.badFilterValue(value.text, field: "severity", expected: "one of \(names)")
            }
            return .severity(severity)
        default: return .text(value.text)
        }
    }

    private mutating func function(_ name: String, at offset: Int) throws -> Filter {
        _ = take(.sign("("))
        let argument = try value().text
        guard take(.sign(")")) else { throw unexpected() }
        switch name {
        case "log_id":
            return .comparison(.init(path: ["log_id"], relation: .equal, operand: .text(argument)))
        case "SEARCH": return .text(argument)
        default: throw GoogleError.unparseableFilter("the function '\(name)', which Brume does not know,", at: offset)
        }
    }

    private mutating func word() throws -> String {
        switch next.kind {
        case .word(let text), .quoted(let text):
            index += 1
            return text
        default: throw unexpected()
        }
    }

    private mutating func take(_ kind: FilterLexer.Token.Kind) -> Bool {
        guard next.kind == kind else { return false }
        index += 1
        return true
    }

    private func unexpected() -> GoogleError {
        switch next.kind {
        case .end: .unparseableFilter("an unexpected end", at: next.offset)
        case .word(let text), .quoted(let text), .sign(let text):
            .unparseableFilter("an unexpected '\(text)'", at: next.offset)
        }
    }

    /// The fields of an entry may be written as in the protocol buffers: `log_name` is `logName`.
    private static func wirePath(_ path: [String]) -> [String] {
        let spellings = [
            "log_name": "logName", "text_payload": "textPayload", "json_payload": "jsonPayload",
            "proto_payload": "protoPayload", "insert_id": "insertId", "receive_timestamp": "receiveTimestamp",
            "http_request": "httpRequest", "source_location": "sourceLocation", "span_id": "spanId",
        ]
        return [spellings[path[0]] ?? path[0]] + path.dropFirst()
    }
}
