import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A location, or something in it: a connection, a repository of one.
struct ConnectionInput: MethodInput {
    var project: String
    var location: String
    /// Empty for methods of all connections.
    var connection: String
    /// Empty for methods of all repositories.
    var repository: String
    /// What a new resource is to be called.
    var newID: String
    var body: JSON
    var updateMask: [String]?
    var pageSize: Int
    var pageToken: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        connection = try call.optionalParameter("connection") ?? ""
        repository = try call.optionalParameter("repository") ?? ""
        newID = call.query("connectionId") ?? call.query("repositoryId") ?? ""
        let method = call.request.method
        body = method == .post || method == .patch ? try await call.body() : [:]
        let mask = call.query("updateMask") ?? ""
        updateMask = mask.isEmpty ? nil : mask.split(separator: ",").map(String.init)
        pageSize = try call.pageSize()
        pageToken = call.query("pageToken") ?? ""
    }
}

/// The operation of a change of connections or pools, done when it was answered, or of a build.
struct LocationOperationInput: MethodInput {
    var project: String
    var location: String
    var operation: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        operation = try call.parameter("operation")
    }
}

/// A call of GitHub's, as it came: its signature is of the bytes.
struct WebhookInput: MethodInput {
    var key: String
    var event: String
    var delivery: String
    var signature: String
    var body: Data
    var resource: ResourceName { ResourceName([]) }

    /// GitHub sends at most 25 MB.
    private static let maximumBytes = 25 << 20

    init(from call: Call) async throws {
        func header(_ name: String) -> String { HTTPField.Name(name).flatMap { call.headers[$0] } ?? "" }
        key = call.query("webhookKey") ?? ""
        event = header("X-GitHub-Event")
        delivery = header("X-GitHub-Delivery")
        signature = header("X-Hub-Signature-256")
        body = try await call.bytes(upTo: Self.maximumBytes)
    }
}
