import Foundation
import GoogleAPI

/// What a repository holds, for one format of packages.
///
/// A place whose image is empty is the whole repository; otherwise the image is the name of a package.
protocol ArtifactFormat: Sendable {
    /// The packages of a repository: all, in no order, or a stretch.
    func packages(in repository: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactPackage]

    /// One package; nil when there is none.
    func package(_ place: RegistryPlace) async throws -> ArtifactPackage?

    /// The versions in a place: all, in no order, or, of a package, a stretch.
    func versions(in place: RegistryPlace, _ stretch: ListStretch?) async throws -> [ArtifactVersion]

    /// One version of a package; nil when there is none.
    func version(_ name: String, in place: RegistryPlace) async throws -> ArtifactVersion?

    /// The files in a repository, in no order.
    func files(in repository: RegistryPlace) async throws -> [ArtifactFile]

    /// One file by its name; nil when there is none.
    func file(_ name: String, in repository: RegistryPlace) async throws -> ArtifactFile?

    /// What all blobs of a repository need on the disk, each counted once.
    func sizeBytes(of repository: RegistryPlace) async throws -> Int64

    /// Deletes a version.
    ///
    /// - Parameter force: Whether its tags go with it.
    /// - Throws: ``GoogleError`` `notFound` (404); `FAILED_PRECONDITION` (400) for what others still need.
    func delete(version: String, in place: RegistryPlace, force: Bool) async throws

    /// Deletes a package with all its versions; false when there is none.
    func delete(package place: RegistryPlace) async throws -> Bool

    /// Deletes one file; false when there is none.
    ///
    /// - Throws: ``GoogleError`` `FAILED_PRECONDITION` (400) when the format has no files of their own.
    func delete(file name: String, in repository: RegistryPlace) async throws -> Bool
}

struct ArtifactPackage: Equatable, Sendable {
    var place: RegistryPlace
    var createTime: Date
    var updateTime: Date
}

/// A version of a package: a manifest, or a release.
struct ArtifactVersion: Equatable, Sendable {
    var place: RegistryPlace
    /// A digest, or a number such as `1.0.2`.
    var name: String
    var createTime: Date
    var updateTime: Date
    var tags: [String] = []
    /// The versions that this one needs: the images of an index.
    var children: [String] = []
    var metadata: JSON = [:]
}

/// A file of a repository.
struct ArtifactFile: Equatable, Sendable {
    /// May hold slashes.
    var name: String
    /// `sha256:` and 64 hexadecimal digits.
    var digest: String
    var sizeBytes: Int64
    var package: String
    var version: String
    var createTime: Date
    /// The bytes of a file that is no blob; lists leave them out.
    var inline: Data?
}

/// The segment of a resource name that stands for a package, version or file whose own name may hold slashes.
enum ArtifactID {
    static func encoded(_ name: String) -> String {
        name.replacing("/", with: "%2F").replacing("+", with: "%2B").replacing("^", with: "%5E")
    }

    /// Clients encode such a segment once or twice; it comes here decoded once.
    static func decoded(_ segment: String) -> String { segment.removingPercentEncoding ?? segment }
}
