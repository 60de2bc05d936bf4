package import APIServer
package import Foundation
package import NIOCore
package import Workloads

// What builds need of other services.

/// Where the source of a build lies.
package protocol SourceArchives: Sendable {
    /// Opens an object's bytes; the stream is read once.
    ///
    /// - Parameters:
    ///   - generation: Nil: the newest.
    ///   - account: Who reads: the build's service account.
    /// - Throws: ``GoogleError`` `notFound` (404), `forbidden` (403).
    func open(bucket: String, object: String, generation: Int64?, as account: String) async throws -> ByteStream
}

/// Where the logs of builds go.
package protocol BuildLogs: Sendable {
    /// How much of the output of a build's steps is kept.
    var maximumOutputBytes: Int { get }

    /// Makes the bucket, if it is not there.
    func ensureBucket(_ name: String, project: ProjectIdentity) async throws

    /// Begins the object of a log, in place of one that is there.
    func begin(bucket: String, object: String) async throws -> any GrowingLog
}

/// An object that is written bit by bit. Used by one task at a time.
package protocol GrowingLog: Sendable {
    /// Adds bytes at the end; returns when there is room for more.
    ///
    /// - Throws: When the bytes cannot be kept; nothing can be appended after it.
    func append(_ bytes: ByteBuffer) async throws

    /// Lets readers see what has been appended: all of it, whole.
    func publish() async throws

    /// Nothing is appended any more.
    func close() async
}

/// The lines of builds as Cloud Logging's entries.
package protocol BuildLogEntries: Sendable {
    /// Adds lines, in their order.
    func write(_ lines: [String], of build: ToldBuild) async throws

    /// Removes all lines of a build, whose log is about to be told anew.
    func clear(_ build: ToldBuild) async throws
}

/// What entries say of their build.
package struct ToldBuild: Sendable, Equatable {
    package var id: String
    package var project: String
    /// Nil for builds that no trigger began.
    package var triggerID: String?
}

/// Where the files go that builds keep, in the name of an account that must be allowed to.
package protocol BuildOutputs: Sendable {
    /// Writes an object.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404).
    func store(_ content: ByteStream, bucket: String, object: String, as account: String) async throws -> KeptObject

    /// Adds a file to a repository of Python packages.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404), `invalid` (400) for what is no distribution.
    func store(
        _ content: ByteStream,
        package fileName: String,
        in repository: PackageRepository,
        as account: String
    ) async throws -> KeptPackage
}

package struct KeptObject: Sendable {
    package var generation: Int64
    package var md5: Data

    package init(generation: Int64, md5: Data) {
        self.generation = generation
        self.md5 = md5
    }
}

package struct KeptPackage: Sendable {
    /// Below the repository's address: `fog-lamp/fog_lamp-1.0.tar.gz`.
    package var name: String
    package var sha256: Data

    package init(name: String, sha256: Data) {
        self.name = name
        self.sha256 = sha256
    }
}

/// The service accounts that builds act as.
package protocol BuildAccounts: Sendable {
    /// The e-mail address of the account that builds run as unless they name one; made when it is not there.
    func defaultAccount(of project: ProjectIdentity) async throws -> String

    /// An access token for all of Google's APIs.
    func accessToken(for account: String, lifetime: Duration) async throws -> String
}

/// Images of steps: from the engine, the catalogue, or a registry.
package protocol BuilderImages: Sendable {
    /// Names, without tags, of images that are everybody's: builds may use them, and not put others in their place.
    var reserved: Set<String> { get }

    /// Makes sure that the engine has an image.
    ///
    /// - Throws: ``EngineError/imageUnavailable(_:reason:)``.
    func ensure(
        _ image: ImageReference,
        credential: RegistryCredential,
        progress: @escaping ProgressReport
    ) async throws
}

/// What surrounds the steps of a build: the network `cloudbuild`, its metadata server, and trust in the cloud's hosts.
package protocol BuildSurroundings: Sendable {
    /// Lets the steps of a build in; repeated calls for one build are harmless.
    ///
    /// - Returns: For each step, in their order, what puts its process into the build's surroundings.
    func admit(_ guest: BuildGuest) async throws -> [@Sendable (inout ProcessSpec) -> Void]

    /// Ends what ``admit(_:)`` began.
    func release(_ guest: BuildGuest) async throws
}

/// Whom the metadata server takes a build for.
package struct BuildGuest: Sendable, Equatable {
    package var buildID: String
    package var project: ProjectIdentity
    package var serviceAccount: String
    package var workload: WorkloadName
    /// The names of the steps; each has a place of its own, since steps may run at the same time.
    package var steps: [String]
}

/// Secrets that steps have in their environment, and that callers of webhooks must know.
package protocol BuildSecrets: Sendable {
    /// The payload of a secret's version: `projects/P/secrets/S/versions/V`.
    ///
    /// - Parameter account: Who reads: the build's service account, or Cloud Build's service agent.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404).
    func value(of version: String, as account: String) async throws -> Data
}
