import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// Where a resource stands: `projects/demo/zones/europe-west1-b/instances/vm`.
struct ResourceKey: Hashable, Sendable {
    var project: String
    /// `zones/europe-west1-b`, `regions/europe-west1` or `global`.
    var scope: String
    /// `instances`, `disks`, `firewalls`.
    var collection: String
    var name: String

    var resourceName: ResourceName { ResourceName(parsing: "projects/\(project)/\(scope)/\(collection)/\(name)") }
    var link: String { Link.to(resourceName) }
    /// Reads the whole name of a resource of a zone, a region or the project.
    init(_ name: ResourceName) {
        let segments = name.segments.suffix(from: name.segments.firstIndex(of: "projects") ?? 0)
        project = name.project ?? ""
        scope = segments.dropFirst(2).dropLast(2).joined(separator: "/")
        collection = segments.dropLast().last ?? ""
        self.name = name.last
    }

    init(project: String, scope: String, collection: String, name: String) {
        self.project = project
        self.scope = scope
        self.collection = collection
        self.name = name
    }

    var zone: String? { scope.hasPrefix("zones/") ? String(scope.dropFirst(6)) : nil }
    var region: String? { scope.hasPrefix("regions/") ? String(scope.dropFirst(8)) : nil }
    /// The zone or region that the resource is in.
    var place: ResourceName { ResourceName(parsing: "projects/\(project)/\(scope)") }
}

/// The rows of all of Compute Engine's resources: one function per question or change.
struct ResourceStore: Sendable {
    let database: any DatabaseWriter

