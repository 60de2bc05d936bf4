import Foundation
import GoogleAPI

/// The messages of `google.protobuf` that [JSON writes in a form of its own](https://protobuf.dev/programming-guides/json/).
enum WellKnown {
    static let prefix = "google.protobuf."

    /// The scalar in a wrapper such as `google.protobuf.Int64Value`.
    static func wrapped(_ name: String) -> String? {
        guard name.hasSuffix("Value") else { return nil }
        let kind = name.dropFirst(prefix.count).dropLast("Value".count).lowercased()
        return ["double", "float", "int64", "uint64", "int32", "uint32", "bool", "string", "bytes"].first { $0 == kind }
    }

    // MARK: Times

    /// `2026-11-23T04:05:06.789Z`, to the nanosecond where there are some.
    static func timestamp(seconds: Int64, nanos: Int64) -> String {
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        return date.formatted(.iso8601).dropLast() + fraction(nanos) + "Z"
    }

    /// `3.5s`
    static func duration(seconds: Int64, nanos: Int64) -> String {
        (seconds < 0 || nanos < 0 ? "-" : "") + "\(seconds.magnitude)" + fraction(Int64(nanos.magnitude)) + "s"
    }

    private static func fraction(_ nanos: Int64) -> String {
        guard nanos > 0 else { return "" }
        var digits = String(1_000_000_000 + nanos).dropFirst()
        while digits.hasSuffix("000") { digits = digits.dropLast(3) }
        return "." + digits
    }

    /// The seconds since 1970, and the nanoseconds beyond them.
    static func instant(_ text: String) -> (seconds: Int64, nanos: Int64)? {
        let style = Date.ISO8601FormatStyle()
        guard let dot = text.firstIndex(of: ".") else {
            return (try? style.parse(text)).map { (Int64($0.timeIntervalSince1970.rounded()), 0) }
        }
        let digits = text[dot...].dropFirst().prefix { $0.isNumber }
        let whole = text[..<dot] + text[digits.endIndex...]
        guard let date = try? style.parse(String(whole)) else { return nil }
        return (Int64(date.timeIntervalSince1970.rounded()), nanos(digits))
    }

    /// A duration's seconds and nanoseconds, of one sign.
    static func length(_ text: String) -> (seconds: Int64, nanos: Int64)? {
        guard text.hasSuffix("s") else { return nil }
        let halves = text.dropLast().split(separator: ".", maxSplits: 1)
        guard let first = halves.first, let seconds = Int64(first) else { return nil }
        let nanos = halves.count == 2 ? nanos(halves[1]) : 0
        return (seconds, first.hasPrefix("-") ? -nanos : nanos)
    }

    private static func nanos(_ digits: Substring) -> Int64 {
        Int64((digits + "000000000").prefix(9)) ?? 0
    }

    // MARK: Field masks

    /// `build.machine_type` as JSON writes it.
    static func jsonPath(_ path: String) -> String {
        path.split(separator: ".").map { String($0).camelCased }.joined(separator: ".")
    }

    /// `build.machineType` as protobuf writes it.
    static func fieldPath(_ path: Substring) -> String {
        path.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
