import ArtifactRegistry
import BlobStore
import CloudStorage
import Foundation
import MetadataStore

/// Reads everything that a cloud keeps as files, whether it runs or not: `brume doctor --scrub`.
package struct Scrub: Sendable {
    private let store: MetadataStore
    private let data: DataFolder

    /// - Throws: ``SettingError`` when there is no cloud.
    package init(_ data: DataFolder) throws {
        guard data.isCloud else { throw SettingError("no cloud lies on '\(data.path)': start one with 'brume up'") }
        self.data = data
        store = try MetadataStore(readingAt: data.database, schemas: Cloud.schemas)
    }

    /// - Parameter report: Gets a line for each damage: what it belongs to, and what it is.
    /// - Returns: How many blobs were read.
    package func run(_ report: (String) -> Void) async throws -> Int {
        let report = { (damage: BlobDamage) in report("\(damage.resource): \(damage.error)") }
        let objects = try await StorageScrub(store: store, blobs: try data.blobs(of: "storage")).run(report)
        return try await objects + RegistryScrub(store: store, files: data.blobs(of: "registry")).run(report)
    }
}
