import Foundation
import GoogleAPI

/// What a message may hold: the fields by name, each with its shape.
///
/// Clients send configuration files unchecked, in either spelling of names, with enums as numbers, and whole numbers
/// as floats; read through a shape, a document has one form, or is refused with the path of what is wrong.
indirect enum FieldShape: Sendable {
    case string
    case boolean
    /// A number on the wire.
    case int32
    /// Text on the wire.
    case int64
    /// `"3600s"`.
    case duration
    /// The names, by number.
    case choice([Int64: String])
    case list(FieldShape)
    case map
    case message([String: FieldShape])
    /// Kept as it is.
    case anything

    /// Reads a value.
    ///
    /// - Parameter path: Where it stands, in the spelling of Google's own messages: `custom_job.job_spec`.
    /// - Throws: ``GoogleError`` `invalid` (400).
    func read(_ value: JSON, at path: String) throws -> JSON {
        switch self {
        case .anything: return value
        case .string:
            guard let text = value.string else { throw wrong(value, path, "TYPE_STRING") }
            return .string(text)
        case .boolean:
            guard let flag = value.bool else { throw wrong(value, path, "TYPE_BOOL") }
            return .bool(flag)
        case .int32:
            guard let number = value.integer, Int32(exactly: number) != nil else {
                throw wrong(value, path, "TYPE_INT32")
            }
            return .integer(number)
        case .int64:
            guard let number = value.integer else { throw wrong(value, path, "TYPE_INT64") }
            return .string(String(number))
        case .duration:
            guard let text = value.string, WireDuration.seconds(text) != nil else {
                throw wrong(value, path, "a duration in seconds such as \"3600s\"")
            }
            return .string(text)
        case .choice(let names):
            if let text = value.string, names.values.contains(text) { return .string(text) }
            if let number = value.integer, let name = names[number] { return .string(name) }
            throw wrong(value, path, "one of \(names.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", "))")
        case .map:
            guard let members = value.object, members.values.allSatisfy({ $0.string != nil }) else {
                throw wrong(value, path, "a map of strings")
            }
            return value
        case .list(let element):
            // A mapping in place of a list of one, as in the public guides.
            let elements = value.array ?? (value.object == nil ? nil : [value])
            guard let elements else { throw wrong(value, path, "a list") }
            return .array(
                try elements.enumerated().map { try element.read($0.element, at: "\(path)[\($0.offset)]") }
            )
        case .message(let fields): return try message(fields, value, path)
        }
    }

    private func message(_ fields: [String: FieldShape], _ value: JSON, _ path: String) throws -> JSON {
        guard let members = value.object else { throw wrong(value, path, "an object") }
        var result: [String: JSON] = [:]
        for (name, member) in members.sorted(by: { $0.key < $1.key }) where !member.isNull {
            let key = Self.wireName(name)
            guard let shape = fields[key] else { throw GoogleError.unknownField(name, at: path) }
            result[key] = try shape.read(member, at: "\(path).\(Self.protoName(key))")
        }
        return .object(result)
    }

    private func wrong(_ value: JSON, _ path: String, _ expected: String) -> GoogleError {
        let text = (try? value.data()).map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? "?"
        return .badValue(text, at: path, expected: expected)
    }

    /// `worker_pool_specs` is `workerPoolSpecs`.
    static func wireName(_ name: String) -> String {
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        guard let first = words.first, words.count > 1 else { return name }
        return first + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    static func protoName(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}

/// Durations as Google writes them: `3600s`, `0.5s`.
enum WireDuration {
    static func seconds(_ text: String) -> Double? {
        guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds >= 0 else { return nil }
        return seconds
    }
}
