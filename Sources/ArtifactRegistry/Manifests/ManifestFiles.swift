import Foundation
import GRDB
import MetadataStore

extension ManifestStore {
    /// What stands between an image's name and a digest in the name of a manifest's file.
    private static let middle = "/manifests/"

    /// The manifests, and each config and layer once, as a file of the oldest version that names it.
    func files(in repository: RegistryPlace) async throws -> [ArtifactFile] {
        try await store.database.read { db in
            let manifests = try Row.fetchAll(
                db,
                sql: """
                    SELECT image, digest, length(content) AS sizeBytes, createTime FROM artifact_manifests
                    WHERE project = ? AND location = ? AND repository = ?
                    """,
                arguments: [repository.project, repository.location, repository.repository]
            ).map { row in
                ArtifactFile(
                    name: (row["image"] as String) + Self.middle + (row["digest"] as String),
                    digest: row["digest"],
                    sizeBytes: row["sizeBytes"],
                    package: row["image"],
                    version: row["digest"],
                    createTime: row["createTime"]
                )
            }
            return manifests + (try Self.blobs(in: repository, digest: nil, db))
        }
    }

    /// One file by its name; a manifest comes with its bytes.
    func file(_ name: String, in repository: RegistryPlace) async throws -> ArtifactFile? {
        guard let range = name.range(of: Self.middle, options: .backwards) else {
            return try await store.database.read { try Self.blobs(in: repository, digest: name, $0).first }
        }
        var place = repository
        place.image = String(name[..<range.lowerBound])
        let digest = String(name[range.upperBound...])
        guard digest.contains(":"), let (manifest, content) = try await find(digest, in: place) else { return nil }
        return ArtifactFile(
            name: name,
            digest: digest,
            sizeBytes: manifest.contentBytes,
            package: place.image,
            version: digest,
            createTime: manifest.createTime,
            inline: content
        )
    }

    private static func blobs(in repository: RegistryPlace, digest: String?, _ db: Database) throws -> [ArtifactFile] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT b.digest, b.sizeBytes, m.image, m.digest AS version, m.createTime, min(m.id)
                FROM artifact_manifests m JOIN artifact_manifest_blobs l ON l.manifest = m.id
                JOIN artifact_blobs b ON b.digest = l.digest
                WHERE m.project = ? AND m.location = ? AND m.repository = ? AND (? IS NULL OR l.digest = ?)
                GROUP BY b.digest
                """,
            arguments: [repository.project, repository.location, repository.repository, digest, digest]
        ).map { row in
            ArtifactFile(
                name: row["digest"],
                digest: row["digest"],
                sizeBytes: row["sizeBytes"],
                package: row["image"],
                version: row["version"],
                createTime: row["createTime"]
            )
        }
    }
}
