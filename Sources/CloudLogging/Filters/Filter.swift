package import Foundation
import GoogleAPI

/// A question about log entries, in the
/// [Logging query language](https://docs.cloud.google.com/logging/docs/view/logging-query-language).
package indirect enum Filter: Sendable, Equatable {
    case all([Filter])
    case any([Filter])
    case not(Filter)
    case comparison(Comparison)
    /// Text that occurs in any field.
    case text(String)

    /// What every entry answers.
    package static let everything = Filter.all([])

    package struct Comparison: Sendable, Equatable {
        package enum Operator: String, Sendable {
            case equal = "="
            case notEqual = "!="
            case less = "<"
            case lessOrEqual = "<="
            case greater = ">"
            case greaterOrEqual = ">="
            case has = ":"
            case matches = "=~"
            case matchesNot = "!~"
        }

        /// `["resource", "labels", "job_id"]`, in the spelling of the wire.
        var path: [String]
        var relation: Operator
        var operand: Operand
    }

    /// What a field is compared with, read once.
    package enum Operand: Sendable, Equatable {
        case text(String)
        case moment(LogTimestamp)
        case severity(LogSeverity)
        case pattern(NSRegularExpression)
        /// `field:*`.
        case anything
    }

    /// Reads a filter; an empty one is ``everything``.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) that says where reading stopped.
    package init(parsing text: String) throws {
        var parser = FilterParser(tokens: try FilterLexer.tokens(of: text))
        self = try parser.filter()
    }

    /// The parts that all must hold.
    var conjuncts: [Filter] {
        if case .all(let parts) = self { parts.flatMap(\.conjuncts) } else { [self] }
    }
}
