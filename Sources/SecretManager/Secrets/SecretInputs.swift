import APIServer
import GoogleAPI
import Hummingbird

/// A project, and what to make or list in it.
struct SecretsInput: MethodInput {
    var project: String
    var secretID: String
    var body: JSON
    var filter: String?
    var page: Page
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        secretID = call.query("secretId") ?? ""
        body = call.request.method == .post ? try await call.body() : [:]
        filter = call.query("filter").flatMap { $0.isEmpty ? nil : $0 }
        page = try Page(call)
    }
}

/// One secret, and what to do with it.
struct SecretInput: MethodInput {
    var project: String
    var secret: String
    var body: JSON
    var updateMask: [String]
    var etag: String?
    var resource: ResourceName { ResourceName(["projects", project, "secrets", secret]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        secret = try call.parameter("secret")
        body = [.post, .patch].contains(call.request.method) ? try await call.body() : [:]
        updateMask = (call.query("updateMask") ?? "").split(separator: ",").map(String.init)
        etag = call.query("etag") ?? body["etag"]?.string
    }
}

/// How much of a list is asked for.
struct Page: Sendable {
    var size: Int
    /// What the list goes on after; empty: its begin.
    var token: String

    init(_ call: Call) throws {
        let asked = call.query("pageSize").map { Int($0) ?? -1 } ?? 0
        guard asked >= 0 else { throw GoogleError.invalidSecret("page_size must be a number that is not negative.") }
        size = asked == 0 ? 250 : min(asked, 25_000)
        token = call.query("pageToken") ?? ""
    }
}