    /// Inserts a row; the primary key finds a taken name, not an earlier look-up.
    static func insert(_ resource: JSON, at key: ResourceKey, in db: Database) throws {
        do {
            try db.execute(
                sql: "INSERT INTO computeResources VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    key.project, key.scope, key.collection, key.name, resource["id"]?.string ?? "", try resource.data(),
                ]
            )
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw GoogleError.resourceExists(key.resourceName)
        }
    }

    static func fetch(_ key: ResourceKey, in db: Database) throws -> JSON? {
        try text(of: key, in: db).map(JSON.init(parsing:))
    }

    private static func text(of key: ResourceKey, in db: Database) throws -> Data? {
        try Data.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT resource FROM computeResources
                    WHERE project = ? AND collection = ? AND scope = ? AND name = ?
                    """
            ),
            arguments: [key.project, key.collection, key.scope, key.name]
        )
    }

    /// Changes a row within a transaction.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404), and whatever `change` throws.
    static func update(_ key: ResourceKey, in db: Database, _ change: (inout JSON) throws -> Void) throws -> JSON {
        guard var resource = try fetch(key, in: db) else { throw GoogleError.resourceMissing(key.resourceName) }
        try change(&resource)
        try db.execute(
            sql: """
                UPDATE computeResources SET resource = ?
                WHERE project = ? AND collection = ? AND scope = ? AND name = ?
                """,
            arguments: [try resource.data(), key.project, key.collection, key.scope, key.name]
        )
        return resource
    }

    /// Gives a row another name; it stays the same row, with the same ID.
    ///
    /// - Throws: ``GoogleError`` `alreadyExists` (409) for a taken name.
    static func rename(_ key: ResourceKey, to new: ResourceKey, as resource: JSON, in db: Database) throws {
        do {
            try db.execute(
                sql: """
                    UPDATE computeResources SET name = ?, resource = ?
                    WHERE project = ? AND collection = ? AND scope = ? AND name = ?
                    """,
                arguments: [new.name, try resource.data(), key.project, key.collection, key.scope, key.name]
            )
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_PRIMARYKEY {
            throw GoogleError.resourceExists(new.resourceName)
        }
    }

    static func delete(_ key: ResourceKey, in db: Database) throws {
        try db.execute(
            sql: "DELETE FROM computeResources WHERE project = ? AND collection = ? AND scope = ? AND name = ?",
            arguments: [key.project, key.collection, key.scope, key.name]
        )
    }

    /// The name of the resource that has an ID, where another of its kind stands.
    func name(ofID id: String, like key: ResourceKey) async throws -> String? {
        try await database.read { db in
            try String.fetchOne(
                db,
                sql: "SELECT name FROM computeResources WHERE id = ? AND project = ? AND collection = ? AND scope = ?",
                arguments: [id, key.project, key.collection, key.scope]
            )
        }
    }

    func find(_ key: ResourceKey) async throws -> JSON? { try await database.read { try Self.fetch(key, in: $0) } }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ key: ResourceKey) async throws -> JSON {
        guard let resource = try await find(key) else {
            throw GoogleError.resourceMissing(key.resourceName)
        }
        return resource
    }

    /// A resource as it is stored.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    func text(of key: ResourceKey) async throws -> Data {
        guard let text = try await database.read({ try Self.text(of: key, in: $0) }) else {
            throw GoogleError.resourceMissing(key.resourceName)
        }
        return text
    }

    @discardableResult
    func update(_ key: ResourceKey, _ change: @escaping @Sendable (inout JSON) throws -> Void) async throws -> JSON {
        try await database.write { try Self.update(key, in: $0, change) }
    }

    /// A project's resources of one kind, with the key of each; nil: all projects' or all scopes'.
    func list(
        _ collection: String,
        project: String? = nil,
        scope: String? = nil
    ) async throws -> [(key: ResourceKey, resource: JSON)] {
        try await database.read { try Self.list(collection, project: project, scope: scope, in: $0) }
    }

    static func list(
        _ collection: String,
        project: String? = nil,
        scope: String? = nil,
        in db: Database
    ) throws -> [(key: ResourceKey, resource: JSON)] {
        var sql = "SELECT project, scope, name, resource FROM computeResources WHERE collection = ?"
        var arguments: StatementArguments = [collection]
        if let project {
            sql += " AND project = ?"
            arguments += [project]
        }
        if let scope {
            sql += " AND scope = ?"
            arguments += [scope]
        }
        let statement = try db.cachedStatement(sql: sql + " ORDER BY project, scope, name")
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            let key = ResourceKey(project: row[0], scope: row[1], collection: collection, name: row[2])
            return (key, try JSON(parsing: row[3]))
        }
    }

    /// A page of a project's resources of one kind. Rows are read until it is full, from where the page before ended.
    ///
    /// - Parameters:
    ///   - scope: Nil: all scopes.
    ///   - show: What filters see and the page holds of a row.
    func page(
        _ collection: String,
        project: String,
        scope: String?,
        _ window: ListWindow,
        _ show: @escaping @Sendable (JSON) -> JSON
    ) async throws -> ListPage {
        try await database.read { db in
            // Times are inside the documents: an order by them needs all.
            if window.isNewestFirst {
                let all = try Self.list(collection, project: project, scope: scope, in: db)
                return try window.cut(all.map { ($0.key.scope, show($0.resource)) })
            }
            let rows = try Self.rows(collection, project: project, scope: scope, after: window.after, in: db)
            let matches = try window.filter?.predicate() ?? { _ in true }
            var page = ListPage(limit: window.limit)
            while let row = try rows.next() {
                let resource = show(try JSON(parsing: row[2]))
                if matches(resource), !page.take((row[0], resource)) { break }
            }
            return page
        }
    }

    /// A page as it is stored, of a window without a filter in the order of names.
    func texts(
        _ collection: String,
        project: String,
        scope: String,
        _ window: ListWindow
    ) async throws -> (texts: [Data], next: ListPosition?) {
        try await database.read { db in
            let rows = try Self.rows(collection, project: project, scope: scope, after: window.after, in: db)
            var page: (texts: [Data], next: ListPosition?) = ([], nil)
            var last = ""
            while let row = try rows.next() {
                guard page.texts.count < window.limit else {
                    page.next = ListPosition(scope: scope, name: last)
                    break
                }
                last = row[1]
                page.texts.append(row[2])
            }
            return page
        }
    }

    /// The scopes, names and texts of a project's resources from somewhere on.
    private static func rows(
        _ collection: String,
        project: String,
        scope: String?,
        after: ListPosition?,
        in db: Database
    ) throws -> RowCursor {
        var sql = "SELECT scope, name, resource FROM computeResources WHERE project = ? AND collection = ?"
        var arguments: StatementArguments = [project, collection]
        if let scope {
            sql += " AND scope = ?"
            arguments += [scope]
        }
        if let after {
            sql += " AND (scope, name) > (?, ?)"
            arguments += [after.scope, after.name]
        }
        return try Row.fetchCursor(db.cachedStatement(sql: sql + " ORDER BY scope, name"), arguments: arguments)
    }
}

/// Links between resources.
///
/// They are kept with Google's own host, and shown with the one that the caller used.
enum Link {
    private static let base = "https://www.googleapis.com/compute/v1/"

    static func to(_ name: ResourceName) -> String { base + name.description }
    static func to(_ path: String) -> String { base + path }

    /// Makes every link of a document begin with the caller's own scheme and host.
    static func render(_ document: JSON, for origin: String) -> JSON {
        switch document {
        case .string(let text) where text.hasPrefix(base):
            .string("\(origin)/compute/v1/\(text.dropFirst(base.count))")
        case .array(let elements): .array(elements.map { render($0, for: origin) })
        case .object(let members): .object(members.mapValues { render($0, for: origin) })
        default: document
        }
    }

    /// The same for a document's text, which is not read for it.
    static func render(_ text: Data, for origin: String) -> Data {
        let stored = Array("\"\(base)".utf8)
        let shown = Array("\"\(origin)/compute/v1/".utf8)
        var rendered = Data(capacity: text.count + 256)
        text.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            var (done, next) = (0, 0)
            while let quote = memchr(start + next, Int32(UInt8(ascii: "\"")), bytes.count - next) {
                let place = UnsafeRawPointer(quote) - start
                next = place + 1
                guard bytes.count - place >= stored.count, memcmp(quote, stored, stored.count) == 0,
                    // One that is escaped begins no text, but is a part of one.
                    place == 0 || bytes[place - 1] != UInt8(ascii: "\\")
                else { continue }
                rendered.append(contentsOf: bytes[done..<place])
                rendered.append(contentsOf: shown)
                done = place + stored.count
                next = done
            }
            rendered.append(contentsOf: bytes[done...])
        }
        return rendered
    }
}

/// The identifiers and fingerprints that clients check.
enum Token {
    /// 19 digits; never given twice, since clients keep ssh host keys under them.
    static func id() -> String { String(UInt64.random(in: 1_000_000_000_000_000_000...8_999_999_999_999_999_999)) }

    /// The same digits for the same text, over restarts (FNV-1a): for what the catalogue has rather than the store.
    static func id(for text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3 }
        return String(hash >> 1)
    }

    /// Base64, as the clients' decoders demand.
    static func fingerprint() -> String {
        Data((0..<8).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
    }

    /// Refuses a change that was made against another state; a client that supplies no fingerprint is let through.
    ///
    /// gcloud writes bytes fields in the URL-safe alphabet, whatever alphabet it read: both stand for the same bytes.
    ///
    /// - Throws: ``GoogleError`` `fingerprintMismatch` (412).
    static func check(_ supplied: JSON?, against current: JSON?) throws {
        guard let supplied, supplied != .null else { return }
        let standard = supplied.string?.replacing("-", with: "+").replacing("_", with: "/")
        guard let standard, standard == current?.string else { throw GoogleError.fingerprintMismatch }
    }
}
