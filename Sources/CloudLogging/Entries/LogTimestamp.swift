package import Foundation

/// A moment to the nanosecond, which is what log entries are ordered by.
///
/// It has one spelling (`2026-11-22T02:15:38.482535000Z`): clients compare timestamps as text.
package struct LogTimestamp: Sendable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z.
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package init(_ date: Date) { nanoseconds = Int64((date.timeIntervalSince1970 * 1e6).rounded()) * 1000 }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    package var text: String {
        let (seconds, fraction) = nanoseconds.quotientAndRemainderFloored(dividingBy: 1_000_000_000)
        let (days, second) = seconds.quotientAndRemainderFloored(dividingBy: 86_400)
        let (year, month, day) = Self.civil(days)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let digits = String(fraction)
        return "\(year)-\(two(month))-\(two(day))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))."
            + String(repeating: "0", count: 9 - digits.count) + digits + "Z"
    }

    /// Reads RFC 3339 with any number of fractional digits, `Z`, `+00:00` or `+0000`; a date alone is its midnight.
    package init?(parsing text: String) {
        var rest = Substring(text)
        func number(_ digits: Int) -> Int64? {
            let part = rest.prefix(digits)
            guard part.count == digits, part.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
            rest = rest.dropFirst(digits)
            return Int64(part)
        }
        func skip(_ characters: String) -> Bool {
            guard let first = rest.first, characters.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2),
            (1...12).contains(month), (1...31).contains(day), (1678...2261).contains(year)
        else { return nil }
        var seconds = Self.days(year, month, day) * 86_400
        var fraction: Int64 = 0
        if !rest.isEmpty {
            guard skip("Tt "), let hour = number(2), skip(":"), let minute = number(2), skip(":"),
                let second = number(2), hour < 24, minute < 60, second <= 60
            else { return nil }
            seconds += hour * 3600 + minute * 60 + second
            if skip(".") {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(digits.count)
                fraction = Int64((digits + "000000000").prefix(9)) ?? 0
            }
            if let sign: Int64 = skip("+") ? -1 : skip("-") ? 1 : nil {
                guard let hours = number(2) else { return nil }
                _ = skip(":")
                seconds += sign * (hours * 3600 + (number(2) ?? 0) * 60)
            } else {
                guard skip("Zz") else { return nil }
            }
            guard rest.isEmpty else { return nil }
        }
        nanoseconds = seconds * 1_000_000_000 + fraction
    }

    // Days since 1970 and the Gregorian calendar, by eras of 400 years that begin on 1 March.

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.quotientAndRemainderFloored(dividingBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, day) = (days + 719_468).quotientAndRemainderFloored(dividingBy: 146_097)
        let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func quotientAndRemainderFloored(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
