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
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
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
