import Foundation
import GRDB
import MetadataStore

extension ArtifactPackage {
    init(row: Row) {
        place = RegistryPlace(row: row)
        createTime = row["createTime"]
        updateTime = row["updateTime"]
    }
}

/// Which manifests of one image are meant.
enum ManifestSelection {
    /// All, or a stretch in the order of digests.
    case stretch(ListStretch?)
    case digest(String)
}

// Lists, of which a stretch costs what it holds, however long the list is.
extension ManifestStore {
    /// The manifests of one image with their tags; in no order when all are asked for.
    func manifests(in place: RegistryPlace, _ selection: ManifestSelection) async throws -> [StoredManifest] {
        switch selection {
        case .stretch(nil): try await manifests(in: place)
        case .stretch(let stretch?):
            try await manifests(
                sql: "\(Self.isHere) AND digest > ? ORDER BY digest LIMIT ?",
                Self.key(place) + [stretch.after ?? "", stretch.count]
            )
        case .digest(let digest):
            try await manifests(sql: "\(Self.isHere) AND digest = ?", Self.key(place) + [digest])
        }
    }

    /// The manifests of one image with their tags, newest first.
    func manifests(in place: RegistryPlace) async throws -> [StoredManifest] {
        try await manifests(sql: "\(Self.isHere) ORDER BY updateTime DESC, id DESC", Self.key(place))
    }

    /// The manifests of all images of a repository with their tags; in no order, or a stretch in the order of images and
    /// digests, `IMAGE@DIGEST`.
    func manifests(ofRepository place: RegistryPlace, _ stretch: ListStretch? = nil) async throws -> [StoredManifest] {
        guard let stretch else { return try await manifests(sql: Self.isInRepository, Self.repositoryKey(place)) }
        let after = (stretch.after ?? "").split(separator: "@", maxSplits: 1).map(String.init)
        return try await manifests(
            sql: "\(Self.isInRepository) AND (image, digest) > (?, ?) ORDER BY image, digest LIMIT ?",
            Self.repositoryKey(place) + [after.first ?? "", after.last ?? "", stretch.count]
        )
    }

    private func manifests(sql: String, _ arguments: StatementArguments) async throws -> [StoredManifest] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT \(Self.columns), \(Self.tagColumn) FROM artifact_manifests m WHERE \(sql)",
                arguments: arguments
            ).map(StoredManifest.init(row:))
        }
    }

    /// The images of a repository, or one image of it, with the times of their manifests; a stretch is in the order of
    /// images.
    func packages(in place: RegistryPlace, _ stretch: ListStretch? = nil) async throws -> [ArtifactPackage] {
        let isOne = !place.image.isEmpty
        return try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT project, location, repository, image, min(createTime) AS createTime,
                        max(updateTime) AS updateTime FROM artifact_manifests
                    WHERE \(Self.isInRepository) AND image \(isOne ? "=" : ">") ?
                    GROUP BY image ORDER BY image LIMIT ?
                    """,
                arguments: Self.repositoryKey(place)
                    + [isOne ? place.image : stretch?.after ?? "", stretch?.count ?? -1]
            ).map(ArtifactPackage.init(row:))
        }
    }

    /// What the tags of an image name, in the order of tags.
    func tags(of place: RegistryPlace, _ stretch: ListStretch?) async throws -> [(tag: String, digest: String)] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT tag, digest FROM artifact_tags WHERE \(Self.isHere) AND tag > ? ORDER BY tag LIMIT ?",
                arguments: Self.key(place) + [stretch?.after ?? "", stretch?.count ?? -1]
            ).map { ($0["tag"], $0["digest"]) }
        }
    }

    /// What a tag names; nil when there is no such tag.
    func digest(ofTag tag: String, in place: RegistryPlace) async throws -> String? {
        try await store.database.read { try Self.digest(ofTag: tag, in: place, $0) }
    }

    static func digest(ofTag tag: String, in place: RegistryPlace, _ db: Database) throws -> String? {
        try String.fetchOne(
            db,
            sql: "SELECT digest FROM artifact_tags WHERE \(isHere) AND tag = ?",
            arguments: key(place) + [tag]
        )
    }

    private static let tagColumn = """
        (SELECT group_concat(t.tag, ' ') FROM artifact_tags t WHERE t.project = m.project AND t.location = m.location
            AND t.repository = m.repository AND t.image = m.image AND t.digest = m.digest) AS tags
        """

    static let isInRepository = "project = ? AND location = ? AND repository = ?"

    static func repositoryKey(_ place: RegistryPlace) -> StatementArguments {
        [place.project, place.location, place.repository]
    }
}
