import APIServer
import Foundation
import GoogleAPI

/// Who may pull from, push to and change one repository.
struct RepositoryPolicies: PolicySource {
    let store: RepositoryStore
    let projects: any ProjectDirectory

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        let parts = resource.segments
        guard parts.count >= 6, parts[0] == "projects", parts[2] == "locations", parts[4] == "repositories" else {
            return nil
        }
        // Those who may not see a repository are told so by the project's policy, before they hear that it is none.
        guard let project = try? await projects.project(parts[1]).id else {
            return ResourcePolicy(project: parts[1], bindings: [])
        }
        let place = RegistryPlace(project: project, location: parts[3], repository: parts[5], image: "")
        return ResourcePolicy(project: project, bindings: try await store.policy(place)?.bindings ?? [])
    }
}

/// `getIamPolicy`, `setIamPolicy` and `testIamPermissions` of repositories.
struct RepositoryPolicyMethods: Sendable {
    let store: RepositoryStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let makeID: @Sendable () -> String

    /// The etag of a policy that nobody has set yet.
    private static let firstEtag = "ACAB"

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> Policy {
        let place = try await input.place(project: projects.project(input.project).id)
        guard var policy = try await store.policy(place) else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        policy.etag = policy.etag ?? Self.firstEtag
        return policy
    }

    func set(_ input: RepositoryInput, _ caller: Caller) async throws -> Policy {
        let place = try await input.place(project: projects.project(input.project).id)
        let asked: Policy = try (input.body["policy"] ?? [:]).decode()
        var policy = asked
        policy.etag = Data(makeID().utf8.prefix(8)).base64EncodedString()
        let stored = policy
        let isThere = try await store.setPolicy(stored, on: place) { known in
            if let etag = asked.etag, !etag.isEmpty, etag != known.etag ?? Self.firstEtag {
                throw GoogleError.policyChanged(place.resource.description)
            }
        }
        guard isThere else { throw GoogleError.repositoryNotFound(place.resource.description) }
        return stored
    }

    func test(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let asked = (input.body["permissions"]?.array ?? []).compactMap(\.string)
        let held = try await authorizer.held(asked, by: caller, on: input.resource)
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }
}
