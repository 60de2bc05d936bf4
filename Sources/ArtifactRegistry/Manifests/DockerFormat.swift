import GoogleAPI

/// Docker images as packages: a manifest is a version, and its blobs are files.
struct DockerFormat: ArtifactFormat {
    let manifests: ManifestStore

    func packages(in repository: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactPackage] {
        try await manifests.packages(in: repository, stretch)
    }

    func package(_ place: RegistryPlace) async throws -> ArtifactPackage? {
        try await manifests.packages(in: place).first
    }

    func versions(in place: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactVersion] {
        let found =
            place.image.isEmpty
            ? try await manifests.manifests(ofRepository: place)
            : try await manifests.manifests(in: place, .stretch(stretch))
        return found.map(Self.version)
    }

    func version(_ name: String, in place: RegistryPlace) async throws -> ArtifactVersion? {
        try await manifests.manifests(in: place, .digest(name)).first.map(Self.version)
    }

    private static func version(_ manifest: StoredManifest) -> ArtifactVersion {
        let image = "\(ArtifactID.encoded(manifest.place.image))@\(manifest.digest)"
        return ArtifactVersion(
            place: manifest.place,
            name: manifest.digest,
            createTime: manifest.createTime,
            updateTime: manifest.updateTime,
            tags: manifest.tags,
            children: manifest.children,
            metadata: [
                "imageSizeBytes": .string(String(manifest.imageSizeBytes)), "mediaType": .string(manifest.mediaType),
                "name": .string("\(manifest.place.resource)/dockerImages/\(image)"),
            ]
        )
    }

    func files(in repository: RegistryPlace) async throws -> [ArtifactFile] {
        try await manifests.files(in: repository)
    }

    func file(_ name: String, in repository: RegistryPlace) async throws -> ArtifactFile? {
        try await manifests.file(name, in: repository)
    }

    func sizeBytes(of repository: RegistryPlace) async throws -> Int64 {
        try await manifests.sizeBytes(ofRepository: repository)
    }

    func delete(version: String, in place: RegistryPlace, force: Bool) async throws {
        try await manifests.delete(digest: version, in: place, force: force)
    }

    func delete(package place: RegistryPlace) async throws -> Bool { try await manifests.delete(image: place) }

    func delete(file name: String, in repository: RegistryPlace) async throws -> Bool {
        throw GoogleError.filesBelongToVersions(name)
    }
}
