import APIServer
import Foundation
import GoogleAPI

/// `sourcerepo.projects.repos`.
struct RepositoryMethods: Sendable {
    let store: RepositoryStore
    let git: Git
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    /// Creates an empty repository; its folder first, so that a row always has one.
    func create(_ input: RepositoriesInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let name = ResourceName(parsing: input.body["name"]?.string ?? "").last
        guard Repository.isValid(name: name) else { throw GoogleError.badRepositoryName(name) }
        guard input.body["mirrorConfig"] == nil else {
            throw GoogleError(
                .unimplemented,
                reason: "notImplemented",
                message: "Brume mirrors no repositories by 'mirrorConfig': use a Cloud Build connection."
            )
        }
        guard try await store.find(name, in: project.id) == nil else {
            throw GoogleError.repositoryExists(name, in: project.id)
        }
        let repository = try await make(name, in: project)
        return repository.document(for: caller)
    }

    /// Finds a repository, or makes an empty one.
    func ensure(_ name: String, in project: String) async throws -> Repository {
        let project = try await projects.project(project)
        if let repository = try await store.find(name, in: project.id) { return repository }
        guard Repository.isValid(name: name) else { throw GoogleError.badRepositoryName(name) }
        return try await make(name, in: project)
    }

    private func make(_ name: String, in project: ProjectIdentity) async throws -> Repository {
        let repository = Repository(id: makeID(), project: project, name: name, createTime: now(), policy: Policy())
        try await git.create(repository.id)
        do {
            try await store.insert(repository)
        } catch {
            try? git.remove(repository.id)
            throw error
        }
        return repository
    }

    func list(_ input: RepositoriesInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let found = try await store.list(in: project.id, after: input.pageToken, limit: input.pageSize + 1)
        let page = found.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["repos": .array(page.map { $0.document(for: caller) })]
        if found.count > page.count { answer["nextPageToken"] = .string(last.name) }
        return answer
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        var document = try await find(input).document(for: caller)
        document["size"] = .string(String(try await git.size(try await find(input).id)))
        return document
    }

    func delete(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let repository = try await find(input)
        try await store.delete(repository.id)
        try git.remove(repository.id)
        return [:]
    }

    // MARK: Access

    func getPolicy(_ input: RepositoryInput, _ caller: Caller) async throws -> Policy {
        try await find(input).policy
    }

    func setPolicy(_ input: RepositoryInput, _ caller: Caller) async throws -> Policy {
        let repository = try await find(input)
        var policy: Policy = try (input.body["policy"] ?? [:]).decode()
        if let etag = policy.etag, !etag.isEmpty, let known = repository.policy.etag, etag != known {
            throw GoogleError.policyChanged(repository.name)
        }
        policy.etag = Data(makeID().utf8.prefix(8)).base64EncodedString()
        try await store.setPolicy(policy, of: repository.id)
        return policy
    }

    func testPermissions(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let asked = (input.body["permissions"]?.array ?? []).compactMap(\.string)
        let held = try await authorizer.held(asked, by: caller, on: input.resource)
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }

    private func find(_ input: RepositoryInput) async throws -> Repository {
        let project = try await projects.project(input.project)
        guard let repository = try await store.find(input.repo, in: project.id) else {
            throw GoogleError.repositoryMissing(input.repo, in: project.id)
        }
        return repository
    }
}

/// The policies on repositories: who may read and push.
struct RepositoryPolicies: PolicySource {
    let store: RepositoryStore

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        guard resource.segments.count >= 4, resource.segments[0] == "projects", resource.segments[2] == "repos" else {
            return nil
        }
        let project = resource.segments[1]
        guard let repository = try await store.find(resource.segments[3], in: project) else {
            // Those who may not see a repository are told so by the project's policy, before they hear that it is none.
            return ResourcePolicy(project: project, bindings: [])
        }
        return ResourcePolicy(project: project, bindings: repository.policy.bindings)
    }
}
