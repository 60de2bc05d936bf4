import APIServer
import Foundation
import GRDB
import GoogleAPI

/// A folder of a bucket with a hierarchical namespace.
///
/// See [folders](https://docs.cloud.google.com/storage/docs/folders-overview).
struct Folder: Sendable, FetchableRecord {
    /// Ends with a slash.
    var name: String
    var metageneration: Int64 = 1
    var created: Micros
    var updated: Micros

    init(name: String, created: Micros) { (self.name, self.created, updated) = (name, created, created) }

    init(row: Row) throws {
        name = String(decoding: row["name"] as Data, as: UTF8.self)
        metageneration = row["metageneration"]
        created = row["created"]
        updated = row["updated"]
    }

    func render(bucket: String, origin: String) -> JSON {
        [
            "kind": "storage#folder", "id": .string("\(bucket)/\(name)"), "bucket": .string(bucket),
            "name": .string(name), "metageneration": .string(String(metageneration)),
            "createTime": .string(created.text), "updateTime": .string(updated.text),
            "selfLink": .string("\(origin)/storage/v1/b/\(bucket)/folders/\(ObjectName.segment(name))"),
        ]
    }
}

/// The rows of folders. An object's folders are made with it, and stay when it goes.
struct FolderStore: Sendable {
    let database: any DatabaseWriter

    /// - Throws: ``GoogleError`` `notFound` (404).
    static func get(_ name: String, in bucket: BucketRecord, _ db: Database) throws -> Folder {
        guard let folder = try find(name, in: bucket, db) else { throw GoogleError.noFolder(name, in: bucket.name) }
        return folder
    }

    private static func find(_ name: String, in bucket: BucketRecord, _ db: Database) throws -> Folder? {
        try Folder.fetchOne(
            db.cachedStatement(sql: "SELECT * FROM storage_folders WHERE bucket = ? AND name = ?"),
            arguments: [bucket.id, Data(name.utf8)]
        )
    }

    /// - Throws: ``GoogleError`` `conflict` (409), `notFound` (404) for a parent that is not there.
    static func insert(_ folder: Folder, in bucket: BucketRecord, recursive: Bool, _ db: Database) throws {
        guard try find(folder.name, in: bucket, db) == nil else { throw GoogleError.folderTaken(folder.name) }
        let parents = parents(of: String(folder.name.dropLast()))
        if recursive {
            try insert(parents, in: bucket, at: folder.created, db)
        } else if let parent = parents.last {
            _ = try get(parent, in: bucket, db)
        }
        try insert([folder.name], in: bucket, at: folder.created, db)
    }

    /// Makes the folders that an object lies in.
    static func insertParents(of name: String, in bucket: BucketRecord, at time: Micros, _ db: Database) throws {
        try insert(parents(of: name), in: bucket, at: time, db)
    }

