import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations

/// Managed instance groups of a fixed size, in one zone or spread over those of a region.
///
/// See [instanceGroupManagers](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagers).
struct GroupMethods: Sendable {
    let rows: Rows
    /// Groups without a manager.
    let unmanaged: Rows
    let maker: InstanceMaker

    func add(to api: MethodTable) {
        add(to: api, "compute.instanceGroupManagers", groups: "compute.instanceGroups", in: ComputePath.zone)
        add(
            to: api,
            "compute.regionInstanceGroupManagers",
            groups: "compute.regionInstanceGroups",
            in: ComputePath.region
        )
        api.add(
            "compute.instanceGroupManagers.aggregatedList",
            .get,
            ComputePath.aggregated + "/instanceGroupManagers",
            requires: change("list"),
            aggregatedList
        )
        api.add(
            "compute.instanceGroups.aggregatedList",
            .get,
            ComputePath.aggregated + "/instanceGroups",
            requires: "compute.instanceGroups.list",
            aggregatedGroups
        )
        addUnmanaged(to: api)
        addNamedPorts(to: api)
        // Groups have the size that they are told: there are no autoscalers.
        api.add(
            "compute.autoscalers.aggregatedList",
            .get,
            ComputePath.aggregated + "/autoscalers",
            requires: "compute.autoscalers.list",
            noAutoscalers
        )
        for (id, place) in [("autoscalers", ComputePath.zone), ("regionAutoscalers", ComputePath.region)] {
            let path = place + "/autoscalers"
            api.add("compute.\(id).list", .get, path, requires: "compute.autoscalers.list", noAutoscalersInPlace)
        }
    }

    /// The methods that a group of a zone and one of a region share; the permissions are the same, too.
    private func add(to api: MethodTable, _ id: String, groups: String, in place: String) {
        let path = place + "/instanceGroupManagers"
        let one = path + "/{name}"
        api.add("\(id).get", .get, one, requires: change("get"), get)
        api.add("\(id).list", .get, path, requires: change("list"), list)
        api.add("\(id).insert", .post, path, requires: change("create"), insert)
        api.add("\(id).delete", .delete, one, requires: change("delete"), delete)
        api.add("\(id).patch", .patch, one, requires: change("update"), patch)
        for (verb, perform) in [
            ("resize", resize), ("setInstanceTemplate", setInstanceTemplate), ("deleteInstances", deleteInstances),
            ("recreateInstances", recreateInstances), ("abandonInstances", abandonInstances),
            ("createInstances", createInstances), ("applyUpdatesToInstances", applyUpdatesToInstances),
        ] as [(String, @Sendable (ChangeInput, Caller) async throws -> JSON)] {
            api.add("\(id).\(verb)", .post, "\(one)/\(verb)", requires: change("update"), perform)
        }
        api.add(
            "\(id).listManagedInstances",
            .post,
            one + "/listManagedInstances",
            requires: change("get"),
            listManagedInstances
        )
        api.add("\(id).listErrors", .get, one + "/listErrors", requires: change("get"), listErrors)

        let all = place + "/instanceGroups"
        api.add("\(groups).get", .get, all + "/{name}", requires: "compute.instanceGroups.get", getGroup)
        api.add("\(groups).list", .get, all, requires: "compute.instanceGroups.list", listGroups)
        api.add(
            "\(groups).listInstances",
            .post,
            all + "/{name}/listInstances",
            requires: "compute.instanceGroups.list",
            listInstances
        )
    }

    func change(_ verb: String) -> String { "compute.instanceGroupManagers.\(verb)" }

    // MARK: Looking

    func members(_ project: String) async throws -> [JSON] {
        try await rows.store.list("instances", project: project).map(\.resource)
    }

    private func shown(_ group: JSON, among instances: [JSON]) -> JSON {
        let key = InstanceGroup.key(of: group)
        return InstanceGroup.shown(group, members: instances.filter { InstanceGroup.has($0, key) })
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let group = try await rows.store.get(key)
        return Link.render(shown(group, among: try await members(key.project)), for: caller.origin)
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let instances = try await members(try await rows.projects.project(input.project).id)
        return try await rows.list(input, as: caller) { shown($0, among: instances) }
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let instances = try await members(try await rows.projects.project(input.project).id)
        return try await rows.aggregatedList(input, as: caller) { shown($0, among: instances) }
    }

    func noAutoscalers(_ input: ListInput, as caller: Caller) async throws -> JSON {
        _ = try await rows.projects.project(input.project)
        return try input.aggregate([], collection: "autoscalers", kind: "autoscaler", for: caller)
    }

    func noAutoscalersInPlace(_ input: ListInput, as caller: Caller) async throws -> JSON {
        _ = try await rows.projects.project(input.project)
        return try input.page([], kind: "autoscaler", for: caller)
    }

    func listManagedInstances(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let group = try await rows.store.get(key)
        let own = try await members(key.project).filter { InstanceGroup.has($0, key) }
        let managed = InstanceGroup.managed(group, members: own)
        return ["managedInstances": .array(managed.map { Link.render($0, for: caller.origin) })]
    }

    func listErrors(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let group = try await rows.store.get(try await rows.key(input))
        let failures = group[InstanceGroup.failures]?.object ?? [:]
        let links = Dictionary(InstanceGroup.wanted(group).map { ($0.name, $0.link) }, uniquingKeysWith: { $1 })
        let items = failures.sorted { $0.key < $1.key }.map { name, failure -> JSON in
            [
                "error": failure,
                "instanceActionDetails": ["instance": .string(links[name] ?? name), "action": "CREATING"],
                "timestamp": failure["timestamp"] ?? "",
            ]
        }
        return ["items": .array(items.map { Link.render($0, for: caller.origin) })]
    }
}
