import APIServer
import Foundation
import GoogleAPI
import Hummingbird

/// A project and a location, and what to make or list there.
struct TriggersInput: MethodInput {
    var project: String
    var location: String
    var body: JSON
    var pageSize: Int
    var pageToken: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.optionalParameter("location") ?? "global"
        body = call.request.method == .post ? try await call.body() : [:]
        pageSize = try call.pageSize()
        pageToken = call.query("pageToken") ?? ""
    }
}

/// One trigger, and what to do with it.
struct TriggerInput: MethodInput {
    var project: String
    var location: String
    /// Its ID or its name.
    var trigger: String
    var body: JSON
    /// The fields that a change names; nil: all of them.
    var updateMask: [String]?
    var secret: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.optionalParameter("location") ?? "global"
        trigger = try call.parameter("trigger")
        let method = call.request.method
        body = method == .post || method == .patch ? try await call.body() : [:]
        let mask = call.query("updateMask") ?? ""
        updateMask = mask.isEmpty ? nil : mask.split(separator: ",").map(String.init)
        secret = call.query("secret") ?? ""
    }
}
