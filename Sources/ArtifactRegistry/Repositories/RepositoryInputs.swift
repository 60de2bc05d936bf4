import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A project and a location.
struct LocationInput: MethodInput {
    var project: String
    var location: String
    var list: ListRequest
    var resource: ResourceName { ResourceName(["projects", project, "locations", location]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = call.context.parameters.get("location") == nil ? "-" : try call.parameter("location")
        list = try ListRequest(call)
    }
}

struct CreateRepositoryInput: MethodInput {
    var project: String
    var location: String
    var repositoryID: String
    var document: JSON
    var resource: ResourceName { ResourceName(["projects", project, "locations", location]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        document = try await call.body()
        guard let id = call.query("repositoryId") ?? call.query("repository_id") else {
            throw GoogleError.repositoryInvalid("The query parameter repositoryId is missing.")
        }
        repositoryID = id
    }
}

/// Something in a repository; what the path does not name is nil.
struct RepositoryInput: MethodInput {
    var project: String
    var location: String
    var repository: String
    var package: String?
    var version: String?
    var tag: String?
    var image: String?
    var file: String?
    var body: JSON
    var list: ListRequest
    var tagID: String?
    var updateMask: [String]
    /// Whether the tags of a version go with it.
    var force: Bool
    var resource: ResourceName {
        ResourceName(["projects", project, "locations", location, "repositories", repository])
    }

    init(from call: Call) async throws {
        func optional(_ name: String) throws -> String? {
            call.context.parameters.get(name) == nil ? nil : try call.parameter(name)
        }
        force = call.flag("force")
        project = try call.parameter("project")
        location = try call.parameter("location")
        repository = try call.parameter("repository")
        package = try optional("package").map(ArtifactID.decoded)
        version = try optional("version").map(ArtifactID.decoded)
        tag = try optional("tag")
        image = try optional("image").map(ArtifactID.decoded)
        file = try optional("file").map(ArtifactID.decoded)
        list = try ListRequest(call)
        tagID = call.query("tagId") ?? call.query("tag_id")
        updateMask = UpdateMask.fields(call.query("updateMask"))
        body = [.post, .patch].contains(call.request.method) ? try await call.body() : [:]
    }

    func place(project id: String) -> RegistryPlace {
        RegistryPlace(project: id, location: location, repository: repository, image: package ?? "")
    }
}

struct OperationInput: MethodInput {
    var project: String
    var location: String
    var operation: String
    var resource: ResourceName { ResourceName(["projects", project, "locations", location]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        operation = try call.parameter("operation")
    }
}