    private static func insert(_ names: [String], in bucket: BucketRecord, at time: Micros, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO storage_folders(bucket, name, metageneration, created, updated)
                VALUES (?, ?, 1, ?, ?)
                """
        )
        for name in names { try statement.execute(arguments: [bucket.id, Data(name.utf8), time, time]) }
    }

    /// `a/`, `a/b/` of `a/b/c`
    private static func parents(of name: String) -> [String] {
        name.indices.filter { name[$0] == "/" }.map { String(name[...$0]) }
    }

    /// The folders below a prefix: with a delimiter only its children.
    static func list(
        in bucket: BucketRecord,
        prefix: [UInt8],
        from start: [UInt8],
        before end: [UInt8]?,
        isDeep: Bool,
        limit: Int,
        _ db: Database
    ) throws -> [Folder] {
        let first = Bytes.precedes(start, prefix) ? prefix : start
        let ends = [Bytes.successor(prefix), end].compactMap { $0 }
        let last = ends.min(by: Bytes.precedes)
        return try Folder.fetchAll(
            db,
            sql: """
                SELECT * FROM storage_folders WHERE bucket = :bucket AND name >= :first \(last == nil ? "" : "AND name < :last")
                    AND (:deep OR instr(substr(name, :rest), x'2f') = length(substr(name, :rest)))
                ORDER BY name LIMIT :limit
                """,
            arguments: StatementArguments(
                [
                    "bucket": bucket.id, "first": Data(first), "deep": isDeep, "rest": prefix.count + 1, "limit": limit,
                ] as [String: (any DatabaseValueConvertible)?]
            ) &+ (last.map { ["last": Data($0)] } ?? [:])
        )
    }

    /// The folders that a listing of objects shows besides those that it has found.
    static func children(for query: ListingQuery, of page: ListingPage, _ db: Database) throws -> [String] {
        try list(
            in: page.bucket,
            prefix: query.prefix,
            from: query.start.name,
            before: page.next?.name,
            isDeep: false,
            limit: query.limit + 1,
            db
        ).map(\.name).filter { $0.utf8.count > query.prefix.count }
    }

    /// - Throws: ``GoogleError`` `notFound` (404), `conflict` (409) while anything is in it.
    static func delete(_ name: String, in bucket: BucketRecord, _ db: Database) throws {
        let prefix = Array(name.utf8)
        let isUsed = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS(SELECT 1 FROM storage_objects WHERE bucket = ?1 AND name >= ?2 AND name < ?3
                        AND softDeleted IS NULL)
                    OR EXISTS(SELECT 1 FROM storage_folders WHERE bucket = ?1 AND name > ?2 AND name < ?3)
                """,
            arguments: [bucket.id, Data(prefix), Data(Bytes.successor(prefix) ?? prefix)]
        )
        guard isUsed != true else {
            throw GoogleError.alreadyExists(
                "The folder '\(name)' of bucket '\(bucket.name)' is not empty.",
                reason: "conflict"
            )
        }
        try db.execute(
            sql: "DELETE FROM storage_folders WHERE bucket = ? AND name = ?",
            arguments: [bucket.id, Data(prefix)]
        )
    }

    /// Gives a folder and all that is in it another name: generations stay as they are.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404), `conflict` (409), `invalid` (400).
    static func rename(
        _ source: Folder,
        to target: String,
        in bucket: BucketRecord,
        at time: Micros,
        _ db: Database
    ) throws -> Folder {
        guard !target.hasPrefix(source.name) else {
            throw GoogleError.invalid("The folder '\(source.name)' cannot be moved into itself.")
        }
        guard try find(target, in: bucket, db) == nil else { throw GoogleError.folderTaken(target) }
        if let parent = parents(of: String(target.dropLast())).last { _ = try get(parent, in: bucket, db) }
        let prefix = Array(source.name.utf8)
        for (table, type) in [
            ("storage_objects", "BLOB"), ("storage_folders", "BLOB"), ("storage_managed_folders", "TEXT"),
        ] {
            try db.execute(
                sql: """
                    UPDATE \(table) SET name = CAST(?1 || substr(CAST(name AS BLOB), ?2) AS \(type))
                    WHERE bucket = ?3 AND name >= CAST(?4 AS \(type)) AND name < CAST(?5 AS \(type))
                    """,
                arguments: [
                    target, prefix.count + 1, bucket.id, Data(prefix), Data(Bytes.successor(prefix) ?? prefix),
                ]
            )
        }
        try db.execute(
            sql: """
                UPDATE storage_folders SET metageneration = metageneration + 1, updated = ?
                WHERE bucket = ? AND name = ?
                """,
            arguments: [time, bucket.id, Data(target.utf8)]
        )
        return try get(target, in: bucket, db)
    }
}

extension ListingPage {
    /// The page with folders among its prefixes, and cut off again at its limit.
    func adding(_ folders: [String], limit: Int) throws -> ListingPage {
        var page = self
        let all = Set(prefixes).union(folders).map { Array($0.utf8) }
        let entries = (all + records.map { Array($0.name.utf8) }).sorted(by: Bytes.precedes)
        if entries.count > limit { page.next = ListingPosition(name: entries[limit]) }
        func isKept(_ name: [UInt8]) -> Bool { entries.count <= limit || Bytes.precedes(name, entries[limit]) }
        page.prefixes = all.filter(isKept).sorted(by: Bytes.precedes).map { String(decoding: $0, as: UTF8.self) }
        page.records = records.filter { isKept(Array($0.name.utf8)) }
        return page
    }
}

extension GoogleError {
    fileprivate static func noFolder(_ name: String, in bucket: String) -> GoogleError {
        notFound("The folder '\(name)' of bucket '\(bucket)' does not exist.")
    }

    fileprivate static func folderTaken(_ name: String) -> GoogleError {
        alreadyExists("The folder '\(name)' exists already.", reason: "conflict")
    }
}
