import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// A blob as its row says.
struct RegistryBlob: Sendable, Equatable {
    var digest: String
    var blobID: String
    var sizeBytes: Int64
}

/// The rows of blobs, and the links by which projects hold them.
struct BlobRows: Sendable {
    let store: MetadataStore
    let now: @Sendable () -> Date

    /// A blob that a project holds. Looking touches the link, so that a blob which a push relies on stays.
    func find(_ digest: String, project: String, touching: Bool = false) async throws -> RegistryBlob? {
        let blob = try await store.database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT b.digest, b.blobID, b.sizeBytes, l.touchTime FROM artifact_links l
                    JOIN artifact_blobs b ON b.digest = l.digest WHERE l.project = ? AND l.digest = ?
                    """,
                arguments: [project, digest]
            )
            .map {
                (
                    RegistryBlob(digest: $0["digest"], blobID: $0["blobID"], sizeBytes: $0["sizeBytes"]),
                    $0["touchTime"] as Date
                )
            }
        }
        guard let (found, touchTime) = blob else { return nil }
        let time = now()
        // Once in ten minutes is enough against a sweep of what is an hour old.
        guard touching, time.timeIntervalSince(touchTime) > 600 else { return found }
        let isThere = try await store.database.write { db in
            try db.execute(
                sql: "UPDATE artifact_links SET touchTime = ? WHERE project = ? AND digest = ?",
                arguments: [time, project, digest]
            )
            return db.changesCount > 0
        }
        return isThere ? found : nil
    }

    /// Records a committed blob and the project's hold on it.
    ///
    /// - Returns: The blob store's ID to remove, when the same content was there already.
    func insert(_ blob: RegistryBlob, project: String) async throws -> String? {
        let time = now()
        return try await store.database.write { db in
            try db.execute(
                sql: "INSERT OR IGNORE INTO artifact_blobs (digest, blobID, sizeBytes) VALUES (?, ?, ?)",
                arguments: [blob.digest, blob.blobID, blob.sizeBytes]
            )
            let surplus = db.changesCount == 0 ? blob.blobID : nil
            try Self.link(blob.digest, project: project, time: time, in: db)
            return surplus
        }
    }

    /// Lets a project hold a blob that another holds (a mount); false when it is not there.
    func mount(_ digest: String, from source: String, into project: String) async throws -> Bool {
        let time = now()
        return try await store.database.write { db in
            let isHeld = try Bool.fetchOne(
                db,
                sql: "SELECT 1 FROM artifact_links WHERE project = ? AND digest = ?",
                arguments: [source, digest]
            )
            guard isHeld == true else { return false }
            try Self.link(digest, project: project, time: time, in: db)
            return true
        }
    }

    /// Ends a project's hold on a blob that none of its manifests and files names; false when one does, or it is not there.
    func unlink(_ digest: String, project: String) async throws -> Bool {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    DELETE FROM artifact_links WHERE project = ? AND digest = ? AND \(Self.isUnneeded)
                    """,
                arguments: [project, digest]
            )
            return db.changesCount > 0
        }
    }

    /// Ends holds that nothing needs and nobody touched since `time`, and forgets blobs that nobody holds.
    ///
    /// One transaction: a push that relies on a blob has either touched its link before, or finds it gone.
    ///
    /// - Returns: The blob store's IDs of what can be removed.
    func sweep(untouchedSince time: Date) async throws -> [String] {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    DELETE FROM artifact_links WHERE touchTime < ? AND \(Self.isUnneeded)
                    """,
                arguments: [time]
            )
            let orphans = try String.fetchAll(
                db,
                sql: """
                    DELETE FROM artifact_blobs WHERE NOT EXISTS (
                        SELECT 1 FROM artifact_links l WHERE l.digest = artifact_blobs.digest) RETURNING blobID
                    """
            )
            return orphans
        }
    }

    /// Which of the blob store's IDs rows name.
    func named(among ids: [String]) async throws -> Set<String> {
        try await store.database.read { db in
            let marks = databaseQuestionMarks(count: ids.count)
            return try String.fetchSet(
                db,
                sql: "SELECT blobID FROM artifact_blobs WHERE blobID IN (\(marks))",
                arguments: StatementArguments(ids)
            )
        }
    }

    /// Of a link: that no manifest and no file of its project names the blob.
    private static let isUnneeded = """
        NOT EXISTS (SELECT 1 FROM artifact_manifest_blobs m
            WHERE m.project = artifact_links.project AND m.digest = artifact_links.digest)
        AND NOT EXISTS (SELECT 1 FROM artifact_python_files f
            WHERE f.project = artifact_links.project AND f.digest = artifact_links.digest)
        """

    static func link(_ digest: String, project: String, time: Date, in db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO artifact_links (project, digest, touchTime) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET touchTime = excluded.touchTime
                """,
            arguments: [project, digest, time]
        )
    }
}
