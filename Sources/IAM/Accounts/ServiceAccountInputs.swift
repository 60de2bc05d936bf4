import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

struct ProjectInput: MethodInput {
    var resource: ResourceName
    var pageSize: Int
    var pageToken: String

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        pageSize = min(max(call.query("pageSize").flatMap { Int($0) } ?? 20, 1), 100)
        pageToken = call.query("pageToken") ?? ""
    }
}

struct CreateServiceAccountInput: MethodInput {
    struct Body: Decodable, Sendable {
        struct Fields: Decodable, Sendable {
            var displayName: String?
            var description: String?
        }
        var accountId: String
        var serviceAccount: Fields?
    }

    var resource: ResourceName
    var body: Body

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        body = try await call.body()
        guard ServiceAccount.isValid(accountID: body.accountId) else {
            throw GoogleError.badAccountID(body.accountId)
        }
    }
}

/// Any method that names an account; the project may be `-`, the account its address or its unique ID.
struct ServiceAccountInput: MethodInput {
    var resource: ResourceName
    var body: JSON

    init(from call: Call) async throws {
        resource = ResourceName([
            "projects", try call.parameter("project"), "serviceAccounts", try call.parameter("account"),
        ])
        body = call.request.method == .get || call.request.method == .delete ? [:] : try await call.body()
    }
}
