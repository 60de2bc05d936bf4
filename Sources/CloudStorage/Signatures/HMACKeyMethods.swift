import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

private struct HMACKeyInput: MethodInput {
    var resource: ResourceName
    var project: String
    var accessID: String

    init(from call: Call) async throws {
        project = try call.parameter("project")
        resource = .project(project)
        accessID = (try? call.parameter("key")) ?? ""
    }
}

extension CloudStorage {
    func addHMACKeyMethods(to api: MethodTable) {
        let all = "/storage/v1/projects/{project}/hmacKeys"
        let one = all + "/{key}"
        let (id, may) = ("storage.projects.hmacKeys", "storage.hmacKeys")
        api.add("\(id).create", .post, all, requires: "\(may).create", createHMACKey)
        api.add("\(id).list", .get, all, requires: "\(may).list", listHMACKeys)
        api.add("\(id).get", .get, one, requires: "\(may).get") { (input: HMACKeyInput, caller) -> JSON in
            let project = try await projects.project(input.project).id
            return try await hmacKeys.get(input.accessID, project: project).render(origin: caller.origin)
        }
        api.add("\(id).update", .put, one, requires: "\(may).update") {
            (input: HMACKeyInput, call: Call) -> Response in
            let body: JSON = try await call.body()
            guard let text = body["state"]?.string, let state = HMACKey.State(rawValue: text), state != .deleted else {
                throw GoogleError.invalid("Invalid value for 'state': use ACTIVE or INACTIVE.")
            }
            let key = try await hmacKeys.setState(
                state,
                of: input.accessID,
                project: try await projects.project(input.project).id,
                etag: body["etag"]?.string,
                at: Micros(now())
            )
            return try JSONResponse.make(key.render(origin: call.caller.origin), for: call)
        }
        api.add("\(id).delete", .delete, one, requires: "\(may).delete") { (input: HMACKeyInput, _) -> Void in
            _ = try await hmacKeys.setState(
                .deleted,
                of: input.accessID,
                project: try await projects.project(input.project).id,
                etag: nil,
                at: Micros(now())
            )
        }
    }

    private func createHMACKey(_ input: HMACKeyInput, _ call: Call) async throws -> Response {
        guard let account = call.query("serviceAccountEmail") else { throw GoogleError.required("serviceAccountEmail") }
        guard try await accounts.hasAccount(account) else {
            throw GoogleError.notFound("Service account '\(account)' does not exist.")
        }
        let project = try await projects.project(input.project).id
        let key = try await hmacKeys.create(for: account, project: project, at: Micros(now()))
        return try JSONResponse.make(
            [
                "kind": "storage#hmacKey", "secret": .string(key.secret),
                "metadata": key.render(origin: call.caller.origin),
            ] as JSON,
            for: call
        )
    }

    private func listHMACKeys(_ input: HMACKeyInput, _ call: Call) async throws -> Response {
        let limit = min(try call.pageSize(), 250)
        let found = try await hmacKeys.list(
            project: try await projects.project(input.project).id,
            account: call.query("serviceAccountEmail"),
            showDeleted: call.flag("showDeletedKeys"),
            after: call.query("pageToken") ?? "",
            limit: limit + 1
        )
        var page: JSON = [
            "kind": "storage#hmacKeysMetadata",
            "items": .array(found.prefix(limit).map { $0.render(origin: call.caller.origin) }),
        ]
        if found.count > limit { page["nextPageToken"] = .string(found[limit - 1].accessID) }
        return try JSONResponse.make(page, for: call)
    }
}
