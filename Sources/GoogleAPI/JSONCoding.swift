package import Foundation

/// The one way in which Brume writes and reads JSON, on the wire and in rows.
///
/// Dates are RFC 3339 in UTC to the millisecond; slashes are not escaped; keys are sorted, so that a document has
/// one text.
package enum JSONCoding {
    package static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Timestamp.text(date))
        }
        return encoder
    }

    package static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let date = Timestamp.date(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no RFC 3339 time")
            }
            return date
        }
        return decoder
    }
}

/// RFC 3339 times as Google's APIs write them.
package enum Timestamp {
    /// The time in UTC to the millisecond: `2026-11-23T04:05:06.789Z`.
    package static func text(_ date: Date) -> String {
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded(.down)
        // Beyond four digits of a year the format says more than this does.
        guard (-62_135_596_800_000..<253_402_300_800_000).contains(milliseconds) else {
            return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        let (day, rest) = Int(milliseconds).quotientAndRemainder(flooring: 86_400_000)
        let civil = CivilDate(daysSince1970: day)
        var text = [UInt8](repeating: UInt8(ascii: "0"), count: 24)
        func put(_ number: Int, at end: Int, count: Int) {
            var (rest, index) = (number, end)
            for _ in 0..<count {
                text[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
                index -= 1
            }
        }
        put(civil.year, at: 3, count: 4)
        put(civil.month, at: 6, count: 2)
        put(civil.day, at: 9, count: 2)
        put(rest / 3_600_000, at: 12, count: 2)
        put(rest / 60_000 % 60, at: 15, count: 2)
        put(rest / 1000 % 60, at: 18, count: 2)
        put(rest % 1000, at: 22, count: 3)
        for (index, sign) in zip([4, 7, 10, 13, 16, 19, 23], "--T::.Z".utf8) { text[index] = sign }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a time with or without a fraction of a second, with `Z` or an offset.
    package static func date(_ text: String) -> Date? {
        let style = Date.ISO8601FormatStyle()
        return
            (try? Date(
                text,
                strategy: style.year().month().day().time(includingFractionalSeconds: true)
                    .timeZone(separator: .colon).dateSeparator(.dash).timeSeparator(.colon)
            ))
            ?? (try? Date(text, strategy: style))
    }
}

/// A whole number that travels as text, as Google's JSON does with every `int64`.
///
/// Decoding also accepts a JSON number.
@propertyWrapper
package struct Int64Text: Codable, Sendable, Equatable, Hashable {
    package var wrappedValue: Int64

    package init(wrappedValue: Int64) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            wrappedValue = number
            return
        }
        let text = try container.decode(String.self)
        guard let number = Int64(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no 64-bit integer")
        }
        wrappedValue = number
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(wrappedValue))
    }
}

/// A day of the Gregorian calendar.
package struct CivilDate: Sendable, Equatable {
    package var year: Int
    package var month: Int
    package var day: Int

    /// Counts in eras of 400 years that begin on the first of March, so that leap days end them.
    package init(daysSince1970 days: Int) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooring: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }
}

extension Int {
    /// Division whose remainder is never negative.
    package func quotientAndRemainder(flooring divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
