import APIServer
import Foundation
import GoogleAPI

/// Packages and versions, of whatever format the repository has.
///
/// A nested image name is one package whose ID holds `%2F`.
struct PackageMethods: Sendable {
    let repositories: RepositoryMethods
    let formats: ArtifactFormats
    let projects: any ProjectDirectory

    // MARK: packages

    func listPackages(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        return try await input.list.page(as: "packages") { stretch in
            try await format.packages(in: place, stretch).map(Self.package)
        }
    }

    func getPackage(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        return Self.package(try await package(place, format))
    }

    func deletePackage(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        guard try await format.delete(package: place) else {
            throw GoogleError.requestedEntityNotFound(place.packageName)
        }
        return try await finished("packages.delete", place, caller)
    }

    private static func package(_ package: ArtifactPackage) -> JSON {
        [
            "name": .string(package.place.packageName),
            "createTime": .string(Timestamp.text(package.createTime)),
            "updateTime": .string(Timestamp.text(package.updateTime)),
        ]
    }

    // MARK: versions

    func listVersions(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        return try await input.list.page(as: "versions") { stretch in
            let versions = try await format.versions(in: place, stretch)
            if versions.isEmpty { _ = try await package(place, format) }
            return versions.map(Self.version)
        }
    }

    func getVersion(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        guard let version = try await format.version(input.version ?? "", in: place) else {
            throw GoogleError.requestedEntityNotFound(place.versionName(input.version ?? ""))
        }
        return Self.version(version)
    }

    func deleteVersion(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        try await format.delete(version: input.version ?? "", in: place, force: input.force)
        return try await finished("versions.delete", place, caller)
    }

    /// Deletes the versions that the body names, with their tags; all of them are looked up before any goes.
    func deleteVersions(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await known(input)
        let prefix = "\(place.resource)/packages/"
        let known = try await format.versions(in: place.repositoryPlace, nil)
        let asked = try (input.body["names"]?.array ?? []).map { name in
            let text = name.string ?? ""
            guard let version = known.first(where: { text == $0.place.versionName($0.name) }) else {
                throw text.hasPrefix(prefix)
                    ? GoogleError.requestedEntityNotFound(text)
                    : GoogleError.repositoryInvalid("'\(text)' is no version of \(place.resource).")
            }
            return version
        }
        guard !asked.isEmpty else { throw GoogleError.repositoryInvalid("names: at least one version is required.") }
        if input.body["validateOnly"]?.bool != true {
            for version in asked.sorted(by: { $0.children.count > $1.children.count }) {
                try await format.delete(version: version.name, in: version.place, force: true)
            }
        }
        return try await finished("versions.batchDelete", place, caller)
    }

    private static func version(_ version: ArtifactVersion) -> JSON {
        var document: JSON = [
            "name": .string(version.place.versionName(version.name)),
            "createTime": .string(Timestamp.text(version.createTime)),
            "updateTime": .string(Timestamp.text(version.updateTime)), "metadata": version.metadata,
        ]
        if !version.tags.isEmpty {
            document["relatedTags"] = .array(version.tags.map { version.place.tag($0, of: version.name) })
        }
        return document
    }

    // MARK: Inside

    /// The place that a call names, and the format of its repository.
    func known(_ input: RepositoryInput) async throws -> (place: RegistryPlace, format: any ArtifactFormat) {
        let place = try await input.place(project: projects.project(input.project).id)
        guard let repository = try await repositories.store.find(place) else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        return (place, formats.format(of: repository))
    }

    /// - Throws: ``GoogleError`` `NOT_FOUND` (404).
    func package(_ place: RegistryPlace, _ format: any ArtifactFormat) async throws -> ArtifactPackage {
        guard let package = try await format.package(place) else {
            throw GoogleError.requestedEntityNotFound(place.packageName)
        }
        return package
    }

    func finished(_ method: String, _ place: RegistryPlace, _ caller: Caller) async throws -> JSON {
        let operation = repositories.done(method, place, caller)
        try await repositories.store.record(operation)
        return repositories.render(operation, type: nil, response: [:])
    }
}

/// The formats that repositories can have.
struct ArtifactFormats: Sendable {
    let docker: DockerFormat
    let python: PythonFormat

    /// By the number of Google's enum, which Python's clients send.
    static let names: [Int64: String] = [1: "DOCKER", 8: "PYTHON"]

    func format(of repository: JSON) -> any ArtifactFormat { repository["format"] == "PYTHON" ? python : docker }
}

extension RegistryPlace {
    /// The place's repository as a whole.
    var repositoryPlace: RegistryPlace {
        RegistryPlace(project: project, location: location, repository: repository, image: "")
    }

    var packageName: String { "\(resource)/packages/\(ArtifactID.encoded(image))" }

    func versionName(_ version: String) -> String { "\(packageName)/versions/\(ArtifactID.encoded(version))" }

    /// The resource of a tag that names a version.
    func tag(_ tag: String, of version: String) -> JSON {
        ["name": .string("\(packageName)/tags/\(tag)"), "version": .string(versionName(version))]
    }
}
