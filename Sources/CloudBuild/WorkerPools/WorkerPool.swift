import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A private pool: its row. Its builds run on machines of its own size.
struct WorkerPool: Sendable, Equatable {
    var project: ProjectIdentity
    var location: String
    var id: String
    var document: JSON

    /// Pools are named by their project's ID, as clients write it.
    var name: String { "projects/\(project.id)/locations/\(location)/workerPools/\(id)" }

    /// The machine of its workers; nil: Cloud Build's usual one.
    var machineType: String? {
        document["privatePoolV1Config"]?["workerConfig"]?["machineType"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A location, or a pool in it.
struct WorkerPoolInput: MethodInput {
    var project: String
    var location: String
    /// Empty for methods of all pools.
    var pool: String
    var newID: String
    var body: JSON
    var updateMask: [String]
    var isValidation: Bool
    var mayBeMissing: Bool
    var pageSize: Int
    var pageToken: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        pool = try call.optionalParameter("pool") ?? ""
        newID = call.query("workerPoolId") ?? ""
        body = [.post, .patch].contains(call.request.method) ? try await call.body() : [:]
        updateMask = (call.query("updateMask") ?? "").split(separator: ",").map(String.init)
        isValidation = call.flag("validateOnly")
        mayBeMissing = call.flag("allowMissing")
        pageSize = try call.pageSize()
        pageToken = call.query("pageToken") ?? ""
    }
}
