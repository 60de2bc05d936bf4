package import Foundation

/// A JSON document whose shape is not known, or is kept as the client sent it.
///
/// Resources are stored as the client wrote them plus what the service fills in, so that fields which Brume does not
/// act on come back unchanged.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// The member of an object; nil when this is no object or lacks the key. Setting nil removes the key.
    package subscript(key: String) -> JSON? {
        get {
            guard case .object(let members) = self else { return nil }
            return members[key]
        }
        set {
            var members: [String: JSON] = [:]
            if case .object(let existing) = self { members = existing }
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element of an array; nil when this is no array or is shorter.
    package subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    package var isNull: Bool { self == .null }

    /// A boolean, also when it came as text in any case (`"True"`).
    package var bool: Bool? {
        switch self {
        case .bool(let value): value
        case .string(let text) where text.lowercased() == "true": true
        case .string(let text) where text.lowercased() == "false": false
        default: nil
        }
    }

    /// A whole number, also when it came as text or as a float without a fraction: Google's clients send all three.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        case .string(let text): Int64(text)
        default: nil
        }
    }

    /// A number, also when it came as text.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .string(let text): Double(text)
        default: nil
        }
    }

    /// Applies a merge patch: members of `patch` replace, `null` removes, objects merge member by member.
    ///
    /// See [RFC 7396](https://www.rfc-editor.org/rfc/rfc7396), which the PATCH methods of the v1 JSON APIs follow.
    package mutating func merge(_ patch: JSON) {
        guard case .object(let changes) = patch else {
            self = patch
            return
        }
        var members = object ?? [:]
        for (key, change) in changes {
            if change.isNull {
                members[key] = nil
            } else {
                var value = members[key] ?? .null
                value.merge(change)
                members[key] = value
            }
        }
        self = .object(members)
    }
}

extension JSON {
    /// Reads a document.
    ///
    /// - Throws: `DecodingError` when `data` is not JSON; it tells the line and the column.
    package init(parsing data: Data) throws {
        if let read = try JSONReader.read(data) {
            self = read
        } else if let read = try? JSONCoding.decoder.decode(JSON.self, from: data) {
            // What the quick reader leaves to others: numbers beyond 64 bits, great depth.
            self = read
        } else {
            throw JSONReader.failure(in: data)
        }
    }

    /// Views any encodable value as a document.
    package init(encoding value: some Encodable) throws {
        self = try JSON(parsing: JSONCoding.encoder.encode(value))
    }

    /// Reads the document as a typed value.
    ///
    /// - Throws: `DecodingError` naming the field that does not fit.
    package func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSONCoding.decoder.decode(type, from: data())
    }

    /// The document as UTF-8 text, keys sorted.
    package func data() throws -> Data {
        var writer = JSONWriter()
        try writer.write(self)
        return Data(writer.bytes)
    }
}

extension JSON: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
    package init(nilLiteral: ()) { self = .null }
}
