import Foundation
import GoogleAPI

/// What a manifest says of itself: its kind, and what it needs.
struct Manifest: Equatable, Sendable {
    var mediaType: String
    /// Config and layers, with their sizes.
    var blobs: [String: Int64]
    /// The manifests of an index.
    var children: [String]
    var subject: String?
    var artifactType: String?
    var annotations: JSON?

    /// The largest manifest, in bytes: what gcr.io and distribution take.
    static let maximumBytes = 4 << 20

    static let indexTypes: Set = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    static let imageTypes: Set = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ]

    /// Reads a manifest.
    ///
    /// - Parameter contentType: What the client said; without it, the document's own `mediaType` counts.
    /// - Throws: ``GoogleError`` `MANIFEST_INVALID` (400).
    init(_ data: Data, contentType: String?) throws {
        guard let document = try? JSON(parsing: data), document.object != nil else {
            throw GoogleError.manifestInvalid("it is not a JSON object.")
        }
        let stated = contentType?.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) }
        let inner = document["mediaType"]?.string
        if let stated, let inner, stated != inner, stated != "application/json" {
            throw GoogleError.manifestInvalid("its mediaType '\(inner)' is not the Content-Type '\(stated)'.")
        }
        let known = Self.imageTypes.union(Self.indexTypes)
        let type = inner ?? stated ?? ""
        guard known.contains(type) else {
            throw GoogleError.manifestInvalid(
                "its media type '\(type)' is none of \(known.sorted().joined(separator: ", "))."
            )
        }
        guard document["schemaVersion"]?.integer == 2 else {
            throw GoogleError.manifestInvalid("its schemaVersion is not 2.")
        }
        mediaType = type
        blobs = [:]
        children = []
        annotations = document["annotations"]
        subject = try document["subject"].map { try Self.digest(of: $0) }
        let config = document["config"]
        artifactType = document["artifactType"]?.string ?? config?["mediaType"]?.string
        if Self.indexTypes.contains(type) {
            artifactType = document["artifactType"]?.string
            children = try (document["manifests"]?.array ?? []).map { try Self.digest(of: $0) }
            return
        }
        guard let config else { throw GoogleError.manifestInvalid("it has no config.") }
        blobs[try Self.digest(of: config)] = config["size"]?.integer ?? 0
        for layer in document["layers"]?.array ?? [] {
            // Layers that are found elsewhere are not the registry's.
            guard layer["urls"]?.array?.isEmpty ?? true else { continue }
            blobs[try Self.digest(of: layer)] = layer["size"]?.integer ?? 0
        }
    }

    private static func digest(of descriptor: JSON) throws -> String {
        guard let digest = descriptor["digest"]?.string else {
            throw GoogleError.manifestInvalid("one of its descriptors has no digest.")
        }
        try ContentDigest.check(digest)
        return digest
    }
}

/// What the rows say of a manifest.
struct StoredManifest: Equatable, Sendable {
    var place: RegistryPlace
    var digest: String
    var mediaType: String
    /// The length of the manifest itself.
    var contentBytes: Int64
    /// The manifest with its config and layers; that of an index is the sum of its images'.
    var imageSizeBytes: Int64
    var artifactType: String?
    var annotations: JSON?
    var createTime: Date
    var updateTime: Date
    var tags: [String] = []
    /// The digests of the manifests that an index names.
    var children: [String] = []
}
