import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations

/// Firewall rules: who may reach which instances.
///
/// See [firewalls](https://docs.cloud.google.com/compute/docs/reference/rest/v1/firewalls).
struct FirewallMethods: Sendable {
    let rows: Rows
    let defaults: DefaultNetwork
    let walls: Walls

    func add(to api: MethodTable) {
        let path = ComputePath.global + "/firewalls"
        api.add("compute.firewalls.list", .get, path, list)
        api.add("compute.firewalls.get", .get, path + "/{name}", get)
        api.add("compute.firewalls.insert", .post, path, requires: "compute.firewalls.create", insert)
        api.add("compute.firewalls.patch", .patch, path + "/{name}", requires: "compute.firewalls.update", patch)
        api.add("compute.firewalls.update", .put, path + "/{name}", patch)
        api.add("compute.firewalls.delete", .delete, path + "/{name}", delete)
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> RenderedJSON {
        try await defaults.establish(in: try await rows.projects.project(input.project).id)
        return try await rows.list(input, as: caller)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> RenderedJSON {
        try await defaults.establish(in: try await rows.projects.project(input.project).id)
        return try await rows.get(input, as: caller)
    }

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        try await defaults.establish(in: key.project)
        let rule = Firewall.document(input.body, key, created: Timestamp.text(rows.changes.now()))
        try Firewall.check(rule)
        return try await rows.insert(rule, at: key, by: caller) { try Self.checkNetwork(of: rule, in: $0) }
    }

    private static func checkNetwork(of rule: JSON, in db: Database) throws {
        let key = ResourceKey(ResourceName(parsing: rule["network"]?.string ?? ""))
        guard try ResourceStore.fetch(key, in: db) != nil else { throw GoogleError.resourceMissing(key.resourceName) }
    }

    /// Changes the named fields of a rule; its direction and its network stay.
    func patch(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try await defaults.establish(in: key.project)
        return try await rows.changes.change("compute.firewalls.patch", key, by: caller) { db in
            try ResourceStore.update(key, in: db) { rule in
                let fixed = ["kind", "id", "name", "selfLink", "creationTimestamp", "network", "direction"]
                for (field, value) in input.body.object ?? [:] where !fixed.contains(field) { rule[field] = value }
                // What is allowed and what is denied exclude each other: naming the one gives up the other.
                if !(input.body["denied"]?.array ?? []).isEmpty { rule["allowed"] = .none }
                if !(input.body["allowed"]?.array ?? []).isEmpty { rule["denied"] = .none }
                Firewall.complete(&rule, project: key.project)
                try Firewall.check(rule)
            }
        }
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        try await defaults.establish(in: try await rows.projects.project(input.project).id)
        return try await rows.delete(input, as: caller)
    }

    // MARK: Operations

    func register() async {
        for verb in ["insert", "patch", "delete"] {
            await rows.changes.register("compute.firewalls.\(verb)") { key, _ in try await walls.raise(in: key.project)
            }
        }
    }
}
