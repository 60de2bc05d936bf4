import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A project and a location.
struct LocationInput: MethodInput {
    var project: String
    var location: String
    var call: Call
    var resource: ResourceName { ResourceName(["projects", project, "locations", location]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = call.context.parameters.get("location") == nil ? "-" : try call.parameter("location")
        self.call = call
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

/// Something in a repository; packages, versions and tags are nil where the path does not name them.
struct RepositoryInput: MethodInput {
    var project: String
    var location: String
    var repository: String
    var package: String?
    var version: String?
    var tag: String?
    var image: String?
    var body: JSON
    var filter: String?
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
        // Clients encode the slash of a nested image name once or twice.
        package = try optional("package").map { $0.removingPercentEncoding ?? $0 }
        version = try optional("version")
        tag = try optional("tag")
        image = try optional("image").map { $0.removingPercentEncoding ?? $0 }
        filter = call.query("filter")
        tagID = call.query("tagId") ?? call.query("tag_id")
        updateMask = (call.query("updateMask") ?? "").split(separator: ",").map(String.init)
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
