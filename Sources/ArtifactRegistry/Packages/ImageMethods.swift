import APIServer
import Foundation
import GoogleAPI

/// `projects.locations.repositories.dockerImages`.
struct ImageMethods: Sendable {
    let packages: PackageMethods
    let manifests: ManifestStore

    func list(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, _) = try await packages.known(input)
        return try await input.list.page(as: "dockerImages") { stretch in
            try await manifests.manifests(ofRepository: place, stretch).map(Self.render)
        }
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        var (place, _) = try await packages.known(input)
        let parts = (input.image ?? "").split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw GoogleError.requestedEntityNotFound("image \(input.image ?? "")") }
        place = RegistryPlace(
            project: place.project,
            location: place.location,
            repository: place.repository,
            image: parts[0]
        )
        guard let manifest = try await manifests.manifests(in: place, .digest(parts[1])).first else {
            throw GoogleError.requestedEntityNotFound("\(place.resource)/dockerImages/\(input.image ?? "")")
        }
        return Self.render(manifest)
    }

    private static func render(_ manifest: StoredManifest) -> JSON {
        let place = manifest.place
        var image: JSON = [
            "name": .string("\(place.resource)/dockerImages/\(ArtifactID.encoded(place.image))@\(manifest.digest)"),
            "uri": .string("\(place.written)@\(manifest.digest)"),
            "imageSizeBytes": .string(String(manifest.imageSizeBytes)), "mediaType": .string(manifest.mediaType),
            "uploadTime": .string(Timestamp.text(manifest.createTime)),
            "updateTime": .string(Timestamp.text(manifest.updateTime)),
        ]
        if !manifest.tags.isEmpty { image["tags"] = .array(manifest.tags.map(JSON.string)) }
        return image
    }
}
