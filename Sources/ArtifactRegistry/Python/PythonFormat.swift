import GoogleAPI

/// Python packages: a release is a version.
struct PythonFormat: ArtifactFormat {
    let store: PythonStore

    func packages(in repository: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactPackage] {
        let packages = try await store.packages(in: repository)
        return stretch?.cut(packages) { $0.place.image } ?? packages
    }

    func package(_ place: RegistryPlace) async throws -> ArtifactPackage? {
        try await store.packages(in: place).first
    }

    func versions(in place: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactVersion] {
        let versions = try await versions(in: place)
        return stretch?.cut(versions, by: \.name) ?? versions
    }

    func version(_ name: String, in place: RegistryPlace) async throws -> ArtifactVersion? {
        try await versions(in: place).first { $0.name == name }
    }

    private func versions(in place: RegistryPlace) async throws -> [ArtifactVersion] {
        let releases = Dictionary(grouping: try await store.files(in: place)) { [$0.place.image, $0.version] }
        return releases.values.compactMap { files in
            guard let first = files.min(by: { $0.createTime < $1.createTime }) else { return nil }
            return ArtifactVersion(
                place: first.place,
                name: first.version,
                createTime: first.createTime,
                updateTime: files.map(\.createTime).max() ?? first.createTime,
                metadata: [
                    "name": .string("\(first.place.resource)/pythonPackages/\(first.place.image):\(first.version)")
                ]
            )
        }
    }

    func files(in repository: RegistryPlace) async throws -> [ArtifactFile] {
        try await store.files(in: repository).map(Self.file)
    }

    func file(_ name: String, in repository: RegistryPlace) async throws -> ArtifactFile? {
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        var place = repository
        place.image = parts[0]
        return try await store.find(parts[1], in: place).map(Self.file)
    }

    private static func file(_ file: PythonFile) -> ArtifactFile {
        ArtifactFile(
            name: file.name,
            digest: file.digest,
            sizeBytes: file.sizeBytes,
            package: file.place.image,
            version: file.version,
            createTime: file.createTime
        )
    }

    func sizeBytes(of repository: RegistryPlace) async throws -> Int64 {
        try await store.files(in: repository).reduce(0) { $0 + $1.sizeBytes }
    }

    func delete(version: String, in place: RegistryPlace, force: Bool) async throws {
        guard try await store.delete(package: place.image, version: version, in: place) else {
            throw GoogleError.requestedEntityNotFound(place.versionName(version))
        }
    }

    func delete(package place: RegistryPlace) async throws -> Bool {
        try await store.delete(package: place.image, in: place)
    }

    func delete(file name: String, in repository: RegistryPlace) async throws -> Bool {
        let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return false }
        return try await store.delete(package: parts[0], fileName: parts[1], in: repository)
    }
}
