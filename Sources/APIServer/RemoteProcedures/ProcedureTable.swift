import Foundation

/// What gRPC's callers send and get, and the HTTP call that each procedure stands for.
///
/// Read from the files in `Tables`. A line that begins at the margin opens a procedure (`rpc PATH REQUEST RESPONSE`), a
/// `message` or an `enum`; the lines below it, which begin with a blank, are the procedure's HTTP rules (`POST /v1/… BODY`),
/// the message's fields (`NUMBER NAME KIND`) or the enumeration's values (`NUMBER NAME`). A field's kind is a scalar or
/// the name of a message or an enumeration; `*` before it: repeated; `{KEY}` before it: a map.
struct ProcedureTable: Sendable {
    struct Procedure: Sendable {
        var request: String
        var response: String
        /// The first that fits a request is taken.
        var rules: [HTTPRule] = []
    }

    struct Field: Sendable {
        var number: Int
        /// The field's name in JSON: `locationType`.
        var name: String
        var kind: String
        var isRepeated = false
        /// The kind of the keys of a map; nil: the field is none.
        var key: String?
    }

    struct Message: Sendable {
        var fields: [Field] = []
    }

    struct Enumeration: Sendable {
        var names: [Int: String] = [:]
        var numbers: [String: Int] = [:]
    }

    private(set) var procedures: [String: Procedure] = [:]
    private(set) var messages: [String: Message] = [:]
    private(set) var enumerations: [String: Enumeration] = [:]

    /// The tables that come with Brume; read when the first gRPC call arrives.
    static let shared: ProcedureTable = {
        var table = ProcedureTable()
        let folder = Bundle.module.bundleURL.appending(path: "Tables")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        for file in files where file.pathExtension == "rpc" {
            table.read((try? String(contentsOf: file, encoding: .utf8)) ?? "")
        }
        return table
    }()

    init() {}

    init(_ text: String) { read(text) }

    private mutating func read(_ text: String) {
        var (opened, name) = ("", "")
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            guard line.hasPrefix(" ") else {
                (opened, name) = (words[0], words[1])
                if opened == "rpc" { procedures[name] = Procedure(request: words[2], response: words[3]) }
                // Some services share messages; each file has all that it needs.
                if opened == "message" { messages[name] = Message() }
                if opened == "enum" { enumerations[name] = Enumeration() }
                continue
            }
            switch opened {
            case "rpc": procedures[name]?.rules.append(HTTPRule(words))
            case "message": Field(words).map { messages[name]?.fields.append($0) }
            default:
                guard let number = Int(words[0]) else { continue }
                enumerations[name]?.names[number] = words[1]
                enumerations[name]?.numbers[words[1]] = number
            }
        }
    }
}

extension ProcedureTable.Field {
    fileprivate init?(_ words: [String]) {
        guard words.count == 3, let number = Int(words[0]) else { return nil }
        self.number = number
        name = words[1].camelCased
        kind = words[2]
        if kind.hasPrefix("*") {
            isRepeated = true
            kind.removeFirst()
        } else if kind.hasPrefix("{"), let end = kind.firstIndex(of: "}") {
            key = String(kind[kind.index(after: kind.startIndex)..<end])
            kind = String(kind[kind.index(after: end)...])
        }
    }
}

extension String {
    /// `location_type` as JSON writes it: `locationType`.
    var camelCased: String {
        let words = split(separator: "_", omittingEmptySubsequences: false)
        return words.dropFirst().reduce(String(words[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }
}
