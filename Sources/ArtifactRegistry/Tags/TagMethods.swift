import APIServer
import Foundation
import GoogleAPI

/// `projects.locations.repositories.packages.tags`: of Docker images, since no other format has tags.
struct TagMethods: Sendable {
    let packages: PackageMethods
    let manifests: ManifestStore

    func list(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let tags = try await image(input).manifests.flatMap { manifest in
            manifest.tags.map { manifest.place.tag($0, of: manifest.digest) }
        }
        return input.list.page(tags, as: "tags")
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, held) = try await image(input)
        guard let tag = input.tag, let manifest = held.first(where: { $0.tags.contains(tag) }) else {
            throw GoogleError.requestedEntityNotFound("\(place.packageName)/tags/\(input.tag ?? "")")
        }
        return place.tag(tag, of: manifest.digest)
    }

    /// POST and PATCH: lets a tag name the version of the body.
    func put(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, held) = try await image(input)
        guard let tag = input.tag ?? input.tagID ?? input.body["name"]?.string.map({ ResourceName(parsing: $0).last }),
            Tag.isValid(tag)
        else { throw GoogleError.repositoryInvalid("The tag ID is missing or not a valid tag.") }
        guard let version = input.body["version"]?.string.map({ ResourceName(parsing: $0).last }) else {
            throw GoogleError.repositoryInvalid("The tag '\(tag)' names no version.")
        }
        let isTaken = held.contains { $0.tags.contains(tag) }
        guard input.tag != nil || !isTaken else {
            throw GoogleError.alreadyExists("The tag '\(place.packageName)/tags/\(tag)' exists already.")
        }
        try await manifests.tag(version, as: tag, in: place)
        return place.tag(tag, of: version)
    }

    func delete(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, _) = try await packages.known(input)
        try await manifests.delete(tag: input.tag ?? "", in: place)
        return [:]
    }

    private func image(_ input: RepositoryInput) async throws -> (place: RegistryPlace, manifests: [StoredManifest]) {
        let (place, _) = try await packages.known(input)
        let held = try await manifests.manifests(in: place)
        guard !held.isEmpty else { throw GoogleError.requestedEntityNotFound(place.packageName) }
        return (place, held)
    }
}
