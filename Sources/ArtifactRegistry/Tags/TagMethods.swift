import APIServer
import Foundation
import GoogleAPI

/// `projects.locations.repositories.packages.tags`: of Docker images, since no other format has tags.
struct TagMethods: Sendable {
    let packages: PackageMethods
    let manifests: ManifestStore

    func list(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await packages.known(input)
        return try await input.list.page(as: "tags") { stretch in
            let tags = try await manifests.tags(of: place, stretch)
            if tags.isEmpty { _ = try await packages.package(place, format) }
            return tags.map { place.tag($0.tag, of: $0.digest) }
        }
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, _) = try await packages.known(input)
        guard let tag = input.tag, let digest = try await manifests.digest(ofTag: tag, in: place) else {
            throw GoogleError.requestedEntityNotFound("\(place.packageName)/tags/\(input.tag ?? "")")
        }
        return place.tag(tag, of: digest)
    }

    /// POST and PATCH: lets a tag name the version of the body.
    func put(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await packages.known(input)
        _ = try await packages.package(place, format)
        guard let tag = input.tag ?? input.tagID ?? input.body["name"]?.string.map({ ResourceName(parsing: $0).last }),
            Tag.isValid(tag)
        else { throw GoogleError.repositoryInvalid("The tag ID is missing or not a valid tag.") }
        guard let version = input.body["version"]?.string.map({ ResourceName(parsing: $0).last }) else {
            throw GoogleError.repositoryInvalid("The tag '\(tag)' names no version.")
        }
        if input.tag == nil, try await manifests.digest(ofTag: tag, in: place) != nil {
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
}
