package import APIServer
package import BlobStore
package import Foundation
import GoogleAPI
import HTTPTypes
package import Logging
package import MetadataStore
package import NIOCore

/// Container Registry and Artifact Registry: one store of images behind `gcr.io`, `REGION-docker.pkg.dev` and plain `/v2/`.
package struct ArtifactRegistry: Sendable {
    /// What the daemon itself pushes with.
    package let system: RegistrySystemAccount
    private let registry: Registry
    let repositories: RepositoryMethods
    let policyMethods: RepositoryPolicyMethods
    let packages: PackageMethods
    let images: ImageMethods
    let tags: TagMethods
    let fileMethods: FileMethods
    let pythonPackages: PythonPackageMethods
    private let pythonIndex: PythonIndex
    private let cleanup: CleanupRunner
    private let access: RegistryAccess
    private let blobs: BlobRows
    private let files: BlobStore
    private let open: OpenUploads
    private let logger: Logger
    private let now: @Sendable () -> Date

    package init(
        store: MetadataStore,
        blobs files: BlobStore,
        projects: any ProjectDirectory,
        accounts: any RegistryAccounts,
        authorizer: any Authorizer,
        upstream: any UpstreamImages,
        fetcher: any RemoteFetcher,
        secrets: any UpstreamSecrets,
        system: RegistrySystemAccount,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        self.system = system
        self.files = files
        self.logger = logger
        self.now = now
        open = OpenUploads(now: now)
        blobs = BlobRows(store: store, now: now)
        access = RegistryAccess(
            accounts: accounts,
            authorizer: authorizer,
            projects: projects,
            upstream: upstream,
            system: system
        )
        let python = PythonStore(store: store)
        let manifests = ManifestStore(store: store, now: now)
        let formats = ArtifactFormats(
            docker: DockerFormat(manifests: manifests),
            python: PythonFormat(store: python)
        )
        let repositoryStore = RepositoryStore(store: store, now: now)
        let sources = RepositorySources(
            repositories: repositoryStore,
            projects: projects,
            fetcher: fetcher,
            secrets: secrets
        )
        let keeper = FetchedBlobs(rows: blobs, files: files)
        let pulls = Pulls(sources: sources, manifests: manifests, keeper: keeper, logger: logger)
        let blobMethods = BlobMethods(rows: blobs, files: files, pulls: pulls)
        registry = Registry(
            access: access,
            blobs: blobMethods,
            uploads: UploadMethods(open: open, rows: blobs, files: files),
            manifests: ManifestMethods(
                store: manifests,
                repositories: repositoryStore,
                upstream: upstream,
                pulls: pulls
            ),
            listings: ListingMethods(store: manifests, upstream: upstream, access: access, sources: sources),
            sources: sources
        )
        repositories = RepositoryMethods(
            store: repositoryStore,
            sources: sources,
            formats: formats,
            projects: projects,
            now: now,
            makeID: makeID
        )
        policyMethods = RepositoryPolicyMethods(
            store: repositoryStore,
            projects: projects,
            authorizer: authorizer,
            makeID: makeID
        )
        packages = PackageMethods(repositories: repositories, formats: formats, projects: projects)
        images = ImageMethods(packages: packages, manifests: manifests)
        tags = TagMethods(packages: packages, manifests: manifests)
        fileMethods = FileMethods(packages: packages, blobs: blobMethods)
        pythonPackages = PythonPackageMethods(packages: packages, store: python)
        pythonIndex = PythonIndex(
            repositories: repositoryStore,
            projects: projects,
            sources: sources,
            pulls: PythonPulls(sources: sources, store: python, keeper: keeper, logger: logger, now: now),
            authorizer: authorizer,
            uploads: PythonUploads(store: python, rows: blobs, files: files, now: now),
            blobs: blobMethods
        )
        cleanup = CleanupRunner(repositories: repositoryStore, formats: formats, logger: logger, now: now)
    }

    /// The policies on repositories, for the authorizer.
    package var policies: any PolicySource {
        RepositoryPolicies(store: repositories.store, projects: repositories.projects)
    }

    /// Removes what an earlier process wrote and no row names.
    package func recover() async throws {
        try await files.sweep { try await blobs.named(among: $0) }
    }

    /// Carries out cleanup policies, then removes what nothing names any more and nobody has
    /// touched for an hour: blobs, and uploads that were left.
    package func sweep() async throws {
        try await cleanup.run()
        let time = now().addingTimeInterval(-3600)
        for upload in await open.expire(untouchedSince: time) { await upload.discard() }
        let orphans = try await blobs.sweep(untouchedSince: time)
        try await files.remove(orphans)
        if !orphans.isEmpty { logger.info("registry: unused blobs removed", metadata: ["count": "\(orphans.count)"]) }
    }

    /// The registry protocol. It decides itself who may do what: the answer to a caller without credentials says where
    /// to get them.
    package func registryAPI() -> API {
        let table = MethodTable(authorizer: NobodyAsked())
        for path in ["/v2", "/v2/**"] {
            table.add("registry.pull", .get, path, requires: nil, registry.read)
            table.add("registry.exists", .head, path, requires: nil, registry.read)
            table.add("registry.push.begin", .post, path, requires: nil, registry.post)
            table.add("registry.push.append", .patch, path, requires: nil, registry.patch)
            table.add("registry.push.finish", .put, path, requires: nil, registry.put)
            table.add("registry.delete", .delete, path, requires: nil, registry.delete)
        }
        return API(
            name: "registry",
            hosts: ["gcr.io", "*.gcr.io", "*.pkg.dev"],
            paths: ["/v2/", "/v2"],
            errors: .registry,
            authenticator: access,
            table: table
        )
    }
}

extension ArtifactRegistry {
    /// Adds a file to a repository of Python packages, if an account may.
    ///
    /// - Returns: The file's name below the repository's address, and its SHA-256.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404), `invalid` (400).
    package func addPythonFile(
        _ fileName: String,
        _ content: some AsyncSequence<ByteBuffer, any Error>,
        to repository: String,
        location: String,
        project: String,
        as account: String
    ) async throws -> (name: String, sha256: Data) {
        try await pythonIndex.add(
            fileName,
            content,
            to: RegistryPlace(project: project, location: location, repository: repository, image: ""),
            as: account
        )
    }

    /// What pip and twine speak, at `REGION-python.pkg.dev`.
    package func pythonAPI(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        let root = "/{project}/{repository}"
        let (reading, writing) = (
            RegistryAccess.Permission.download.rawValue, RegistryAccess.Permission.upload.rawValue
        )
        for (verb, id) in [(HTTPRequest.Method.get, ""), (.head, ".exists")] {
            table.add("python.index\(id)", verb, "\(root)/simple", requires: reading, pythonIndex.packages)
            table.add("python.files\(id)", verb, "\(root)/simple/{package}", requires: reading, pythonIndex.files)
            table.add("python.download\(id)", verb, "\(root)/{package}/{file}", requires: reading, pythonIndex.download)
        }
        table.add("python.upload", .post, root, requires: writing, pythonIndex.upload)
        return API(
            name: "python",
            hosts: ["*\(PythonInput.hostSuffix)"],
            errors: .python,
            authenticator: access,
            table: table
        )
    }
}

/// The registry authorizes each call itself, once it knows which place it names.
private struct NobodyAsked: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {}
}
