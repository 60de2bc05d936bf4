import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of manifests and tags.
struct ManifestStore: Sendable {
    let store: MetadataStore
    let now: @Sendable () -> Date

    /// A manifest by digest or tag, with its bytes.
    func find(
        _ reference: String,
        in place: RegistryPlace
    ) async throws -> (manifest: StoredManifest, content: Data)? {
        try await store.database.read { db in
            let row: Row?
            if reference.contains(":") {
                row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT \(Self.columns), content FROM artifact_manifests
                        WHERE \(Self.isHere) AND digest = ?
                        """,
                    arguments: Self.key(place) + [reference]
                )
            } else {
                row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT \(Self.columns), content FROM artifact_manifests WHERE \(Self.isHere) AND digest =
                        (SELECT digest FROM artifact_tags WHERE \(Self.isHere) AND tag = ?)
                        """,
                    arguments: Self.key(place) + Self.key(place) + [reference]
                )
            }
            return try row.map { (try StoredManifest(row: $0), $0["content"]) }
        }
    }

    /// Stores a manifest and lets a tag name it, in one transaction that also finds what it needs.
    ///
    /// - Parameter isWhole: Whether all that it names must be there; a remote repository fetches it when it is asked for.
    /// - Throws: ``GoogleError`` `MANIFEST_BLOB_UNKNOWN` (400).
    func put(
        _ manifest: Manifest,
        _ data: Data,
        _ digest: String,
        tag: String?,
        in place: RegistryPlace,
        isWhole: Bool = true
    ) async throws {
        let time = now()
        try await store.database.write { db in
            var size = Int64(data.count)
            for (blob, stated) in manifest.blobs {
                let held = try Int64.fetchOne(
                    db,
                    sql: """
                        SELECT b.sizeBytes FROM artifact_links l JOIN artifact_blobs b ON b.digest = l.digest
                        WHERE l.project = ? AND l.digest = ?
                        """,
                    arguments: [place.project, blob]
                )
                guard held != nil || !isWhole else { throw GoogleError.manifestBlobUnknown(blob) }
                size += held ?? stated
            }
            for child in manifest.children {
                let held = try Int64.fetchOne(
                    db,
                    sql: "SELECT imageSizeBytes FROM artifact_manifests WHERE \(Self.isHere) AND digest = ?",
                    arguments: Self.key(place) + [child]
                )
                guard held != nil || !isWhole else { throw GoogleError.manifestBlobUnknown(child) }
                size += held ?? 0
            }
            try db.execute(
                sql: """
                    INSERT INTO artifact_manifests (project, location, repository, image, digest, mediaType, content,
                        imageSizeBytes, subject, artifactType, annotations, createTime, updateTime)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET updateTime = excluded.updateTime, mediaType = excluded.mediaType
                    """,
                arguments: Self.key(place) + [
                    digest, manifest.mediaType, data, size, manifest.subject, manifest.artifactType,
                    try manifest.annotations?.data(), time, time,
                ]
            )
            let id = try Int64.fetchOne(
                db,
                sql: "SELECT id FROM artifact_manifests WHERE \(Self.isHere) AND digest = ?",
                arguments: Self.key(place) + [digest]
            )
            for blob in manifest.blobs.keys {
                try db.execute(
                    sql: "INSERT OR IGNORE INTO artifact_manifest_blobs (manifest, project, digest) VALUES (?, ?, ?)",
                    arguments: [id, place.project, blob]
                )
            }
            if let tag { try Self.name(digest, tag, place, time, in: db) }
        }
    }

    /// Lets a tag name a manifest that is there.
    ///
    /// - Throws: ``GoogleError`` `MANIFEST_UNKNOWN` (404).
    func tag(_ digest: String, as tag: String, in place: RegistryPlace) async throws {
        let time = now()
        try await store.database.write { db in
            guard try Self.exists(digest, place, in: db) else {
                throw GoogleError.manifestUnknown(digest, place.written)
            }
            try Self.name(digest, tag, place, time, in: db)
        }
    }

    func delete(tag: String, in place: RegistryPlace) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: "DELETE FROM artifact_tags WHERE \(Self.isHere) AND tag = ?",
                arguments: Self.key(place) + [tag]
            )
            if db.changesCount == 0 { throw GoogleError.manifestUnknown(tag, place.written) }
        }
    }

    /// Deletes a manifest; with `force`, also the tags that name it.
    func delete(digest: String, in place: RegistryPlace, force: Bool = false) async throws {
        try await store.database.write { db in
            guard try Self.exists(digest, place, in: db) else {
                throw GoogleError.manifestUnknown(digest, place.written)
            }
            let arguments = Self.key(place) + [digest]
            let tags = try String.fetchAll(
                db,
                sql: "SELECT tag FROM artifact_tags WHERE \(Self.isHere) AND digest = ? ORDER BY tag",
                arguments: arguments
            )
            guard force || tags.isEmpty else { throw GoogleError.manifestTagged(digest, tags) }
            let parents = try Self.indexes(naming: digest, place, in: db)
            guard parents.isEmpty else { throw GoogleError.manifestHasParents(digest, parents) }
            try db.execute(sql: "DELETE FROM artifact_tags WHERE \(Self.isHere) AND digest = ?", arguments: arguments)
            try db.execute(
                sql: "DELETE FROM artifact_manifests WHERE \(Self.isHere) AND digest = ?",
                arguments: arguments
            )
        }
    }

    /// The digests of the image indexes that name a manifest as one of theirs.
    private static func indexes(naming digest: String, _ place: RegistryPlace, in db: Database) throws -> [String] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT digest, content FROM artifact_manifests
                WHERE \(isHere) AND (mediaType LIKE '%index%' OR mediaType LIKE '%list%')
                AND instr(content, CAST(? AS BLOB)) > 0 ORDER BY digest
                """,
            arguments: key(place) + [digest]
        ).filter { row in
            // An index may mention a digest without holding it, in an annotation.
            let children = try JSON(parsing: row["content"])["manifests"]?.array ?? []
            return children.contains { $0["digest"]?.string == digest }
        }.map { $0["digest"] }
    }

    /// Deletes an image with all of its manifests and tags; false when there is none.
    func delete(image place: RegistryPlace) async throws -> Bool {
        try await store.database.write { db in
            try db.execute(sql: "DELETE FROM artifact_tags WHERE \(Self.isHere)", arguments: Self.key(place))
            try db.execute(sql: "DELETE FROM artifact_manifests WHERE \(Self.isHere)", arguments: Self.key(place))
            return db.changesCount > 0
        }
    }

    func referrers(of digest: String, in place: RegistryPlace) async throws -> [StoredManifest] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(Self.columns) FROM artifact_manifests WHERE \(Self.isHere) AND subject = ? ORDER BY id
                    """,
                arguments: Self.key(place) + [digest]
            ).map(StoredManifest.init(row:))
        }
    }

    /// The names of images in a repository below a folder; the empty folder is the repository.
    func images(below place: RegistryPlace) async throws -> [String] {
        let prefix = place.image.isEmpty ? "" : place.image + "/"
        return try await store.database.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT image FROM artifact_manifests WHERE \(Self.isInRepository)
                    AND substr(image, 1, length(?)) = ? ORDER BY image
                    """,
                arguments: Self.repositoryKey(place) + [prefix, prefix]
            )
        }
    }

    /// Every image of the registry, by its place.
    func allImages() async throws -> [RegistryPlace] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT DISTINCT project, location, repository, image FROM artifact_manifests"
            ).map(RegistryPlace.init(row:))
        }
    }

    func sizeBytes(ofRepository place: RegistryPlace) async throws -> Int64 {
        try await store.database.read { db in
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT coalesce(sum(sizeBytes), 0) FROM artifact_blobs WHERE digest IN (
                        SELECT b.digest FROM artifact_manifest_blobs b JOIN artifact_manifests m ON m.id = b.manifest
                        WHERE m.project = ? AND m.location = ? AND m.repository = ?)
                    """,
                arguments: [place.project, place.location, place.repository]
            ) ?? 0
        }
    }

    /// All but the manifest itself, which is read where it is asked for, and where it names others.
    static let columns = """
        project, location, repository, image, digest, mediaType, imageSizeBytes, artifactType, annotations,
        createTime, updateTime, length(content) AS contentBytes,
        CASE WHEN mediaType LIKE '%index%' OR mediaType LIKE '%list%' THEN content END AS indexContent
        """

    static let isHere = "project = ? AND location = ? AND repository = ? AND image = ?"

    static func key(_ place: RegistryPlace) -> StatementArguments {
        [place.project, place.location, place.repository, place.image]
    }

    private static func exists(_ digest: String, _ place: RegistryPlace, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: "SELECT 1 FROM artifact_manifests WHERE \(isHere) AND digest = ?",
            arguments: key(place) + [digest]
        ) ?? false
    }

    private static func name(
        _ digest: String,
        _ tag: String,
        _ place: RegistryPlace,
        _ time: Date,
        in db: Database
    ) throws {
        try checkImmutability(digest, tag, place, in: db)
        try db.execute(
            sql: """
                INSERT INTO artifact_tags (project, location, repository, image, tag, digest, updateTime)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET digest = excluded.digest, updateTime = excluded.updateTime
                """,
            arguments: key(place) + [tag, digest, time]
        )
    }
}

