import APIServer
import Foundation
import GoogleAPI

/// `projects.locations.connections` and their repositories, of the Cloud Build API v2.
///
/// A connection needs no authorization by a browser: it is complete when it is made.
struct ConnectionMethods: Sendable {
    let store: ConnectionStore
    let repositories: RepositorySources
    let projects: any ProjectDirectory
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    // MARK: Connections

    func create(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        try Self.check(input.newID)
        try Self.checkKind(input.body)
        var connection = Connection(
            project: project,
            location: input.location,
            id: input.newID,
            createTime: now(),
            document: input.body,
            webhookKey: makeID(),
            webhookSecret: makeID() + makeID()
        )
        complete(&connection, at: connection.createTime)
        try await store.insert(connection)
        return operation("create", connection.name, in: project, input.location, connection.document)
    }

    private func complete(_ connection: inout Connection, at time: Date) {
        connection.document["name"] = .string(connection.name)
        connection.document["createTime"] = .string(Timestamp.text(connection.createTime))
        connection.document["updateTime"] = .string(Timestamp.text(time))
        connection.document["installationState"] = ["stage": "COMPLETE"]
        connection.document["reconciling"] = nil
        connection.document["etag"] = .string(String(UInt64(time.timeIntervalSince1970 * 1e6), radix: 36))
    }

    private static let kinds = [
        "githubConfig", "githubEnterpriseConfig", "gitlabConfig", "bitbucketDataCenterConfig", "bitbucketCloudConfig",
    ]

    private static func checkKind(_ body: JSON) throws {
        guard kinds.filter({ body[$0] != nil }).count == 1 else {
            throw GoogleError.invalidBuild("connection must have exactly one of \(kinds.joined(separator: ", "))")
        }
        guard body["githubConfig"] != nil || body["githubEnterpriseConfig"] != nil else {
            throw GoogleError.buildLacks("connections to GitLab and Bitbucket: use 'githubConfig'")
        }
    }

    private static func check(_ id: String) throws {
        guard id.utf8.count <= 63, id.wholeMatch(of: /[a-zA-Z0-9]([a-zA-Z0-9_.\-]*[a-zA-Z0-9])?/) != nil else {
            throw GoogleError.invalidBuild(
                "the ID \"\(id)\" must have 1 to 63 letters, digits, '-', '_' or '.', and begin and end with a letter or "
                    + "digit"
            )
        }
    }

