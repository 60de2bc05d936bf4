import Foundation
import GoogleAPI

/// Reads [protobuf's wire format](https://protobuf.dev/programming-guides/encoding/) as the JSON that it stands for.
struct ProtobufReader {
    struct Malformed: Error {}

    let table: ProcedureTable
    private var bytes: ArraySlice<UInt8>
    /// How many messages this one lies in.
    private let depth: Int

    /// As deep as [Google's own libraries](https://protobuf.dev/programming-guides/proto-limits/#depth) read.
    private static let maximumDepth = 100

    init(_ bytes: ArraySlice<UInt8>, table: ProcedureTable) {
        self.init(bytes, table: table, depth: 0)
    }

    private init(_ bytes: ArraySlice<UInt8>, table: ProcedureTable, depth: Int) {
        self.bytes = bytes
        self.table = table
        self.depth = depth
    }

    /// Reads what lies in this message.
    private func reader(of bytes: ArraySlice<UInt8>) -> ProtobufReader {
        ProtobufReader(bytes, table: table, depth: depth + 1)
    }

    /// A value as it lies on the wire.
    private enum Wire {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    /// All that is left, as one message.
    ///
    /// - Throws: ``Malformed``. Fields that the table does not know are passed over.
    mutating func message(_ name: String) throws -> JSON {
        guard depth <= Self.maximumDepth else { throw Malformed() }
        var fields: [Int: [(type: UInt64, value: Wire)]] = [:]
        while !bytes.isEmpty {
            let tag = try varint()
            fields[Int(truncatingIfNeeded: tag >> 3), default: []].append((tag & 7, try value(of: tag & 7)))
        }
        if name.hasPrefix(WellKnown.prefix) {
            return try wellKnown(name, fields.mapValues { $0.map(\.value) })
        }
        var members: [String: JSON] = [:]
        for field in table.messages[name]?.fields ?? [] {
            guard let found = fields[field.number], let last = found.last else { continue }
            if let key = field.key {
                var map: [String: JSON] = [:]
                for entry in found {
                    let (name, value) = try self.entry(entry.value, key: key, value: field.kind)
                    map[name] = value
                }
                members[field.name] = .object(map)
            } else if field.isRepeated {
                members[field.name] = .array(try found.flatMap { try elements($0.value, $0.type, of: field.kind) })
            } else {
                members[field.name] = try json(last.value, as: field.kind)
            }
        }
        return .object(members)
    }

    // MARK: Values

