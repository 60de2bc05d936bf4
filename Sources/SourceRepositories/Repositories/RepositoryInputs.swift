import APIServer
import GoogleAPI
import Hummingbird

/// A project, and what to make or list in it.
struct RepositoriesInput: MethodInput {
    var project: String
    var body: JSON
    var pageSize: Int
    var pageToken: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        body = call.request.method == .post ? try await call.body() : [:]
        let size = call.query("pageSize").flatMap { Int($0) } ?? 0
        guard size >= 0 else { throw GoogleError.invalid("pageSize must not be negative.", reason: "INVALID_ARGUMENT") }
        pageSize = size == 0 ? 100 : min(size, 500)
        pageToken = call.query("pageToken") ?? ""
    }
}

/// One repository, and what to do with it.
struct RepositoryInput: MethodInput {
    var project: String
    var repo: String
    var body: JSON
    var resource: ResourceName { ResourceName(["projects", project, "repos", repo]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        repo = try call.parameter("repo")
        body = call.request.method == .post ? try await call.body() : [:]
    }
}
