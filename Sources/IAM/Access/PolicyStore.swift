import Crypto
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The policies of projects and of service accounts.
struct PolicyStore: Sendable {
    let database: any DatabaseWriter
    let cache: RowCache<String, CompiledPolicy>

    /// The policy on a resource; an empty one when none was ever set.
    func policy(on resource: String) async throws -> Policy {
        try await database.read { db in try Self.fetch(resource, in: db) }
    }

    /// The same, ready to be asked.
    func compiled(on resource: String) async throws -> CompiledPolicy {
        try await cache.value(for: resource) { CompiledPolicy(try await policy(on: resource).bindings) }
            ?? CompiledPolicy([])
    }

    /// Replaces a policy.
    ///
    /// - Throws: ``GoogleError`` `conflict` (409) when the policy carries the `etag` of an older one.
    func set(_ policy: Policy, on resource: String) async throws -> Policy {
        try check(policy, on: resource)
        return try await database.write { db in
            let existing = try Self.fetch(resource, in: db)
            if let etag = policy.etag, !etag.isEmpty, !Self.areSame(etag, existing.etag) {
                throw GoogleError.policyChanged
            }
            for member in policy.bindings.flatMap(\.members) {
                guard member.hasPrefix("serviceAccount:") else { continue }
                let email = String(member.dropFirst("serviceAccount:".count))
                let known = try Bool.fetchOne(
                    db,
                    sql: "SELECT EXISTS (SELECT 1 FROM iam_service_accounts WHERE email = ?)",
                    arguments: [email]
                )
                let wasThere = existing.bindings.contains { $0.members.contains(member) }
                guard known == true || wasThere else { throw GoogleError.memberMissing(email) }
            }
            return try set(policy, on: resource, in: db)
        }
    }

    /// Replaces a policy in a transaction that also holds something else.
    @discardableResult
    func set(_ policy: Policy, on resource: String, in db: Database) throws -> Policy {
        var policy = policy
        policy.bindings = Self.joined(policy.bindings)
        policy.version = max(policy.version ?? 1, 1)
        policy.etag = nil
        policy.etag = Data(SHA256.hash(data: try JSONCoding.encoder.encode(policy)).prefix(6)).base64EncodedString()
        try db.execute(
            sql: "INSERT OR REPLACE INTO iam_policies (resource, document) VALUES (?, ?)",
            arguments: [resource, try JSONCoding.encoder.encode(policy)]
        )
        cache.clear(after: db)
        return policy
    }

    private static func fetch(_ resource: String, in db: Database) throws -> Policy {
        let data = try Data.fetchOne(
            db,
            sql: "SELECT document FROM iam_policies WHERE resource = ?",
            arguments: [resource]
        )
        guard let data else { return Policy(etag: emptyTag) }
        return try JSONCoding.decoder.decode(Policy.self, from: data)
    }

    /// gcloud sends the bytes of an etag back in Base64 for URLs.
    private static func areSame(_ sent: String, _ kept: String?) -> Bool {
        Base64URL.data(sent) == kept.flatMap { Base64URL.data($0) }
    }

    /// What Google gives a policy that nobody has set.
    private static let emptyTag = "ACAB"

    /// One binding for each role and condition, members once, empty bindings gone.
    private static func joined(_ bindings: [Policy.Binding]) -> [Policy.Binding] {
        var joined: [Policy.Binding] = []
        for binding in bindings {
            let index = joined.firstIndex { $0.role == binding.role && $0.condition == binding.condition }
            if let index {
                joined[index].members += binding.members.filter { !joined[index].members.contains($0) }
            } else {
                joined.append(binding)
            }
        }
        return joined.filter { !$0.members.isEmpty }.sorted { $0.role < $1.role }
    }

    private func check(_ policy: Policy, on resource: String) throws {
        for binding in policy.bindings {
            guard Role.named(binding.role) != nil else { throw GoogleError.unsupportedRole(binding.role, on: resource) }
            for member in binding.members {
                guard Self.isMember(member) else { throw GoogleError.badMember(member) }
            }
        }
    }

    private static let memberTypes = [
        "user:", "serviceAccount:", "group:", "domain:", "deleted:", "projectOwner:", "projectEditor:",
        "projectViewer:",
        "principal://", "principalSet://",
    ]

    private static func isMember(_ member: String) -> Bool {
        ["allUsers", "allAuthenticatedUsers"].contains(member)
            || memberTypes.contains { member.hasPrefix($0) && member.count > $0.count }
    }
}

/// A policy turned round: which roles a member holds.
struct CompiledPolicy: Sendable {
    private var rolesByMember: [String: [Role]] = [:]
    /// Whether it names `projectOwner:ID` and the like, which another policy resolves.
    private(set) var namesProjects = false

    init(_ bindings: [Policy.Binding]) {
        for binding in bindings {
            guard binding.condition == nil, let role = Role.named(binding.role) else { continue }
            for member in binding.members {
                rolesByMember[member, default: []].append(role)
                if member.hasPrefix("project") { namesProjects = true }
            }
        }
    }

    var members: [String] { Array(rolesByMember.keys) }

    func grants(_ permission: String, to members: [String]) -> Bool {
        members.contains { rolesByMember[$0]?.contains { $0.grants(permission) } ?? false }
    }

    func holds(_ role: String, _ members: [String]) -> Bool {
        members.contains { rolesByMember[$0]?.contains { $0.name == role } ?? false }
    }
}
