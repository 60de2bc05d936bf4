import Foundation
import GoogleAPI
import HTTPTypes

/// The HTTP call that a procedure stands for, as
/// [google.api.http](https://github.com/googleapis/googleapis/blob/master/google/api/http.proto) writes it.
struct HTTPRule: Sendable {
    struct Wanted: Sendable, Equatable {
        var verb: HTTPRequest.Method
        /// Path and query, percent-encoded.
        var target: String
        var body: JSON?
    }

    private let verb: HTTPRequest.Method
    private let path: [Part]
    /// The field that is the body; `*`: all that the path does not say; empty: none.
    private let body: String

    private enum Part: Sendable {
        case text(String)
        /// A field, and the form that its value has: `projects/*/locations/*`; nil: one segment.
        case field([String], form: [Substring]?)
        /// One segment of a field.
        case segment([String], Int)
    }

    /// - Parameter words: `POST`, `/v1/{parent=projects/*}/secrets`, `secret`.
    init(_ words: [String]) {
        verb = HTTPRequest.Method(words[0]) ?? .get
        body = words.count > 2 ? words[2].camelCased : ""
        var path: [Part] = []
        var rest = words[1][...]
        while let start = rest.firstIndex(of: "{"), let end = rest[start...].firstIndex(of: "}") {
            path.append(.text(String(rest[..<start])))
            path.append(Self.variable(rest[rest.index(after: start)..<end]))
            rest = rest[rest.index(after: end)...]
        }
        path.append(.text(String(rest)))
        self.path = path
    }

    private static func variable(_ text: Substring) -> Part {
        let halves = text.split(separator: "=", maxSplits: 1)
        if let bracket = text.firstIndex(of: "["), let index = Int(text[bracket...].dropFirst().dropLast()) {
            return .segment(fields(text[..<bracket]), index)
        }
        return .field(fields(halves[0]), form: halves.count == 2 ? halves[1].split(separator: "/") : nil)
    }

    private static func fields(_ path: Substring) -> [String] {
        path.split(separator: ".").map { String($0).camelCased }
    }

    /// The call for a request; nil when the request lacks what the path needs.
    func call(for request: JSON) -> Wanted? {
        var (target, rest) = ("", request)
        for part in path {
            switch part {
            case .text(let text): target += text
            case .field(let field, let form):
                guard let value = Self.value(of: field, in: request), let text = Self.encoded(value, in: form) else {
                    return nil
                }
                target += text
                rest.remove(field)
            case .segment(let field, let index):
                let segments = Self.value(of: field, in: request)?.split(separator: "/") ?? []
                guard segments.indices.contains(index) else { return nil }
                target += Self.encoded(segments[index])
                rest.remove(field)
            }
        }
        if body == "*" { return Wanted(verb: verb, target: target, body: rest) }
        let content: JSON? = body.isEmpty ? .none : request[body] ?? [:]
        rest.remove([body])
        let query = Self.query(rest, under: "").map { "\($0)=\(Self.encoded($1[...]))" }.joined(separator: "&")
        return Wanted(verb: verb, target: query.isEmpty ? target : "\(target)?\(query)", body: content)
    }

    private static func value(of field: [String], in request: JSON) -> String? {
        let found = field.reduce(request as JSON?) { $0?[$1] }
        return found?.string ?? found?.integer.map { String($0) }
    }

    /// A value in a path, if it has the form that the path wants.
    private static func encoded(_ value: String, in form: [Substring]?) -> String? {
        guard let form else { return value.isEmpty ? nil : encoded(value[...]) }
        let segments = value.split(separator: "/", omittingEmptySubsequences: false)
        guard form.last == "**" ? segments.count >= form.count : segments.count == form.count,
            zip(form, segments).allSatisfy({ ["*", "**"].contains($0) ? !$1.isEmpty : $0 == $1 })
        else { return nil }
        return segments.map { encoded($0) }.joined(separator: "/")
    }

    private static func encoded(_ text: Substring) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@"
    )

    /// What the request says besides, as parameters of a query.
    private static func query(_ value: JSON, under name: String) -> [(String, String)] {
        switch value {
        case .null: []
        case .object(let members):
            members.sorted { $0.key < $1.key }.flatMap { key, member in
                query(member, under: name.isEmpty ? key : "\(name).\(key)")
            }
        case .array(let elements): elements.flatMap { query($0, under: name) }
        case .string(let text): [(name, text)]
        case .bool(let flag): [(name, flag ? "true" : "false")]
        case .integer(let number): [(name, String(number))]
        case .number(let number): [(name, String(number))]
        }
    }
}

extension JSON {
    fileprivate mutating func remove(_ path: [String]) {
        guard let first = path.first, case .object(var members) = self else { return }
        if path.count == 1 {
            members[first] = nil
        } else {
            members[first]?.remove(Array(path.dropFirst()))
        }
        self = .object(members)
    }
}
