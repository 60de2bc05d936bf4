package import Workloads

/// A row of `brume images list`.
package struct CatalogueListing: Encodable, Sendable, Equatable {
    /// `debian-12`.
    package var name: String
    package var summary: String
    /// The engine's name for it: `brume/debian-12:1.1`.
    package var image: String
    /// Whether the engine holds it.
    package var isPresent: Bool
    package var sizeBytes: Int64?
    /// The names that containers ask for.
    package var references: [String]
    /// The families that instances ask for: `debian-cloud/debian-12`.
    package var families: [String]

    package init(entry: CatalogueEntry, kept: ImageReference, image: ImageDescription?) {
        name = entry.name
        summary = entry.summary
        self.image = kept.text
        isPresent = image != nil
        sizeBytes = image?.sizeBytes
        references = entry.references.map(\.text)
        families = entry.computeImages.flatMap { image in image.families.map { "\(image.project)/\($0)" } }
    }
}
