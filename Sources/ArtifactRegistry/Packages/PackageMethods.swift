import APIServer
import Foundation
import GoogleAPI
import Operations

/// Docker images, packages, versions and tags: the same manifests, seen through the Artifact Registry API.
///
/// A nested image name is one package whose ID holds `%2F`.
struct PackageMethods: Sendable {
    let repositories: RepositoryMethods
    let manifests: ManifestStore
    let projects: any ProjectDirectory

    // MARK: dockerImages

    func listImages(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await known(input)
        let images = try await manifests.manifests(ofRepository: place).map(Self.dockerImage)
        return images.isEmpty ? [:] : ["dockerImages": .array(images)]
    }

    func getImage(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        var place = try await known(input)
        let parts = (input.image ?? "").split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw GoogleError.requestedEntityNotFound("image \(input.image ?? "")") }
        place = RegistryPlace(
            project: place.project,
            location: place.location,
            repository: place.repository,
            image: parts[0]
        )
        guard let manifest = try await manifests.manifests(in: place).first(where: { $0.digest == parts[1] }) else {
            throw GoogleError.requestedEntityNotFound("\(place.resource)/dockerImages/\(input.image ?? "")")
        }
        return Self.dockerImage(manifest)
    }

    private static func dockerImage(_ manifest: StoredManifest) -> JSON {
        let place = manifest.place
        var image: JSON = [
            "name": .string("\(place.resource)/dockerImages/\(encoded(place.image))@\(manifest.digest)"),
            "uri": .string("\(place.written)@\(manifest.digest)"),
            "imageSizeBytes": .string(String(manifest.imageSizeBytes)), "mediaType": .string(manifest.mediaType),
            "uploadTime": .string(Timestamp.text(manifest.createTime)),
            "updateTime": .string(Timestamp.text(manifest.updateTime)),
        ]
        if !manifest.tags.isEmpty { image["tags"] = .array(manifest.tags.map(JSON.string)) }
        return image
    }

    // MARK: packages

    func listPackages(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await known(input)
        let all = Dictionary(grouping: try await manifests.manifests(ofRepository: place), by: \.place)
        let packages = all.keys.sorted { $0.image < $1.image }.map { Self.package($0, all[$0] ?? []) }
        return packages.isEmpty ? [:] : ["packages": .array(packages)]
    }

    func getPackage(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, held) = try await package(input)
        return Self.package(place, held)
    }

    func deletePackage(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await known(input)
        guard try await manifests.delete(image: place) else {
            throw GoogleError.requestedEntityNotFound(Self.name(place))
        }
        return try await finished("packages.delete", place, caller)
    }

    private static func package(_ place: RegistryPlace, _ manifests: [StoredManifest]) -> JSON {
        [
            "name": .string(name(place)),
            "createTime": .string(Timestamp.text(manifests.map(\.createTime).min() ?? .distantPast)),
            "updateTime": .string(Timestamp.text(manifests.map(\.updateTime).max() ?? .distantPast)),
        ]
    }

    // MARK: versions

    func listVersions(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let versions = try await package(input).manifests.map(Self.version)
        return versions.isEmpty ? [:] : ["versions": .array(versions)]
    }

    func getVersion(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, held) = try await package(input)
        guard let manifest = held.first(where: { $0.digest == input.version }) else {
            throw GoogleError.requestedEntityNotFound("\(Self.name(place))/versions/\(input.version ?? "")")
        }
        return Self.version(manifest)
    }

    func deleteVersion(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await known(input)
        try await manifests.delete(digest: input.version ?? "", in: place, force: input.force)
        return try await finished("versions.delete", place, caller)
    }

    private static func version(_ manifest: StoredManifest) -> JSON {
        var version: JSON = [
            "name": .string("\(name(manifest.place))/versions/\(manifest.digest)"),
            "createTime": .string(Timestamp.text(manifest.createTime)),
            "updateTime": .string(Timestamp.text(manifest.updateTime)),
            "metadata": [
                "imageSizeBytes": .string(String(manifest.imageSizeBytes)), "mediaType": .string(manifest.mediaType),
                "name": .string("\(manifest.place.resource)/dockerImages/\(manifest.place.image)@\(manifest.digest)"),
            ],
        ]
        if !manifest.tags.isEmpty { version["relatedTags"] = .array(manifest.tags.map { tag($0, manifest) }) }
        return version
    }

    // MARK: tags

    /// Lists tags; the filter `version="…/versions/DIGEST"` is the one that clients send.
    func listTags(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let held = try await package(input).manifests
        let wanted = input.filter.flatMap { filter -> String? in
            guard filter.hasPrefix("version") else { return nil }
            return filter.split(separator: "/").last.map { $0.trimmingCharacters(in: ["\"", " "]) }
        }
        if let filter = input.filter, !filter.isEmpty, wanted == nil {
            throw GoogleError.repositoryInvalid("Tags can be filtered by version=\"…\" only, not by '\(filter)'.")
        }
        let tags = held.filter { wanted == nil || $0.digest == wanted }
            .flatMap { manifest in manifest.tags.map { Self.tag($0, manifest) } }
        return tags.isEmpty ? [:] : ["tags": .array(tags)]
    }

    func getTag(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, held) = try await package(input)
        guard let tag = input.tag, let manifest = held.first(where: { $0.tags.contains(tag) }) else {
            throw GoogleError.requestedEntityNotFound("\(Self.name(place))/tags/\(input.tag ?? "")")
        }
        return Self.tag(tag, manifest)
    }

    /// POST and PATCH: lets a tag name the version of the body.
    func putTag(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, _) = try await package(input)
        guard let tag = input.tag ?? input.tagID ?? input.body["name"]?.string.map({ ResourceName(parsing: $0).last }),
            Tag.isValid(tag)
        else { throw GoogleError.repositoryInvalid("The tag ID is missing or not a valid tag.") }
        guard let version = input.body["version"]?.string.map({ ResourceName(parsing: $0).last }) else {
            throw GoogleError.repositoryInvalid("The tag '\(tag)' names no version.")
        }
        if input.tag == nil, try await manifests.find(tag, in: place) != nil {
            throw GoogleError.alreadyExists("The tag '\(Self.name(place))/tags/\(tag)' exists already.")
        }
        try await manifests.tag(version, as: tag, in: place)
        return [
            "name": .string("\(Self.name(place))/tags/\(tag)"),
            "version": .string("\(Self.name(place))/versions/\(version)"),
        ]
    }

    func deleteTag(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await known(input)
        try await manifests.delete(tag: input.tag ?? "", in: place)
        return [:]
    }

    private static func tag(_ tag: String, _ manifest: StoredManifest) -> JSON {
        [
            "name": .string("\(name(manifest.place))/tags/\(tag)"),
            "version": .string("\(name(manifest.place))/versions/\(manifest.digest)"),
        ]
    }

    // MARK: Inside

    private func known(_ input: RepositoryInput) async throws -> RegistryPlace {
        let place = try await input.place(project: projects.project(input.project).id)
        guard try await repositories.store.find(place) != nil else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        return place
    }

    private func package(_ input: RepositoryInput) async throws -> (place: RegistryPlace, manifests: [StoredManifest]) {
        let place = try await known(input)
        let held = try await manifests.manifests(in: place)
        guard !held.isEmpty else { throw GoogleError.requestedEntityNotFound(Self.name(place)) }
        return (place, held)
    }

    private func finished(_ method: String, _ place: RegistryPlace, _ caller: Caller) async throws -> JSON {
        let operation = repositories.done(method, place, caller)
        try await repositories.store.record(operation)
        return repositories.render(operation, type: nil, response: [:])
    }

    private static func name(_ place: RegistryPlace) -> String { "\(place.resource)/packages/\(encoded(place.image))" }

    private static func encoded(_ image: String) -> String { image.replacingOccurrences(of: "/", with: "%2F") }
}
