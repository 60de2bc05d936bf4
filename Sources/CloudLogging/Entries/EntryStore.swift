import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of log entries.
struct EntryStore: Sendable {
    /// A place between two entries of a listing.
    struct Position: Sendable, Equatable, Codable {
        var time: Int64
        var insertId: String
        var stamp: Int64
    }

    struct Page: Sendable {
        var entries: [JSON]
        /// Where the next page begins; nil after the last one.
        var next: Position?
    }

    let metadata: MetadataStore
    let now: @Sendable () -> Date

    /// Keeps entries in their order, all or none.
    ///
    /// Times are given inside the transaction, so that no entry ever becomes visible before an earlier one: clients
    /// that follow a log would lose it.
    ///
    /// - Parameter documents: Entries as on the wire; `timestamp` and `insertId` are kept where they stand.
    func insert(_ documents: [JSON], project: String) async throws {
        guard !documents.isEmpty else { return }
        try await metadata.database.write { db in
            let last = try Int64.fetchOne(db, sql: "SELECT max(stamp) FROM log_entries") ?? 0
            var stamp = max(LogTimestamp(now()).nanoseconds, last + 1)
            let statement = try db.cachedStatement(
                sql: """
                    INSERT OR IGNORE INTO log_entries (stamp, project, time, insertId, logName, subject, entry)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """
            )
            for var document in documents {
                let received = LogTimestamp(nanoseconds: stamp)
                let time = document["timestamp"]?.string.flatMap(LogTimestamp.init(parsing:)) ?? received
                let insertId = document["insertId"]?.string ?? Self.insertId(stamp)
                document["timestamp"] = .string(time.text)
                document["receiveTimestamp"] = .string(received.text)
                document["insertId"] = .string(insertId)
                try statement.execute(arguments: [
                    stamp, project, time.nanoseconds, insertId, document["logName"]?.string ?? "",
                    FilterScope.subject(of: document), try document.data(),
                ])
                stamp += 1
            }
        }
    }

    /// Grows with the stamp when compared as text.
    private static func insertId(_ stamp: Int64) -> String {
        let digits = String(stamp, radix: 36)
        return String(repeating: "0", count: max(0, 13 - digits.count)) + digits
    }

    func list(
        _ filter: Filter,
        project: String,
        descending: Bool,
        after position: Position?,
        limit: Int
    ) async throws -> Page {
        let scope = FilterScope(filter)
        let order = descending ? "DESC" : "ASC"
        var sql = "SELECT stamp, time, insertId, entry FROM log_entries WHERE project = ? AND time BETWEEN ? AND ?"
        var arguments: StatementArguments = [project, scope.earliest, scope.latest]
        if let subject = scope.subject {
            sql += " AND subject IN (?, '')"
            arguments += [subject]
        }
        if let position {
            sql += " AND (time, insertId, stamp) \(descending ? "<" : ">") (?, ?, ?)"
            arguments += [position.time, position.insertId, position.stamp]
        }
        sql += " ORDER BY time \(order), insertId \(order), stamp \(order)"
        return try await metadata.database.read { [sql, arguments] db in
            var page = Page(entries: [], next: nil)
            var last: Position?
            let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                let entry = try JSON(parsing: row["entry"])
                guard filter.matches(entry) else { continue }
                if page.entries.count == limit {
                    page.next = last
                    return page
                }
                page.entries.append(entry)
                last = Position(time: row["time"], insertId: row["insertId"], stamp: row["stamp"])
            }
            return page
        }
    }

    func logNames(project: String) async throws -> [String] {
        try await metadata.database.read { db in
            try String.fetchAll(
                db,
                sql: "SELECT DISTINCT logName FROM log_entries WHERE project = ? ORDER BY logName",
                arguments: [project]
            )
        }
    }

    func delete(logName: String, about subject: String, project: String) async throws {
        try await metadata.database.write { db in
            try db.execute(
                sql: "DELETE FROM log_entries WHERE project = ? AND subject = ? AND logName = ?",
                arguments: [project, subject, logName]
            )
        }
    }

    /// Deletes a log's entries; how many there were.
    func delete(logName: String, project: String) async throws -> Int {
        try await metadata.database.write { db in
            try db.execute(
                sql: "DELETE FROM log_entries WHERE project = ? AND logName = ?",
                arguments: [project, logName]
            )
            return db.changesCount
        }
    }
}
