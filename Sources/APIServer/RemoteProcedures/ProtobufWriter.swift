import Foundation
import GoogleAPI

/// Writes JSON in [protobuf's wire format](https://protobuf.dev/programming-guides/encoding/).
///
/// Members that the table does not know, and values of another kind than it says, are left out.
struct ProtobufWriter {
    let table: ProcedureTable

    func message(_ json: JSON, _ name: String) -> [UInt8] {
        if name.hasPrefix(WellKnown.prefix) { return wellKnown(json, name) }
        var bytes: [UInt8] = []
        for field in table.messages[name]?.fields ?? [] {
            guard let value = json[field.name], !value.isNull else { continue }
            if let key = field.key {
                for (name, value) in (value.object ?? [:]).sorted(by: { $0.key < $1.key }) {
                    let entry = element(1, .string(name), key) + element(2, value, field.kind)
                    Self.put(entry, field.number, &bytes)
                }
            } else if field.isRepeated {
                for value in value.array ?? [] { bytes += element(field.number, value, field.kind) }
            } else {
                bytes += element(field.number, value, field.kind)
            }
        }
        return bytes
    }

    /// A field with its number; nothing when the value is not of the kind.
    private func element(_ number: Int, _ value: JSON, _ kind: String) -> [UInt8] {
        var bytes: [UInt8] = []
        switch kind {
        case "string": value.string.map { Self.put(Array($0.utf8), number, &bytes) }
        case "bytes":
            // Either alphabet is JSON for bytes.
            let text = value.string?.replacing("-", with: "+").replacing("_", with: "/")
            text.flatMap { Data(base64Encoded: $0) }.map { Self.put(Array($0), number, &bytes) }
        case "bool": value.bool.map { Self.put($0 ? 1 : 0, number, &bytes) }
        case "int32", "int64", "uint32": value.integer.map { Self.put(UInt64(bitPattern: $0), number, &bytes) }
        case "uint64":
            (value.string.flatMap { UInt64($0) } ?? value.integer.map { UInt64(bitPattern: $0) })
                .map { Self.put($0, number, &bytes) }
        case "sint32", "sint64":
            value.integer.map { Self.put(UInt64(bitPattern: $0 << 1 ^ $0 >> 63), number, &bytes) }
        case "double": value.double.map { Self.putFixed($0.bitPattern, number, &bytes) }
        case "fixed64", "sfixed64": value.integer.map { Self.putFixed(UInt64(bitPattern: $0), number, &bytes) }
        case "float": value.double.map { Self.putFixed(Float($0).bitPattern, number, &bytes) }
        case "fixed32", "sfixed32":
            value.integer.map { Self.putFixed(UInt32(truncatingIfNeeded: $0), number, &bytes) }
        default:
            if let enumeration = table.enumerations[kind] {
                let found = value.string.flatMap { enumeration.numbers[$0] } ?? value.integer.map { Int($0) }
                found.map { Self.put(UInt64(bitPattern: Int64($0)), number, &bytes) }
            } else {
                Self.put(message(value, kind), number, &bytes)
            }
        }
        return bytes
    }

    private func wellKnown(_ json: JSON, _ name: String) -> [UInt8] {
        let text = json.string ?? ""
        switch name.dropFirst(WellKnown.prefix.count) {
        case "Timestamp":
            let (seconds, nanos) = WellKnown.instant(text) ?? (0, 0)
            return element(1, .integer(seconds), "int64") + element(2, .integer(nanos), "int32")
        case "Duration":
            let (seconds, nanos) = WellKnown.length(text) ?? (0, 0)
            return element(1, .integer(seconds), "int64") + element(2, .integer(nanos), "int32")
        case "FieldMask":
            return text.split(separator: ",").flatMap { element(1, .string(WellKnown.fieldPath($0)), "string") }
        case "Struct":
            return (json.object ?? [:]).sorted { $0.key < $1.key }.flatMap { key, value in
                var bytes: [UInt8] = []
                Self.put(
                    element(1, .string(key), "string") + element(2, value, WellKnown.prefix + "Value"),
                    1,
                    &bytes
                )
                return bytes
            }
        case "ListValue": return (json.array ?? []).flatMap { element(1, $0, WellKnown.prefix + "Value") }
        case "Value":
            switch json {
            case .null: return [0x08, 0]
            case .integer, .number: return element(2, json, "double")
            case .string: return element(3, json, "string")
            case .bool: return element(4, json, "bool")
            case .object: return element(5, json, WellKnown.prefix + "Struct")
            case .array: return element(6, json, WellKnown.prefix + "ListValue")
            }
        case "Any":
            guard let address = json["@type"]?.string, let kind = address.split(separator: "/").last else { return [] }
            let content = kind.hasPrefix(WellKnown.prefix) ? json["value"] ?? [:] : json
            var bytes = element(1, .string(address), "string")
            Self.put(message(content, String(kind)), 2, &bytes)
            return bytes
        default: return WellKnown.wrapped(name).map { element(1, json, $0) } ?? []
        }
    }

    // MARK: The wire

    private static func put(_ value: UInt64, _ number: Int, _ bytes: inout [UInt8]) {
        varint(UInt64(number) << 3, &bytes)
        varint(value, &bytes)
    }

    private static func put(_ content: [UInt8], _ number: Int, _ bytes: inout [UInt8]) {
        varint(UInt64(number) << 3 | 2, &bytes)
        varint(UInt64(content.count), &bytes)
        bytes += content
    }

    private static func putFixed<Bits: FixedWidthInteger>(_ value: Bits, _ number: Int, _ bytes: inout [UInt8]) {
        varint(UInt64(number) << 3 | (Bits.bitWidth == 64 ? 1 : 5), &bytes)
        for shift in stride(from: 0, to: Bits.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Bits(shift)))
        }
    }

    private static func varint(_ value: UInt64, _ bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
