package import GoogleAPI

/// How grave an entry is; the raw value is Google's number, which also gives the order.
package enum LogSeverity: Int, Sendable, CaseIterable, Comparable {
    case `default` = 0
    case debug = 100
    case info = 200
    case notice = 300
    case warning = 400
    case error = 500
    case critical = 600
    case alert = 700
    case emergency = 800

    package var name: String { "\(self)".uppercased() }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Reads a name in any case, Python's and Java's names too, or a number.
    package init?(_ text: String) {
        if let number = Int(text) {
            guard let known = Self(rawValue: number) else { return nil }
            self = known
            return
        }
        switch text.uppercased() {
        case "WARN": self = .warning
        case "FATAL": self = .critical
        case "TRACE": self = .debug
        case let name:
            guard let known = Self.allCases.first(where: { $0.name == name }) else { return nil }
            self = known
        }
    }

    package init?(_ value: JSON?) {
        guard let value else { return nil }
        if let number = value.integer {
            self.init(String(number))
        } else {
            self.init(value.string ?? "")
        }
    }
}
