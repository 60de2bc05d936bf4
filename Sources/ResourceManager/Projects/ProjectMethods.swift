import APIServer
import Foundation
import GoogleAPI

/// The rules of projects.
struct ProjectMethods: Sendable {
    let store: ProjectStore
    let access: any ProjectAccess
    /// nil only while the cloud makes its first project.
    let authorizer: (any Authorizer)?
    /// Called with a project's ID before a change of its policy is answered.
    let onPolicyChange: @Sendable (String) async throws -> Void
    let now: @Sendable () -> Date
    let makeNumber: @Sendable () -> Int64

    // MARK: Create

    func create(_ input: CreateProjectInput, as caller: Caller) async throws -> JSON {
        let project = try await make(input, caller)
        return try Self.operation(project, response: project.v1())
    }

    func createV3(_ input: CreateProjectInput, as caller: Caller) async throws -> JSON {
        let project = try await make(input, caller)
        return Self.operation(project, response: project.v3)
    }

    private func make(_ input: CreateProjectInput, _ caller: Caller) async throws -> Project {
        guard let owner = caller.email else { throw GoogleError.signInFirst }
        return try await create(
            id: input.id,
            name: input.body.name ?? input.body.displayName ?? input.id,
            labels: input.body.labels,
            parent: input.body.parent,
            owner: owner
        )
    }

    func create(
        id: String,
        name: String,
        labels: [String: String]?,
        parent: JSON?,
        owner: String
    ) async throws -> Project {
        var number = makeNumber()
        while try await store.find(String(number)) != nil { number = makeNumber() }
        let project = Project(id: id, number: number, name: name, labels: labels, parent: parent, at: now())
        let identity = ProjectIdentity(id: id, number: number)
        try await store.insert(project) { [access] db in try access.found(identity, owner: owner, in: db) }
        return project
    }

    /// Projects are made at once, so their operations are done from the start.
    private static func operation(_ project: Project, response: JSON) -> JSON {
        ["name": .string("operations/cp.\(project.projectNumber)"), "done": true, "response": response]
    }

    func operation(_ input: OperationInput, as caller: Caller) async throws -> JSON {
        let number = input.name.hasPrefix("cp.") ? String(input.name.dropFirst(3)) : ""
        guard caller.email != nil else { throw GoogleError.signInFirst }
        guard Int64(number) != nil, let project = try await store.find(number),
            try await may("resourcemanager.projects.get", project, caller)
        else { throw GoogleError.operationMissing(input.name) }
        return try Self.operation(project, response: project.v1())
    }

    // MARK: Read

    func get(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON { try await find(input).v1() }

    func getV3(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON { try await find(input).v3 }

    func list(_ input: ListProjectsInput, as caller: Caller) async throws -> JSON {
        try await list(input, caller) { try $0.v1() }
    }

    func listV3(_ input: ListProjectsInput, as caller: Caller) async throws -> JSON {
        try await list(input, caller) { $0.v3 }
    }

    private func list(
        _ input: ListProjectsInput,
        _ caller: Caller,
        _ render: (Project) throws -> JSON
    ) async throws -> JSON {
        guard caller.email != nil else { throw GoogleError.signInFirst }
        var page: [Project] = []
        for project in try await store.all(after: input.pageToken) where input.filter.matches(project) {
            guard try await may("resourcemanager.projects.get", project, caller) else { continue }
            page.append(project)
            if page.count > input.pageSize { break }
        }
        var document: JSON = [:]
        if page.count > input.pageSize {
            page.removeLast()
            document["nextPageToken"] = page.last.map { .string($0.projectId) }
        }
        if !page.isEmpty { document["projects"] = .array(try page.map(render)) }
        return document
    }

    func ancestry(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        ["ancestor": [["resourceId": ["type": "project", "id": .string(try await find(input).projectId)]]]]
    }

    func nothing(_ input: NothingInput, as caller: Caller) async throws -> JSON {
        guard caller.email != nil else { throw GoogleError.signInFirst }
        return [:]
    }

    // MARK: Change

    func update(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON { try await change(input).v1() }

    func patchV3(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        let project = try await change(input)
        return Self.operation(project, response: project.v3)
    }

    private func change(_ input: NamedProjectInput) async throws -> Project {
        let id = try await find(input).projectId
        let labels: [String: String]? = try input.body["labels"]?.decode()
        return try await store.update(id) { project in
            if let name = input.body["name"]?.string ?? input.body["displayName"]?.string, !name.hasPrefix("projects/")
            {
                project.name = name
            }
            if let labels { project.labels = labels }
            project.updateTime = now()
        }
    }

    func delete(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        _ = try await move(input, from: .active, to: .deleteRequested)
        return [:]
    }

    func deleteV3(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        let project = try await move(input, from: .active, to: .deleteRequested)
        return Self.operation(project, response: project.v3)
    }

    func undelete(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        _ = try await move(input, from: .deleteRequested, to: .active)
        return [:]
    }

    func undeleteV3(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        let project = try await move(input, from: .deleteRequested, to: .active)
        return Self.operation(project, response: project.v3)
    }

    private func move(
        _ input: NamedProjectInput,
        from old: Project.State,
        to new: Project.State
    ) async throws -> Project {
        let id = try await find(input).projectId
        return try await store.update(id) { project in
            guard project.lifecycleState == old else { throw GoogleError.projectNotActive(id) }
            project.lifecycleState = new
            project.updateTime = now()
        }
    }

    // MARK: Who may

    func getIamPolicy(_ input: NamedProjectInput, as caller: Caller) async throws -> Policy {
        try await access.policy(ofProject: find(input).projectId)
    }

    func setIamPolicy(_ input: NamedProjectInput, as caller: Caller) async throws -> Policy {
        let asked: Policy = try (input.body["policy"] ?? [:]).decode()
        let project = try await find(input).projectId
        let policy = try await access.setPolicy(asked, ofProject: project)
        try await onPolicyChange(project)
        return policy
    }

    func testIamPermissions(_ input: NamedProjectInput, as caller: Caller) async throws -> JSON {
        let wanted = input.body["permissions"]?.array?.compactMap(\.string) ?? []
        let held = try await authorizer?.held(wanted, by: caller, on: input.resource) ?? []
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }

    private func find(_ input: NamedProjectInput) async throws -> Project {
        guard let project = try await store.find(input.resource.last) else {
            throw GoogleError.projectMissing(input.resource.last)
        }
        return project
    }

    private func may(_ permission: String, _ project: Project, _ caller: Caller) async throws -> Bool {
        guard let authorizer else { return true }
        guard project.lifecycleState == .active else {
            return try await !access.policy(ofProject: project.projectId).roles(of: caller.email ?? "").isEmpty
        }
        return try await !authorizer.held([permission], by: caller, on: .project(project.projectId)).isEmpty
    }
}
