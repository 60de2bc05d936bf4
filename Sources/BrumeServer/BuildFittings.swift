import APIServer
import ArtifactRegistry
import BlobStore
import CloudBuild
import CloudLogging
import CloudStorage
import Foundation
import GoogleAPI
import IAM
import ImageCatalogue
import NIOCore
import SecretManager
import Workloads

/// The service accounts of builds, as IAM knows them.
struct BuildAccountsOfIAM: BuildAccounts {
    let iam: IAM

    func defaultAccount(of project: ProjectIdentity) async throws -> String {
        "\(project.number)@cloudbuild.gserviceaccount.com"
    }

    func accessToken(for account: String, lifetime: Duration) async throws -> String {
        try await iam.accessToken(
            for: account,
            scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            lifetime: lifetime
        )
    }
}

/// The secrets of steps, webhooks and remote repositories, as Secret Manager keeps them.
struct SecretsOfSecretManager: BuildSecrets, UpstreamSecrets {
    let secrets: SecretManager

    func value(of version: String, as account: String) async throws -> Data {
        try await secrets.payload(of: version, as: account)
    }
}

/// The images of steps, as the catalogue finds or makes them.
struct BuilderImagesOfCatalogue: BuilderImages {
    let catalogue: ImageCatalogue

    var reserved: Set<String> { Set(catalogue.entries.flatMap { $0.references.map(\.repository) }) }

    func ensure(
        _ image: ImageReference,
        credential: RegistryCredential,
        progress: @escaping ProgressReport
    ) async throws {
        try await catalogue.ensure(image, credential: credential, progress: progress)
    }
}

/// Sources and logs of builds, as objects in buckets.
struct BuildObjectsOfStorage: SourceArchives, BuildLogs {
    let storage: CloudStorage
    let maximumOutputBytes = 1 << 30

    func open(bucket: String, object: String, generation: Int64?, as account: String) async throws -> ByteStream {
        let bytes = try await storage.openObject(bucket: bucket, name: object, as: account, generation: generation)
        let iterator = OneReader(bytes.makeAsyncIterator())
        return ByteStream { try await iterator.next() }
    }

    func ensureBucket(_ name: String, project: ProjectIdentity) async throws {
        try await storage.ensureBucket(name: name, project: project.id)
    }

    func begin(bucket: String, object: String) async throws -> any GrowingLog {
        try storage.growObject(bucket: bucket, name: object, contentType: "text/plain")
    }
}

extension GrowingObject: GrowingLog {}

/// The lines of builds, as Cloud Logging's entries of the log `cloudbuild`.
struct BuildLogEntriesOfCloudLogging: BuildLogEntries {
    let logging: CloudLogging

    private static let log = "cloudbuild"

    func write(_ lines: [String], of build: ToldBuild) async throws {
        let resource: JSON = [
            "type": "build",
            "labels": [
                "project_id": .string(build.project), "build_id": .string(build.id),
                "build_trigger_id": .string(build.triggerID ?? ""),
            ],
        ]
        let entries = lines.map { line in
            LogEntry(log: Self.log, resource: resource, severity: .info, payload: .text(line))
        }
        try await logging.write(entries, project: build.project)
    }

    func clear(_ build: ToldBuild) async throws {
        try await logging.delete(log: Self.log, about: build.id, project: build.project)
    }
}

/// The files that builds keep, as objects and packages.
struct BuildOutputsOfServices: BuildOutputs {
    let storage: CloudStorage
    let registry: ArtifactRegistry

    func store(_ content: ByteStream, bucket: String, object: String, as account: String) async throws -> KeptObject {
        let kept = try await storage.writeObject(bucket: bucket, name: object, body: content, as: account)
        return KeptObject(generation: kept.generation, md5: kept.md5)
    }

    func store(
        _ content: ByteStream,
        package fileName: String,
        in repository: PackageRepository,
        as account: String
    ) async throws -> KeptPackage {
        let kept = try await registry.addPythonFile(
            fileName,
            content,
            to: repository.name,
            location: repository.location,
            project: repository.project,
            as: account
        )
        return KeptPackage(name: kept.name, sha256: kept.sha256)
    }
}
