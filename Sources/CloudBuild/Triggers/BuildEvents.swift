package import Foundation
package import GRDB
import GoogleAPI
package import MetadataStore

/// What happened that triggers may wait for: pushes, pull requests, calls of webhooks.
///
/// An event is a row from the moment in which its cause is acknowledged until all of its builds are rows; so each
/// starts its builds once, also when the daemon is killed on the way.
package struct BuildEvents: Sendable {
    struct Event: Sendable {
        var id: Int64
        var document: JSON
        var time: Date
    }

    private let store: MetadataStore
    private let ring: AsyncStream<Void>.Continuation
    /// Something was recorded; several events may be one ring.
    let rings: AsyncStream<Void>

    package init(store: MetadataStore) {
        self.store = store
        (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Records a push, in the transaction in which it becomes known.
    ///
    /// - Parameters:
    ///   - old: nil: the reference is new.
    ///   - new: nil: the reference was deleted.
    package func recordPush(
        to source: SourceName,
        reference: String,
        from old: String?,
        to new: String?,
        at time: Date,
        in db: Database
    ) throws {
        var event: JSON = [
            "kind": "push", "project": .string(source.project), "repository": .string(source.repository),
            "reference": .string(reference),
        ]
        event["old"] = old.map(JSON.string)
        event["new"] = new.map(JSON.string)
        try Self.insert(event, key: nil, at: time, in: db)
    }

    /// What was recorded is committed: its builds may begin.
    package func wake() { ring.yield() }

    /// Records an event of its own.
    ///
    /// - Parameter key: Events with the same key are one.
    func record(_ event: JSON, key: String?, at time: Date) async throws {
        try await store.database.write { db in try Self.insert(event, key: key, at: time, in: db) }
        wake()
    }

    private static func insert(_ event: JSON, key: String?, at time: Date, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR IGNORE INTO build_events (key, document, time) VALUES (?, ?, ?)",
            arguments: [key, try event.data(), time]
        )
    }

    /// The oldest event that is not settled.
    func next() async throws -> Event? {
        try await store.database.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM build_events WHERE NOT isSettled ORDER BY id LIMIT 1").map { row in
                Event(id: row["id"], document: try JSON(parsing: row["document"]), time: row["time"])
            }
        }
    }

    /// All builds of an event are rows; an event with a key is kept, so that it is known when it comes again.
    func settle(_ id: Int64) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: "UPDATE build_events SET isSettled = TRUE WHERE id = ? AND key IS NOT NULL",
                arguments: [id]
            )
            try db.execute(sql: "DELETE FROM build_events WHERE id = ? AND key IS NULL", arguments: [id])
        }
    }

    /// The newest event of a pull request.
    func pullRequest(_ number: Int64, of source: SourceName) async throws -> JSON? {
        try await store.database.read { db in
            try Data.fetchOne(
                db,
                sql: """
                    WITH events AS (SELECT id, document, CAST(document AS TEXT) AS text FROM build_events)
                    SELECT document FROM events
                    WHERE text ->> 'kind' = 'pullRequest' AND text ->> 'number' = ?
                    AND text ->> 'project' = ? AND text ->> 'repository' = ?
                    ORDER BY id DESC LIMIT 1
                    """,
                arguments: [number, source.project, source.repository]
            ).map(JSON.init(parsing:))
        }
    }
}