    func get(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON { try await find(input).document }

    func list(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let found = try await store.list(
            project: project.id,
            location: input.location,
            after: input.pageToken,
            limit: input.pageSize + 1
        )
        let page = found.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["connections": .array(page.map(\.document))]
        if found.count > page.count { answer["nextPageToken"] = .string(last.name) }
        return answer
    }

    func patch(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        var connection = try await find(input)
        for path in input.updateMask ?? Array(input.body.object?.keys ?? [:].keys) {
            let names = path.split(separator: ".").map { TriggerMethods.camel(String($0)) }
            connection.document.set(names[...], to: input.body.value(at: names[...]))
        }
        try Self.checkKind(connection.document)
        complete(&connection, at: now())
        try await store.update(connection)
        return operation("update", connection.name, in: connection.project, input.location, connection.document)
    }

    func delete(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let connection = try await find(input)
        try await store.delete(connection.name)
        return operation("delete", connection.name, in: connection.project, input.location, nil)
    }

    /// Where GitHub is to send its events, and with which secret it is to sign them.
    func webhook(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let connection = try await find(input)
        let place = "projects/\(connection.project.id)/locations/\(connection.location)"
        return [
            "path": .string("/cloudbuild/v2/\(place)/connections:processWebhook?webhookKey=\(connection.webhookKey)"),
            "secret": .string(connection.webhookSecret),
        ]
    }

    // MARK: Repositories

    func createRepository(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let connection = try await find(input)
        let repository = try make(input.newID, input.body, of: connection)
        try await store.insert([repository])
        return operation("create", repository.name, in: connection.project, input.location, repository.document)
    }

    func batchCreate(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let connection = try await find(input)
        let made = try (input.body["requests"]?.array ?? []).map { request in
            try make(request["repositoryId"]?.string ?? "", request["repository"] ?? [:], of: connection)
        }
        guard !made.isEmpty else { throw GoogleError.invalidBuild("requests must name at least one repository") }
        try await store.insert(made)
        var answer = operation("create", connection.name, in: connection.project, input.location, nil)
        answer["response"] = [
            "@type": "type.googleapis.com/google.devtools.cloudbuild.v2.BatchCreateRepositoriesResponse",
            "repositories": .array(made.map(\.document)),
        ]
        return answer
    }

    private func make(_ id: String, _ body: JSON, of connection: Connection) throws -> ConnectedRepository {
        try Self.check(id)
        let remote = body["remoteUri"]?.string ?? ""
        guard let source = Trigger.source(at: remote, in: connection.project.id), source.repositoryName != "" else {
            throw GoogleError.invalidBuild("remote_uri \"\(remote)\" is no https: address of a git repository")
        }
        return ConnectedRepository(connection: connection.name, id: id, remote: remote, createTime: now())
    }

    func getRepository(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        try await findRepository(input).document
    }

    func listRepositories(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let all = try await store.repositories(of: try await find(input).name).filter { $0.id > input.pageToken }
        let page = all.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["repositories": .array(page.map(\.document))]
        if all.count > page.count { answer["nextPageToken"] = .string(last.id) }
        return answer
    }

    func deleteRepository(_ input: ConnectionInput, _ caller: Caller) async throws -> JSON {
        let repository = try await findRepository(input)
        try await store.deleteRepository(repository.name)
        let project = try await projects.project(input.project)
        return operation("delete", repository.name, in: project, input.location, nil)
    }

    // MARK: Finding

    private func find(_ input: ConnectionInput) async throws -> Connection {
        let project = try await projects.project(input.project)
        let name = "projects/\(project.id)/locations/\(input.location)/connections/\(input.connection)"
        guard let connection = try await store.find(name) else { throw GoogleError.connectionNotFound(name) }
        return connection
    }

    private func findRepository(_ input: ConnectionInput) async throws -> ConnectedRepository {
        let name = "\(try await find(input).name)/repositories/\(input.repository)"
        guard let repository = try await store.repository(name) else { throw GoogleError.connectionNotFound(name) }
        return repository
    }

    // MARK: Operations

    /// An operation that is done: its name says all that a later question needs.
    private func operation(
        _ verb: String,
        _ target: String,
        in project: ProjectIdentity,
        _ location: String,
        _ result: JSON?
    ) -> JSON {
        let id = Data("\(verb) \(target)".utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let isRepository = target.contains("/repositories/")
        let type = isRepository ? "Repository" : "Connection"
        var response = result ?? [:]
        response["@type"] =
            result == nil
            ? "type.googleapis.com/google.protobuf.Empty"
            : .string("type.googleapis.com/google.devtools.cloudbuild.v2.\(type)")
        return [
            "name": .string("projects/\(project.id)/locations/\(location)/operations/\(id)"),
            "done": true,
            "metadata": [
                "@type": "type.googleapis.com/google.devtools.cloudbuild.v2.OperationMetadata",
                "target": .string(target), "verb": .string(verb), "apiVersion": "v2",
            ],
            "response": response,
        ]
    }

    func operation(_ input: LocationOperationInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        var text = input.operation.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        let words = Data(base64Encoded: text).map { String(decoding: $0, as: UTF8.self) }?.split(separator: " ") ?? []
        guard words.count == 2, words[1].hasPrefix("projects/\(project.id)/") else {
            throw GoogleError.connectionNotFound(input.operation)
        }
        let (verb, target) = (String(words[0]), String(words[1]))
        var result: JSON?
        if verb != "delete" {
            result = try await store.find(target)?.document
            if result == nil { result = try await store.repository(target)?.document }
        }
        return operation(verb, target, in: project, input.location, result)
    }
}
