package import APIServer
package import BlobStore
package import Foundation
import GoogleAPI
import HTTPTypes
package import Logging
package import MetadataStore

/// Container Registry and Artifact Registry: one store of images behind `gcr.io`, `REGION-docker.pkg.dev` and plain `/v2/`.
package struct ArtifactRegistry: Sendable {
    /// What the daemon itself pushes with.
    package let system: RegistrySystemAccount
    private let registry: Registry
    private let repositories: RepositoryMethods
    private let packages: PackageMethods
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
        let manifests = ManifestStore(store: store, now: now)
        let repositoryStore = RepositoryStore(store: store, now: now)
        registry = Registry(
            access: access,
            blobs: BlobMethods(rows: blobs, files: files),
            uploads: UploadMethods(open: open, rows: blobs, files: files),
            manifests: ManifestMethods(store: manifests, repositories: repositoryStore, upstream: upstream),
            listings: ListingMethods(store: manifests, upstream: upstream, access: access)
        )
        repositories = RepositoryMethods(
            store: repositoryStore,
            manifests: manifests,
            projects: projects,
            now: now,
            makeID: makeID
        )
        packages = PackageMethods(repositories: repositories, manifests: manifests, projects: projects)
    }

    /// Removes what an earlier process wrote and no row names.
    package func recover() async throws {
        try await files.sweep { try await blobs.named(among: $0) }
    }

    /// Removes what nothing names any more and nobody has touched for an hour: blobs, and uploads that were left.
    package func sweep() async throws {
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

    /// The [Artifact Registry API](https://docs.cloud.google.com/artifact-registry/docs/reference/rest).
    package func api(authorizer: any Authorizer) -> API {
        let api = MethodTable(authorizer: authorizer)
        let root = "/v1/projects/{project}/locations"
        let one = "\(root)/{location}/repositories/{repository}"
        func id(_ name: String) -> String { "artifactregistry.projects.locations.\(name)" }
        func may(_ verb: String) -> String { "artifactregistry.\(verb)" }

        api.add(id("list"), .get, root, requires: may("locations.list"), repositories.locations)
        api.add(id("get"), .get, "\(root)/{location}", requires: may("locations.get"), repositories.location)
        api.add(
            id("operations.get"),
            .get,
            "\(root)/{location}/operations/{operation}",
            requires: may("repositories.get"),
            repositories.operation
        )

        let all = "\(root)/{location}/repositories"
        api.add(id("repositories.create"), .post, all, requires: may("repositories.create"), repositories.create)
        api.add(id("repositories.list"), .get, all, requires: may("repositories.list"), repositories.list)
        api.add(id("repositories.get"), .get, one, requires: may("repositories.get"), repositories.get)
        api.add(id("repositories.patch"), .patch, one, requires: may("repositories.update"), repositories.patch)
        api.add(id("repositories.delete"), .delete, one, requires: may("repositories.delete"), repositories.delete)

        let images = "\(one)/dockerImages"
        api.add(
            id("repositories.dockerImages.list"),
            .get,
            images,
            requires: may("dockerimages.list"),
            packages.listImages
        )
        api.add(
            id("repositories.dockerImages.get"),
            .get,
            "\(images)/{image}",
            requires: may("dockerimages.get"),
            packages.getImage
        )

        let package = "\(one)/packages/{package}"
        api.add(
            id("repositories.packages.list"),
            .get,
            "\(one)/packages",
            requires: may("packages.list"),
            packages.listPackages
        )
        api.add(id("repositories.packages.get"), .get, package, requires: may("packages.get"), packages.getPackage)
        api.add(
            id("repositories.packages.delete"),
            .delete,
            package,
            requires: may("packages.delete"),
            packages.deletePackage
        )

        let versions = "\(package)/versions"
        let version = "\(versions)/{version}"
        api.add(
            id("repositories.packages.versions.list"),
            .get,
            versions,
            requires: may("versions.list"),
            packages.listVersions
        )
        api.add(
            id("repositories.packages.versions.get"),
            .get,
            version,
            requires: may("versions.get"),
            packages.getVersion
        )
        api.add(
            id("repositories.packages.versions.delete"),
            .delete,
            version,
            requires: may("versions.delete"),
            packages.deleteVersion
        )

        let tags = "\(package)/tags"
        let tag = "\(tags)/{tag}"
        api.add(id("repositories.packages.tags.list"), .get, tags, requires: may("tags.list"), packages.listTags)
        api.add(id("repositories.packages.tags.get"), .get, tag, requires: may("tags.get"), packages.getTag)
        api.add(id("repositories.packages.tags.create"), .post, tags, requires: may("tags.create"), packages.putTag)
        api.add(id("repositories.packages.tags.patch"), .patch, tag, requires: may("tags.update"), packages.putTag)
        api.add(id("repositories.packages.tags.delete"), .delete, tag, requires: may("tags.delete"), packages.deleteTag)

        api.lacks(id("repositories.getIamPolicy"), .get, "\(one):getIamPolicy")
        api.lacks(id("repositories.setIamPolicy"), .post, "\(one):setIamPolicy")
        api.lacks(id("repositories.testIamPermissions"), .post, "\(one):testIamPermissions")
        api.lacks(id("repositories.packages.patch"), .patch, package)
        api.lacks(id("repositories.packages.versions.batchDelete"), .post, "\(versions):batchDelete")
        api.lacks(id("repositories.packages.versions.patch"), .patch, version)
        api.lacks(id("repositories.files.list"), .get, "\(one)/files")
        api.lacks(id("repositories.files.get"), .get, "\(one)/files/{file}")
        api.lacks(id("repositories.files.delete"), .delete, "\(one)/files/{file}")
        api.lacks(id("repositories.rules.list"), .get, "\(one)/rules")
        api.lacks(id("repositories.attachments.list"), .get, "\(one)/attachments")
        api.lacks(id("repositories.pythonPackages.list"), .get, "\(one)/pythonPackages")
        api.lacks(id("repositories.npmPackages.list"), .get, "\(one)/npmPackages")
        api.lacks(id("repositories.mavenArtifacts.list"), .get, "\(one)/mavenArtifacts")
        api.lacks(id("getVpcscConfig"), .get, "\(root)/{location}/vpcscConfig")
        api.lacks("artifactregistry.projects.getProjectSettings", .get, "/v1/projects/{project}/projectSettings")

        return API(
            name: "artifactregistry",
            hosts: ["artifactregistry.googleapis.com"],
            prefix: "/artifactregistry",
            aliases: ["/v1beta2/": "/v1/", "/v1beta1/": "/v1/"],
            table: api
        )
    }
}

/// The registry authorizes each call itself, once it knows which place it names.
private struct NobodyAsked: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {}
}
