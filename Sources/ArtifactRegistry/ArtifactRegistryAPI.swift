package import APIServer
import GoogleAPI
import HTTPTypes

extension ArtifactRegistry {
    private static let root = "/v1/projects/{project}/locations"
    private static let all = "\(root)/{location}/repositories"
    private static let one = "\(all)/{repository}"

    private static func id(_ name: String) -> String { "artifactregistry.projects.locations.\(name)" }
    private static func may(_ verb: String) -> String { "artifactregistry.\(verb)" }

    /// The [Artifact Registry API](https://docs.cloud.google.com/artifact-registry/docs/reference/rest).
    package func api(authorizer: any Authorizer) -> API {
        let api = MethodTable(authorizer: authorizer)
        addRepositories(to: api)
        addPackages(to: api)
        addFilesAndImages(to: api)
        addWhatIsLacking(to: api)
        return API(
            name: "artifactregistry",
            hosts: ["artifactregistry.googleapis.com"],
            prefix: "/artifactregistry",
            aliases: ["/v1beta2/": "/v1/", "/v1beta1/": "/v1/"],
            table: api
        )
    }

    private func addRepositories(to api: MethodTable) {
        func id(_ name: String) -> String { Self.id(name) }
        func may(_ verb: String) -> String { Self.may("repositories.\(verb)") }
        let (root, all, one) = (Self.root, Self.all, Self.one)
        let operation = "\(root)/{location}/operations/{operation}"

        api.add(id("list"), .get, root, requires: Self.may("locations.list"), repositories.locations)
        api.add(id("get"), .get, "\(root)/{location}", requires: Self.may("locations.get"), repositories.location)
        api.add(id("operations.get"), .get, operation, requires: may("get"), repositories.operation)

        api.add(id("repositories.create"), .post, all, requires: may("create"), repositories.create)
        api.add(id("repositories.list"), .get, all, requires: may("list"), repositories.list)
        api.add(id("repositories.get"), .get, one, requires: may("get"), repositories.get)
        api.add(id("repositories.patch"), .patch, one, requires: may("update"), repositories.patch)
        api.add(id("repositories.delete"), .delete, one, requires: may("delete"), repositories.delete)

        let policy = "repositories.getIamPolicy"
        api.add(id(policy), .get, "\(one):getIamPolicy", requires: Self.may(policy), policyMethods.get)
        let setting = "repositories.setIamPolicy"
        api.add(id(setting), .post, "\(one):setIamPolicy", requires: Self.may(setting), policyMethods.set)
        let test = "repositories.testIamPermissions"
        api.add(id(test), .post, "\(one):testIamPermissions", requires: nil, policyMethods.test)
    }

    private func addPackages(to api: MethodTable) {
        func id(_ name: String) -> String { Self.id("repositories.packages\(name)") }
        func may(_ verb: String) -> String { Self.may(verb) }

        let all = "\(Self.one)/packages"
        let package = "\(all)/{package}"
        api.add(id(".list"), .get, all, requires: may("packages.list"), packages.listPackages)
        api.add(id(".get"), .get, package, requires: may("packages.get"), packages.getPackage)
        api.add(id(".delete"), .delete, package, requires: may("packages.delete"), packages.deletePackage)

        let versions = "\(package)/versions"
        let version = "\(versions)/{version}"
        let deletion = "\(versions):batchDelete"
        api.add(id(".versions.list"), .get, versions, requires: may("versions.list"), packages.listVersions)
        api.add(id(".versions.get"), .get, version, requires: may("versions.get"), packages.getVersion)
        api.add(id(".versions.delete"), .delete, version, requires: may("versions.delete"), packages.deleteVersion)
        api.add(
            id(".versions.batchDelete"),
            .post,
            deletion,
            requires: may("versions.delete"),
            packages.deleteVersions
        )

        let allTags = "\(package)/tags"
        let tag = "\(allTags)/{tag}"
        api.add(id(".tags.list"), .get, allTags, requires: may("tags.list"), tags.list)
        api.add(id(".tags.get"), .get, tag, requires: may("tags.get"), tags.get)
        api.add(id(".tags.create"), .post, allTags, requires: may("tags.create"), tags.put)
        api.add(id(".tags.patch"), .patch, tag, requires: may("tags.update"), tags.put)
        api.add(id(".tags.delete"), .delete, tag, requires: may("tags.delete"), tags.delete)
    }

    private func addFilesAndImages(to api: MethodTable) {
        func id(_ name: String) -> String { Self.id("repositories.\(name)") }
        func may(_ verb: String) -> String { Self.may(verb) }

        let dockerImages = "\(Self.one)/dockerImages"
        let image = "\(dockerImages)/{image}"
        api.add(id("dockerImages.list"), .get, dockerImages, requires: may("dockerimages.list"), images.list)
        api.add(id("dockerImages.get"), .get, image, requires: may("dockerimages.get"), images.get)

        let python = "\(Self.one)/pythonPackages"
        let release = "\(python)/{package}"
        api.add(id("pythonPackages.list"), .get, python, requires: may("pythonpackages.list"), pythonPackages.list)
        api.add(id("pythonPackages.get"), .get, release, requires: may("pythonpackages.get"), pythonPackages.get)

        let files = "\(Self.one)/files"
        let file = "\(files)/{file}"
        api.add(id("files.list"), .get, files, requires: may("files.list"), fileMethods.list)
        api.add(id("files.get"), .get, file, requires: may("files.get"), fileMethods.get)
        api.add(id("files.delete"), .delete, file, requires: may("files.delete"), fileMethods.delete)
        api.add(id("files.download"), .get, "\(file):download", requires: may("files.download"), fileMethods.download)
    }

    private func addWhatIsLacking(to api: MethodTable) {
        func id(_ name: String) -> String { Self.id("repositories.\(name)") }
        let one = Self.one
        let package = "\(one)/packages/{package}"
        api.lacks(id("packages.patch"), .patch, package)
        api.lacks(id("packages.versions.patch"), .patch, "\(package)/versions/{version}")
        api.lacks(id("files.patch"), .patch, "\(one)/files/{file}")
        api.lacks(id("rules.list"), .get, "\(one)/rules")
        api.lacks(id("attachments.list"), .get, "\(one)/attachments")
        api.lacks(id("npmPackages.list"), .get, "\(one)/npmPackages")
        api.lacks(id("mavenArtifacts.list"), .get, "\(one)/mavenArtifacts")
        api.lacks(Self.id("getVpcscConfig"), .get, "\(Self.root)/{location}/vpcscConfig")
        api.lacks("artifactregistry.projects.getProjectSettings", .get, "/v1/projects/{project}/projectSettings")
    }
}