    private func json(_ value: Wire, as kind: String) throws -> JSON {
        switch (value, kind) {
        case (.number(let number), "bool"): return .bool(number != 0)
        case (.number(let number), "int32"), (.number(let number), "sfixed32"):
            return .integer(Int64(Int32(truncatingIfNeeded: number)))
        case (.number(let number), "uint32"), (.number(let number), "fixed32"):
            return .integer(Int64(number & 0xffff_ffff))
        case (.number(let number), "int64"), (.number(let number), "sfixed64"):
            return .string(String(Int64(bitPattern: number)))
        case (.number(let number), "uint64"), (.number(let number), "fixed64"): return .string(String(number))
        case (.number(let number), "sint32"), (.number(let number), "sint64"):
            let signed = Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
            return kind == "sint32" ? .integer(signed) : .string(String(signed))
        case (.number(let number), "double"): return .number(Double(bitPattern: number))
        case (.number(let number), "float"):
            return .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: number))))
        case (.number(let number), _):
            guard let enumeration = table.enumerations[kind] else { throw Malformed() }
            let number = Int(Int32(truncatingIfNeeded: number))
            return enumeration.names[number].map { .string($0) } ?? .integer(Int64(number))
        case (.bytes(let bytes), "string"):
            guard let text = String(validating: bytes, as: UTF8.self) else { throw Malformed() }
            return .string(text)
        case (.bytes(let bytes), "bytes"): return .string(Data(bytes).base64EncodedString())
        case (.bytes(let bytes), _):
            var reader = reader(of: bytes)
            return try reader.message(kind)
        }
    }

    /// The elements of one occurrence of a repeated field; numbers come packed or alone.
    private func elements(_ value: Wire, _ type: UInt64, of kind: String) throws -> [JSON] {
        guard type == 2, case .bytes(let packed) = value, Self.isNumber(kind) || table.enumerations[kind] != nil else {
            return [try json(value, as: kind)]
        }
        var (reader, elements) = (reader(of: packed), [JSON]())
        let type: UInt64 =
            switch kind {
            case "double", "fixed64", "sfixed64": 1
            case "float", "fixed32", "sfixed32": 5
            default: 0
            }
        while !reader.bytes.isEmpty { elements.append(try json(try reader.value(of: type), as: kind)) }
        return elements
    }

    private func entry(_ value: Wire, key: String, value kind: String) throws -> (String, JSON) {
        guard case .bytes(let bytes) = value else { throw Malformed() }
        var reader = reader(of: bytes)
        var (name, content) = ("", JSON?.none)
        while !reader.bytes.isEmpty {
            let tag = try reader.varint()
            let part = try reader.value(of: tag & 7)
            if tag >> 3 == 1 {
                let text = try json(part, as: key)
                name = text.string ?? text.integer.map { String($0) } ?? "\(text.bool ?? false)"
            }
            if tag >> 3 == 2 { content = try json(part, as: kind) }
        }
        // A value that is its kind's zero is not written.
        return (name, try content ?? (Self.isNumber(kind) ? json(.number(0), as: kind) : json(.bytes([]), as: kind)))
    }

    static func isNumber(_ kind: String) -> Bool { !kind.contains(".") && kind != "string" && kind != "bytes" }

    private func wellKnown(_ name: String, _ fields: [Int: [Wire]]) throws -> JSON {
        func number(_ field: Int) -> Int64 {
            if case .number(let value)? = fields[field]?.last { Int64(bitPattern: value) } else { 0 }
        }
        func strings(_ field: Int) throws -> [String] {
            try (fields[field] ?? []).compactMap { try json($0, as: "string").string }
        }
        switch name.dropFirst(WellKnown.prefix.count) {
        case "Timestamp": return .string(WellKnown.timestamp(seconds: number(1), nanos: number(2)))
        case "Duration": return .string(WellKnown.duration(seconds: number(1), nanos: number(2)))
        case "FieldMask": return .string(try strings(1).map { WellKnown.jsonPath($0) }.joined(separator: ","))
        case "Struct":
            let members = try (fields[1] ?? []).map { try entry($0, key: "string", value: WellKnown.prefix + "Value") }
            return .object(Dictionary(members, uniquingKeysWith: { $1 }))
        case "ListValue": return .array(try (fields[1] ?? []).map { try json($0, as: WellKnown.prefix + "Value") })
        case "Value":
            if let value = fields[2]?.last { return try json(value, as: "double") }
            if let value = fields[3]?.last { return try json(value, as: "string") }
            if let value = fields[4]?.last { return try json(value, as: "bool") }
            if let value = fields[5]?.last { return try json(value, as: WellKnown.prefix + "Struct") }
            if let value = fields[6]?.last { return try json(value, as: WellKnown.prefix + "ListValue") }
            return .null
        case "Any":
            let address = try strings(1).last ?? ""
            let kind = address.split(separator: "/").last.map { String($0) } ?? ""
            let value = try json(fields[2]?.last ?? .bytes([]), as: kind)
            guard !kind.hasPrefix(WellKnown.prefix), case .object(var members) = value else {
                return ["@type": .string(address), "value": value]
            }
            members["@type"] = .string(address)
            return .object(members)
        default:
            guard let kind = WellKnown.wrapped(name) else { return [:] }
            guard let value = fields[1]?.last else {
                return try ProtobufReader.isNumber(kind) ? json(.number(0), as: kind) : json(.bytes([]), as: kind)
            }
            return try json(value, as: kind)
        }
    }

    // MARK: The wire

    private mutating func varint() throws -> UInt64 {
        var (value, shift) = (UInt64(0), UInt64(0))
        while let byte = bytes.popFirst() {
            guard shift < 64 else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw Malformed()
    }

    private mutating func value(of type: UInt64) throws -> Wire {
        switch type {
        case 0: return .number(try varint())
        case 1: return .number(try fixed(8))
        case 5: return .number(try fixed(4))
        case 2:
            guard let length = Int(exactly: try varint()), length <= bytes.count else { throw Malformed() }
            defer { bytes = bytes.dropFirst(length) }
            return .bytes(bytes.prefix(length))
        default: throw Malformed()
        }
    }

    private mutating func fixed(_ count: Int) throws -> UInt64 {
        guard bytes.count >= count else { throw Malformed() }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
