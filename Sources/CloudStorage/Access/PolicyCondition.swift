import Foundation
import GoogleAPI

/// What conditions of policies speak of.
struct Circumstances: Sendable {
    var resource: ResourceName
    var time: @Sendable () -> Date
}

/// Conditions of a policy's bindings.
///
/// See [IAM conditions](https://docs.cloud.google.com/iam/docs/conditions-overview).
enum PolicyCondition {
    /// Checks conditions that a client sets.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func check(_ policy: JSON) throws {
        for binding in policy["bindings"]?.array ?? [] {
            guard let condition = binding["condition"], !condition.isNull else { continue }
            let role = binding["role"]?.string ?? ""
            guard policy["version"]?.integer == 3 else {
                throw GoogleError.invalid("Policies with conditional role bindings must specify version 3.")
            }
            guard !role.hasPrefix("roles/storage.legacy") else {
                throw GoogleError.invalid("The role '\(role)' cannot be granted under a condition.")
            }
            let members = (binding["members"]?.array ?? []).compactMap(\.string)
            guard !members.contains(where: ["allUsers", "allAuthenticatedUsers"].contains) else {
                throw GoogleError.invalid("Grants to everybody cannot have a condition.")
            }
            guard let title = condition["title"]?.string, !title.isEmpty else {
                throw GoogleError.invalid("Each condition needs a title.")
            }
            guard let expression = condition["expression"]?.string, Expression(expression) != nil else {
                throw GoogleError.invalid(
                    "Invalid condition '\(title)': its expression is no boolean expression of the Common Expression "
                        + "Language."
                )
            }
        }
    }

    /// Whether a condition holds. One that cannot be evaluated does not.
    static func holds(_ condition: JSON, under circumstances: Circumstances) -> Bool {
        if condition.isNull { return true }
        guard let expression = condition["expression"]?.string.flatMap(Expression.init) else { return false }
        return expression.value(under: circumstances) == .bool(true)
    }
}

/// An expression of the part of the [Common Expression Language](https://github.com/google/cel-spec) that conditions are
/// written in.
indirect enum Expression: Sendable, Equatable {
    enum Value: Sendable, Equatable {
        case bool(Bool)
        case text(String)
        case time(Date)
    }

    case constant(Value)
    /// `resource.name`
    case attribute(String)
    /// `f(a)`, or `a.f(b)` with `a` as the first argument.
    case call(String, [Expression])
    case not(Expression)
    /// `a && b`, `a < b`, …
    case pair(String, Expression, Expression)

    /// Nil for what is no expression.
    init?(_ text: String) {
        guard let tokens = ExpressionReader.tokens(of: text) else { return nil }
        var reader = ExpressionReader(tokens: tokens[...])
        guard let expression = reader.whole() else { return nil }
        self = expression
    }

    /// Nil where it speaks of something that is not known here.
    func value(under circumstances: Circumstances) -> Value? {
        switch self {
        case .constant(let value): return value
        case .attribute(let name): return Self.attribute(name, under: circumstances)
        case .not(let inner):
            guard case .bool(let value)? = inner.value(under: circumstances) else { return nil }
            return .bool(!value)
        case .call(let name, let arguments):
            return Self.call(name, arguments.map { $0.value(under: circumstances) })
        case .pair(let sign, let left, let right):
            let (left, right) = (left.value(under: circumstances), right.value(under: circumstances))
            switch sign {
            // As in CEL, what is decided by one side does not need the other.
            case "&&":
                if left == .bool(false) || right == .bool(false) { return .bool(false) }
                return left == .bool(true) && right == .bool(true) ? .bool(true) : nil
            case "||":
                if left == .bool(true) || right == .bool(true) { return .bool(true) }
                return left == .bool(false) && right == .bool(false) ? .bool(false) : nil
            default: return Self.compare(left, sign, right)
            }
        }
    }

    private static func attribute(_ name: String, under circumstances: Circumstances) -> Value? {
        let segments = circumstances.resource.segments
        switch name {
        case "resource.name":
            // A generation is no part of an object's name.
            return .text((segments.count == 8 ? Array(segments.prefix(6)) : segments).joined(separator: "/"))
        case "resource.service": return .text("storage.googleapis.com")
        case "resource.type":
            let kinds = ["objects": "Object", "managedFolders": "ManagedFolder", "folders": "Folder"]
            let kind = segments.count > 4 ? kinds[segments[4]] ?? "Object" : "Bucket"
            return .text("storage.googleapis.com/\(kind)")
        case "request.time": return .time(circumstances.time())
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: return nil
        }
    }

    private static func call(_ name: String, _ arguments: [Value?]) -> Value? {
        switch (name, arguments.first ?? nil, arguments.count > 1 ? arguments[1] : nil) {
        case ("startsWith", .text(let text)?, .text(let part)?): .bool(text.utf8.starts(with: part.utf8))
        case ("endsWith", .text(let text)?, .text(let part)?):
            .bool(text.utf8.reversed().starts(with: part.utf8.reversed()))
        case ("contains", .text(let text)?, .text(let part)?): .bool(text.contains(part))
        case ("timestamp", .text(let text)?, nil): Timestamp.date(text).map(Value.time)
        // Attributes of a request that are not known count as absent.
        case ("api.getAttribute", .text?, let absent?): absent
        default: nil
        }
    }

    private static func compare(_ left: Value?, _ sign: String, _ right: Value?) -> Value? {
        switch (left, sign, right) {
        case (let left?, "==", let right?): .bool(left == right)
        case (let left?, "!=", let right?): .bool(left != right)
        case (.time(let left)?, "<", .time(let right)?): .bool(left < right)
        case (.time(let left)?, "<=", .time(let right)?): .bool(left <= right)
        case (.time(let left)?, ">", .time(let right)?): .bool(left > right)
        case (.time(let left)?, ">=", .time(let right)?): .bool(left >= right)
        default: nil
        }
    }
}
