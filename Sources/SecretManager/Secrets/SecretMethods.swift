import APIServer
import Foundation
import GoogleAPI

/// `secretmanager.projects.secrets`.
struct SecretMethods: Sendable {
    let store: SecretStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    /// What a user may change later.
    private static let changeable = ["labels", "annotations", "versionAliases"]
    /// What would have to be carried out, and is not.
    private static let lacking = [
        "expireTime", "ttl", "rotation", "topics", "versionDestroyTtl", "customerManagedEncryption",
    ]

    func create(_ input: SecretsInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        guard Secret.isValid(name: input.secretID) else {
            throw GoogleError.invalidSecret(
                "The secret ID '\(input.secretID)' must have 1 to 255 letters, digits, '-' and '_'."
            )
        }
        try Self.check(input.body)
        guard let replication = input.body["replication"]?.object, !replication.isEmpty else {
            throw GoogleError.invalidSecret("replication must be provided: 'automatic' or 'userManaged'.")
        }
        var settings: JSON = ["replication": .object(replication), "etag": .string(makeEtag())]
        for field in Self.changeable { settings[field] = input.body[field] }
        let secret = Secret(
            id: 0,
            project: project,
            name: input.secretID,
            createTime: now(),
            settings: settings,
            policy: Policy()
        )
        try await store.insert(secret)
        return secret.document
    }

    /// By name, with the filter applied here, since gcloud does not apply it again.
    func list(_ input: SecretsInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let filter = try input.filter.map(SecretFilter.init(parsing:))
        let all = try await store.list(in: project.id).filter { filter?.accepts($0) ?? true }
        let rest = all.filter { $0.name > input.page.token }
        let page = rest.prefix(input.page.size)
        var answer: JSON = ["totalSize": .integer(Int64(all.count))]
        if !page.isEmpty { answer["secrets"] = .array(page.map(\.document)) }
        if rest.count > page.count, let last = page.last { answer["nextPageToken"] = .string(last.name) }
        return answer
    }

    func get(_ input: SecretInput, _ caller: Caller) async throws -> JSON {
        try await find(input.secret, in: input.project).document
    }

    func patch(_ input: SecretInput, _ caller: Caller) async throws -> JSON {
        let secret = try await find(input.secret, in: input.project)
        guard !input.updateMask.isEmpty else { throw GoogleError.invalidSecret("update_mask must be provided.") }
        let fields = try input.updateMask.map { path in
            let field = String(path.split(separator: ".")[0])
            let name = field == "version_aliases" ? "versionAliases" : field
            if Self.lacking.contains(name) { throw GoogleError.secretsLack(name) }
            guard Self.changeable.contains(name) else {
                throw GoogleError.invalidSecret("update_mask: '\(path)' cannot be changed.")
            }
            return name
        }
        try Self.check(input.body)
        let (body, etag, newEtag) = (input.body, input.etag, makeEtag())
        return try await store.update(secret.id) { secret in
            guard Self.fits(etag, secret.etag) else { throw GoogleError.secretChanged(secret.resourceName) }
            for field in fields { secret.settings[field] = body[field] }
            secret.settings["etag"] = .string(newEtag)
        }?.document ?? { throw GoogleError.secretMissing(secret.resourceName) }()
    }

    func delete(_ input: SecretInput, _ caller: Caller) async throws -> JSON {
        let secret = try await find(input.secret, in: input.project)
        guard Self.fits(input.etag, secret.etag) else { throw GoogleError.secretChanged(secret.resourceName) }
        try await store.delete(secret.id)
        return [:]
    }

    // MARK: Access

    func getPolicy(_ input: SecretInput, _ caller: Caller) async throws -> Policy {
        var policy = try await find(input.secret, in: input.project).policy
        policy.etag = policy.etag ?? "ACAB"
        return policy
    }

    func setPolicy(_ input: SecretInput, _ caller: Caller) async throws -> Policy {
        let secret = try await find(input.secret, in: input.project)
        let asked: Policy = try (input.body["policy"] ?? [:]).decode()
        let newEtag = Data(makeID().utf8.prefix(8)).base64EncodedString()
        let updated = try await store.update(secret.id) { secret in
            if let etag = asked.etag, !etag.isEmpty, etag != secret.policy.etag ?? "ACAB" {
                throw GoogleError(
                    .aborted,
                    reason: "conflict",
                    message: "The policy of [\(secret.resourceName)] was changed since it was read: read it again."
                )
            }
            secret.policy = asked
            secret.policy.etag = newEtag
        }
        guard let updated else { throw GoogleError.secretMissing(secret.resourceName) }
        return updated.policy
    }

    func testPermissions(_ input: SecretInput, _ caller: Caller) async throws -> JSON {
        let asked = (input.body["permissions"]?.array ?? []).compactMap(\.string)
        let held = try await authorizer.held(asked, by: caller, on: input.resource)
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }

    // MARK: Parts

    func find(_ name: String, in project: String) async throws -> Secret {
        let project = try await projects.project(project)
        guard let secret = try await store.find(name, in: project.id) else {
            throw GoogleError.secretMissing("projects/\(project.number)/secrets/\(name)")
        }
        return secret
    }

    /// Whether an etag that a client sent is that of the resource; one that is absent always is.
    static func fits(_ sent: String?, _ known: String) -> Bool { sent.map { $0.isEmpty || $0 == known } ?? true }

    func makeEtag() -> String { "\"\(makeID())\"" }

    private static func check(_ body: JSON) throws {
        if let field = lacking.first(where: { body[$0] != nil }) { throw GoogleError.secretsLack(field) }
        for (alias, version) in body["versionAliases"]?.object ?? [:] {
            guard alias != "latest", Int64(alias) == nil, let number = version.integer, number > 0 else {
                throw GoogleError.invalidSecret("The version alias '\(alias)' must name a version by its number.")
            }
        }
    }
}

/// The policies on secrets: who may read them.
struct SecretPolicies: PolicySource {
    let store: SecretStore

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        guard resource.segments.count >= 4, resource.segments[0] == "projects", resource.segments[2] == "secrets" else {
            return nil
        }
        let project = resource.segments[1]
        // Those who may not see a secret are told so by the project's policy, before they hear that it is none.
        let secret = try await store.find(resource.segments[3], in: project)
        return ResourcePolicy(project: project, bindings: secret?.policy.bindings ?? [])
    }
}
