import Foundation
import GRDB
import MetadataStore

extension ManifestStore {
    /// The manifests, and each config and layer once, as a file of the oldest version that names it.
    func files(in repository: RegistryPlace) async throws -> [ArtifactFile] {
        try await store.database.read { db in
            let here: StatementArguments = [repository.project, repository.location, repository.repository]
            let documents = try Row.fetchAll(
                db,
                sql: """
                    SELECT image, digest, content, createTime FROM artifact_manifests
                    WHERE project = ? AND location = ? AND repository = ?
                    """,
                arguments: here
            ).map { row in
                let content: Data = row["content"]
                return ArtifactFile(
                    name: "\(row["image"] as String)/manifests/\(row["digest"] as String)",
                    digest: row["digest"],
                    sizeBytes: Int64(content.count),
                    package: row["image"],
                    version: row["digest"],
                    createTime: row["createTime"],
                    content: .manifest(content)
                )
            }
            let blobs = try Row.fetchAll(
                db,
                sql: """
                    SELECT b.digest, b.sizeBytes, m.image, m.digest AS version, m.createTime, min(m.id)
                    FROM artifact_manifests m JOIN artifact_manifest_blobs l ON l.manifest = m.id
                    JOIN artifact_blobs b ON b.digest = l.digest
                    WHERE m.project = ? AND m.location = ? AND m.repository = ? GROUP BY b.digest
                    """,
                arguments: here
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
            return documents + blobs
        }
    }
}
