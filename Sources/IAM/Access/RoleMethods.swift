import APIServer
import GoogleAPI

/// The rules of `roles`: the predefined ones; Brume has no custom roles.
struct RoleMethods: Sendable {
    struct ListInput: MethodInput {
        var resource = ResourceName([])
        var pageSize: Int
        var pageToken: String

        init(from call: Call) async throws {
            pageSize = min(max(call.query("pageSize").flatMap { Int($0) } ?? 300, 1), 1000)
            pageToken = call.query("pageToken") ?? ""
        }
    }

    struct GetInput: MethodInput {
        var resource: ResourceName

        init(from call: Call) async throws {
            resource = ResourceName(["roles", try call.parameter("role")])
        }
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let roles = Role.all.sorted { $0.name < $1.name }.drop { $0.name <= input.pageToken }
        var document: JSON = ["roles": .array(roles.prefix(input.pageSize).map(Self.document))]
        if roles.count > input.pageSize, let last = roles.prefix(input.pageSize).last {
            document["nextPageToken"] = .string(last.name)
        }
        return document
    }

    func get(_ input: GetInput, as caller: Caller) async throws -> JSON {
        guard let role = Role.named(input.resource.description) else {
            throw GoogleError.roleMissing(input.resource.description)
        }
        return Self.document(role)
    }

    private static func document(_ role: Role) -> JSON {
        [
            "name": .string(role.name), "title": .string(role.title), "description": .string(role.description),
            "stage": "GA", "etag": "AA==",
            "includedPermissions": .array(role.patterns.map(JSON.string)),
        ]
    }
}
