import Foundation
import GoogleAPI

/// The files that a build keeps once its steps are done: `artifacts.objects` and `artifacts.pythonPackages`.
///
/// See [storing artifacts](https://docs.cloud.google.com/build/docs/building/store-build-artifacts).
struct ArtifactsRequest: Equatable, Sendable {
    struct Objects: Equatable, Sendable {
        var bucket: String
        /// Empty, or a folder with a slash at its end.
        var folder: String
        var paths: [String]

        var location: String { "gs://\(bucket)/\(folder)" }
    }

    struct PythonPackages: Equatable, Sendable {
        var repository: PackageRepository
        var paths: [String]
    }

    var objects: Objects?
    var pythonPackages: [PythonPackages] = []

    /// - Throws: ``GoogleError`` (400) naming the field that cannot be carried out; 501 for what Brume lacks.
    init(_ build: JSON) throws {
        let artifacts = build["artifacts"] ?? [:]
        for kind in ["mavenArtifacts", "npmPackages", "goModules", "genericArtifacts", "oci"] {
            guard let value = artifacts[kind], !(value.array?.isEmpty ?? false) else { continue }
            throw GoogleError.buildLacks("'artifacts.\(kind)': copy the files in a step of their own")
        }
        objects = try artifacts["objects"].flatMap { $0.object?.isEmpty ?? true ? nil : $0 }.map(Objects.init)
        pythonPackages = try (artifacts["pythonPackages"]?.array ?? []).map(PythonPackages.init)
    }
}

extension ArtifactsRequest.Objects {
    fileprivate init(_ document: JSON) throws {
        let location = document["location"]?.string ?? ""
        let parts = location.dropFirst("gs://".count).split(separator: "/", maxSplits: 1).map(String.init)
        guard location.hasPrefix("gs://"), let bucket = parts.first else {
            throw GoogleError.invalidBuild(
                "invalid build: artifacts.objects.location \"\(location)\" is no gs://BUCKET/PATH/"
            )
        }
        self.bucket = bucket
        let folder = parts.count > 1 ? parts[1] : ""
        self.folder = folder.isEmpty || folder.hasSuffix("/") ? folder : folder + "/"
        paths = try ArtifactPaths.read(document, "artifacts.objects.paths")
    }
}

extension ArtifactsRequest.PythonPackages {
    fileprivate init(_ document: JSON) throws {
        let address = document["repository"]?.string ?? ""
        guard let repository = PackageRepository(address) else {
            throw GoogleError.invalidBuild(
                "invalid build: artifacts.pythonPackages.repository \"\(address)\" is no https://REGION-python.pkg.dev/PROJECT/REPOSITORY"
            )
        }
        self.repository = repository
        paths = try ArtifactPaths.read(document, "artifacts.pythonPackages.paths")
    }
}

/// A repository of Artifact Registry that packages go to.
package struct PackageRepository: Equatable, Sendable {
    package var location: String
    package var project: String
    package var name: String
    /// Without a slash at its end.
    package var address: String

    init?(_ address: String) {
        guard let match = address.wholeMatch(of: /(https:\/\/([a-z0-9-]+)-python\.pkg\.dev\/([^\/]+)\/([^\/]+))\/?/)
        else {
            return nil
        }
        self.address = String(match.1)
        location = String(match.2)
        project = String(match.3)
        name = String(match.4)
    }
}

/// Patterns of files below the workspace.
enum ArtifactPaths {
    fileprivate static func read(_ document: JSON, _ field: String) throws -> [String] {
        let paths = (document["paths"]?.array ?? []).compactMap(\.string)
        guard !paths.isEmpty else { throw GoogleError.invalidBuild("invalid build: \(field) is empty") }
        for path in paths {
            guard !path.isEmpty, !path.split(separator: "/").contains("..") else {
                throw GoogleError.invalidBuild("invalid build: \(field): \"\(path)\" is no path below /workspace")
            }
            _ = try FileGlob(path)
        }
        return paths
    }

    /// A pattern as an absolute one.
    static func absolute(_ path: String, in workspace: String) -> String {
        if path.hasPrefix("/") { return path }
        return workspace + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    /// The longest folder, or the file, that holds all that an absolute pattern can match.
    static func root(of pattern: String) -> String {
        var kept: [Substring] = []
        for segment in pattern.split(separator: "/") {
            if segment.contains(where: { "*?[".contains($0) }) { break }
            kept.append(segment)
        }
        return "/" + kept.joined(separator: "/")
    }
}
