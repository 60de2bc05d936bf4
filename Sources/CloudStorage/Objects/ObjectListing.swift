import Foundation
import GRDB
import GoogleAPI

/// What a listing asks for. Names are compared as bytes throughout.
struct ListingQuery: Sendable {
    var prefix: [UInt8] = []
    /// Empty: none.
    var delimiter: [UInt8] = []
    var startOffset: [UInt8] = []
    /// Empty: none.
    var endOffset: [UInt8] = []
    var versions = false
    /// Only what was deleted and can be brought back.
    var softDeleted = false
    var includeTrailingDelimiter = false
    /// Whether folders without objects are shown, among the common prefixes.
    var includeFolders = false
    var glob: Glob?
    var limit = 1000
    var start = ListingPosition()
}

/// Where a page begins: at a name, and among its generations after one.
struct ListingPosition: Sendable, Equatable {
    var name: [UInt8] = []
    var afterGeneration: Int64 = 0

    /// Opaque to clients: the place itself, so that a page costs the same everywhere and other writes do not shift it.
    var token: String {
        var data = Data()
        withUnsafeBytes(of: afterGeneration.bigEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: name)
        return data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    init() {}

    init(name: [UInt8], afterGeneration: Int64 = 0) {
        self.name = name
        self.afterGeneration = afterGeneration
    }

    /// - Throws: ``GoogleError`` `invalid` (400).
    init(token: String) throws {
        var text = token.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        guard let data = Data(base64Encoded: text), data.count >= 8 else {
            throw GoogleError.invalid("Invalid page token: '\(token)'.")
        }
        afterGeneration = data.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        name = [UInt8](data.dropFirst(8))
    }
}

struct ListingPage: Sendable {
    var bucket: BucketRecord
    var records: [ObjectRecord] = []
    var prefixes: [String] = []
    var next: ListingPosition?
}

extension ObjectStore {
    /// One page. Each common prefix costs one seek, however many objects it stands for.
    func list(bucket name: String, _ query: ListingQuery) async throws -> ListingPage {
        try await database.read { db in
            let bucket = try BucketStore.get(name, in: db)
            let page = try Self.list(in: bucket, query, db)
            guard query.includeFolders, bucket.isHierarchical, query.delimiter == Array("/".utf8) else { return page }
            return try page.adding(try FolderStore.children(for: query, of: page, db), limit: query.limit)
        }
    }

    private static func list(in bucket: BucketRecord, _ query: ListingQuery, _ db: Database) throws -> ListingPage {
        var page = ListingPage(bucket: bucket)
        var position = query.start
        for floor in [query.prefix, query.startOffset] where Bytes.precedes(position.name, floor) {
            position = ListingPosition(name: floor)
        }
        let end = [Bytes.successor(query.prefix), query.endOffset.isEmpty ? nil : query.endOffset]
            .compactMap { $0 }.min(by: Bytes.precedes)
        let live =
            query.softDeleted
            ? "AND softDeleted IS NOT NULL" : query.versions ? "AND softDeleted IS NULL" : "AND isLive"
        let bound = end == nil ? "" : "AND name < :end"
        let statement = try db.cachedStatement(
            sql: """
                SELECT * FROM storage_objects WHERE bucket = :bucket AND (name, generation) > (:name, :after) \(bound) \(live)
                ORDER BY name, generation
                """
        )
        seek: while true {
            var arguments: StatementArguments = [
                "bucket": bucket.id, "name": Data(position.name), "after": position.afterGeneration,
            ]
            if let end { arguments = arguments &+ ["end": Data(end)] }
            let rows = try Row.fetchCursor(statement, arguments: arguments)
            while let row = try rows.next() {
                let name = [UInt8](row["name"] as Data)
                let rest = name[query.prefix.count...]
                let cut = query.delimiter.isEmpty ? nil : Bytes.end(of: query.delimiter, in: rest)
                let isFull = page.records.count + page.prefixes.count >= query.limit
                if let cut {
                    let isTrailing = cut == name.endIndex && query.includeTrailingDelimiter
                    let prefix = Array(name[..<cut])
                    if isFull {
                        page.next = ListingPosition(name: prefix)
                        return page
                    }
                    if query.glob?.matches(String(decoding: prefix, as: UTF8.self)) ?? true {
                        page.prefixes.append(String(decoding: prefix, as: UTF8.self))
                    }
                    if isTrailing { page.records.append(try ObjectRecord(row: row)) }
                    guard let next = Bytes.successor(prefix) else { return page }
                    position = ListingPosition(name: next)
                    continue seek
                }
                if let glob = query.glob, !glob.matches(String(decoding: name, as: UTF8.self)) { continue }
                if isFull {
                    let generation: Int64 = row["generation"]
                    page.next = ListingPosition(name: name, afterGeneration: generation - 1)
                    return page
                }
                page.records.append(try ObjectRecord(row: row))
            }
            return page
        }
    }
}

/// Byte strings, in the order of listings.
enum Bytes {
    static func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.lexicographicallyPrecedes(b) }

    /// The first byte string after all that begin with `prefix`; nil when there is none.
    static func successor(_ prefix: [UInt8]) -> [UInt8]? {
        var bytes = prefix
        while let last = bytes.popLast() {
            if last < 255 { return bytes + [last + 1] }
        }
        return nil
    }

    /// The index after the first `needle` in `bytes`.
    static func end(of needle: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = needle.first else { return nil }
        var index = bytes.startIndex
        while let found = bytes[index...].firstIndex(of: first) {
            if bytes[found...].starts(with: needle) { return found + needle.count }
            index = found + 1
        }
        return nil
    }
}

/// A pattern of `matchGlob`: `*` within a folder, `**` across, `?`, `[a-z]`, `{one,two}`.
struct Glob: Sendable {
    private let regex: String

    /// - Throws: ``GoogleError`` `invalid` (400) when brackets do not match.
    init(_ pattern: String) throws {
        var text = "^"
        var depth = 0
        var rest = Substring(pattern)
        while let character = rest.popFirst() {
            switch character {
            case "*":
                if rest.first == "*" {
                    rest.removeFirst()
                    text += ".*"
                } else {
                    text += "[^/]*"
                }
            case "?": text += "[^/]"
            case "[":
                guard let close = rest.firstIndex(of: "]") else { throw Self.broken(pattern) }
                var set = String(rest[..<close])
                if set.hasPrefix("!") { set = "^" + set.dropFirst() }
                text += "[" + set.replacing("\\", with: "\\\\").replacing("[", with: "\\[") + "]"
                rest = rest[rest.index(after: close)...]
            case "{":
                depth += 1
                text += "(?:"
            case "}" where depth > 0:
                depth -= 1
                text += ")"
            case "," where depth > 0: text += "|"
            default: text += NSRegularExpression.escapedPattern(for: String(character))
            }
        }
        guard depth == 0, (try? NSRegularExpression(pattern: text + "$")) != nil else { throw Self.broken(pattern) }
        regex = text + "$"
    }

    func matches(_ name: String) -> Bool {
        name.range(of: regex, options: .regularExpression) != nil
    }

    private static func broken(_ pattern: String) -> GoogleError { .invalid("Invalid matchGlob: '\(pattern)'.") }
}