extension ManifestStore {
    /// A repository may say that its tags name for ever what they name first.
    private static func checkImmutability(
        _ digest: String,
        _ tag: String,
        _ place: RegistryPlace,
        in db: Database
    ) throws {
        guard let named = try Self.digest(ofTag: tag, in: place, db), named != digest else { return }
        let repository = try Data.fetchOne(
            db,
            sql: "SELECT document FROM artifact_repositories WHERE project = ? AND location = ? AND repository = ?",
            arguments: [place.project, place.location, place.repository]
        )
        guard let repository, try JSON(parsing: repository)["dockerConfig"]?["immutableTags"]?.bool == true else {
            return
        }
        throw GoogleError.tagIsImmutable(tag, place.resource.description)
    }
}

extension RegistryPlace {
    init(row: Row) {
        self.init(
            project: row["project"],
            location: row["location"],
            repository: row["repository"],
            image: row["image"]
        )
    }
}

extension StoredManifest {
    init(row: Row) throws {
        place = RegistryPlace(row: row)
        digest = row["digest"]
        mediaType = row["mediaType"]
        contentBytes = row["contentBytes"]
        imageSizeBytes = row["imageSizeBytes"]
        artifactType = row["artifactType"]
        annotations = try (row["annotations"] as Data?).map(JSON.init(parsing:))
        createTime = row["createTime"]
        updateTime = row["updateTime"]
        tags = (row["tags"] as String? ?? "").split(separator: " ").map(String.init).sorted()
        if let index: Data = row["indexContent"] {
            children = (try JSON(parsing: index)["manifests"]?.array ?? []).compactMap { $0["digest"]?.string }
        }
    }
}
