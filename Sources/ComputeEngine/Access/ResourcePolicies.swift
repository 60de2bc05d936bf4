import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// Who may do what with single instances, disks, images, snapshots and templates.
///
/// A policy goes with its resource: by the resource's ID, whatever name that has.
struct ResourcePolicies: PolicySource {
    /// What may have a policy of its own.
    static let collections = ["instances", "disks", "images", "snapshots", "instanceTemplates"]

    let store: ResourceStore
    let projects: any ProjectDirectory
    /// Whether anything has a policy of its own: mostly nothing has, and every call asks.
    private let areSet = RowCache<String, Bool>(limit: 1)

    init(store: ResourceStore, projects: any ProjectDirectory) {
        self.store = store
        self.projects = projects
        areSet.clear(onChangesOf: ["computePolicies"], in: store.database)
    }

    func policy(on resource: ResourceName) async throws -> ResourcePolicy? {
        guard let key = Self.key(resource) else { return nil }
        // Those who may not see a resource are told so by the project's policy, before they hear that it is none.
        guard let project = try? await projects.project(key.project).id else {
            return ResourcePolicy(project: key.project, bindings: [])
        }
        var own = key
        own.project = project
        return ResourcePolicy(project: project, bindings: try await bindings(on: own))
    }

    private func bindings(on key: ResourceKey) async throws -> [Policy.Binding] {
        let areSet = try await areSet.value(for: "") {
            try await store.database.read {
                try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM computePolicies)")
            }
        }
        guard areSet ?? false else { return [] }
        return try await store.database.read { try Self.fetch(key, in: $0)?.bindings ?? [] }
    }

    private static func key(_ resource: ResourceName) -> ResourceKey? {
        let parts = resource.segments
        guard parts.count >= 5, parts[0] == "projects", collections.contains(parts[parts.count - 2]) else { return nil }
        let isPlaced = ["zones", "regions"].contains(parts[2]) && parts.count == 6
        return isPlaced || (parts[2] == "global" && parts.count == 5) ? ResourceKey(resource) : nil
    }

    /// The policy on a resource; nil when none was ever set.
    static func fetch(_ key: ResourceKey, in db: Database) throws -> Policy? {
        let data = try Data.fetchOne(
            db,
            sql: """
                SELECT policy FROM computePolicies JOIN computeResources USING (id)
                WHERE project = ? AND collection = ? AND scope = ? AND name = ?
                """,
            arguments: [key.project, key.collection, key.scope, key.name]
        )
        return try data.map { try JSONCoding.decoder.decode(Policy.self, from: $0) }
    }

    static func save(_ policy: Policy, on id: String, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO computePolicies VALUES (?, ?)",
            arguments: [id, try JSONCoding.encoder.encode(policy)]
        )
    }
}
