package import APIServer
package import GoogleAPI
import MetadataStore
import Synchronization

/// Decides by the policies of projects and of the resources in them.
///
/// A caller may do something when the policy on the resource, or on its project, binds the caller to a role with
/// the permission. Policies come from memory; a write makes them be read again.
package final class AccessControl: Authorizer {
    private let policies: PolicyStore
    private let projects: any ProjectDirectory
    private let sources: Mutex<[any PolicySource]>

    /// - Parameter sources: Services that keep policies on resources of their own.
    package init(_ iam: IAM, projects: any ProjectDirectory, sources: [any PolicySource] = []) {
        policies = iam.policies
        self.projects = projects
        self.sources = Mutex([ServiceAccountPolicies(store: iam.accounts, policies: iam.policies)] + sources)
    }

    /// Adds a service that keeps policies, for those that are made after this.
    package func consult(_ source: any PolicySource) {
        sources.withLock { $0.append(source) }
    }

    package func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        try caller.checkScopes(for: permission)
        let members = Self.members(caller.identity)
        var project = resource.project
        for source in sources.withLock({ $0 }) {
            guard let policy = try await find(resource, in: source, for: caller, permission) else { continue }
            project = policy.project
            if try await grants(CompiledPolicy(policy.bindings), permission, to: members) { return }
            break
        }
        if let project, !["-", "_"].contains(project) {
            // A caller without a credential learns nothing, not even whether the project exists.
            if caller.identity == .anonymous, await !exists(project) {
                throw GoogleError.anonymousDenied(permission, on: resource)
            }
            let identity = try await projects.project(project)
            let policy = try await policies.compiled(on: "projects/\(identity.id)")
            if policy.grants(permission, to: members) { return }
        }
        guard let email = caller.email else { throw GoogleError.anonymousDenied(permission, on: resource) }
        throw GoogleError.denied(email, permission, on: resource)
    }

    private func find(
        _ resource: ResourceName,
        in source: any PolicySource,
        for caller: Caller,
        _ permission: String
    ) async throws -> ResourcePolicy? {
        do {
            return try await source.policy(on: resource)
        } catch let error as GoogleError where caller.identity == .anonymous && error.status == .notFound {
            throw GoogleError.anonymousDenied(permission, on: resource)
        }
    }

    private func exists(_ project: String) async -> Bool { (try? await projects.project(project)) != nil }

    private func grants(_ policy: CompiledPolicy, _ permission: String, to members: [String]) async throws -> Bool {
        if policy.grants(permission, to: members) { return true }
        guard policy.namesProjects else { return false }
        for (kind, role) in [("Owner", "owner"), ("Editor", "editor"), ("Viewer", "viewer")] {
            for project in policy.projects(named: "project\(kind):") {
                guard let identity = try? await projects.project(project),
                    try await policies.compiled(on: "projects/\(identity.id)").holds("roles/\(role)", members)
                else { continue }
                if policy.grants(permission, to: ["project\(kind):\(project)"]) { return true }
            }
        }
        return false
    }

    /// The members of policies that an identity is.
    private static func members(_ identity: Caller.Identity) -> [String] {
        guard case .account(let email, _) = identity else { return ["allUsers"] }
        let kind = email.hasSuffix(".gserviceaccount.com") ? "serviceAccount" : "user"
        return ["\(kind):\(email)", "allUsers", "allAuthenticatedUsers"]
    }
}

/// The policies on service accounts: who may act as them, and sign for them.
struct ServiceAccountPolicies: PolicySource {
    let store: ServiceAccountStore
    let policies: PolicyStore

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        guard resource.segments.count >= 4, resource.segments[0] == "projects",
            resource.segments[2] == "serviceAccounts"
        else { return nil }
        let account = try await store.named(resource)
        let policy = try await policies.policy(on: account.name)
        return ResourcePolicy(project: account.projectId, bindings: policy.bindings)
    }
}

extension CompiledPolicy {
    /// The projects that members such as `projectOwner:ID` name.
    func projects(named prefix: String) -> [String] {
        members.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
