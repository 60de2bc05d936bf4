import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Operations

/// Managed instance groups of a fixed size, in one zone.
///
/// See [instanceGroupManagers](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagers).
struct GroupMethods: Sendable {
    let rows: Rows
    let maker: InstanceMaker

    func add(to api: MethodTable) {
        let path = ComputePath.zone + "/instanceGroupManagers"
        let one = path + "/{name}"
        api.add("compute.instanceGroupManagers.get", .get, one, get)
        api.add("compute.instanceGroupManagers.list", .get, path, list)
        api.add(
            "compute.instanceGroupManagers.aggregatedList",
            .get,
            ComputePath.aggregated + "/instanceGroupManagers",
            requires: "compute.instanceGroupManagers.list",
            aggregatedList
        )
        api.add("compute.instanceGroupManagers.insert", .post, path, requires: change("create"), insert)
        api.add("compute.instanceGroupManagers.delete", .delete, one, delete)
        api.add("compute.instanceGroupManagers.resize", .post, one + "/resize", requires: change("update"), resize)
        api.add(
            "compute.instanceGroupManagers.setInstanceTemplate",
            .post,
            one + "/setInstanceTemplate",
            requires: change("update"),
            setInstanceTemplate
        )
        for (verb, perform) in [
            ("deleteInstances", deleteInstances), ("recreateInstances", recreateInstances),
            ("abandonInstances", abandonInstances), ("createInstances", createInstances),
        ] as [(String, @Sendable (ChangeInput, Caller) async throws -> JSON)] {
            api.add(
                "compute.instanceGroupManagers.\(verb)",
                .post,
                "\(one)/\(verb)",
                requires: change("update"),
                perform
            )
        }
        api.add(
            "compute.instanceGroupManagers.listManagedInstances",
            .post,
            one + "/listManagedInstances",
            requires: change("get"),
            listManagedInstances
        )
        api.add(
            "compute.instanceGroupManagers.listErrors",
            .get,
            one + "/listErrors",
            requires: change("get"),
            listErrors
        )
        api.lacks("compute.instanceGroupManagers.patch", .patch, one)
        api.lacks("compute.instanceGroupManagers", ["applyUpdatesToInstances", "setTargetPools"], on: one)

        let groups = ComputePath.zone + "/instanceGroups"
        api.add("compute.instanceGroups.get", .get, groups + "/{name}", getGroup)
        api.add("compute.instanceGroups.list", .get, groups, listGroups)
        api.add(
            "compute.instanceGroups.aggregatedList",
            .get,
            ComputePath.aggregated + "/instanceGroups",
            requires: "compute.instanceGroups.list",
            aggregatedGroups
        )
        api.add(
            "compute.instanceGroups.listInstances",
            .post,
            groups + "/{name}/listInstances",
            requires: "compute.instanceGroups.list",
            listInstances
        )
        api.lacks("compute.instanceGroups.insert", .post, groups)
        // Groups have the size that they are told: there are no autoscalers.
        api.add(
            "compute.autoscalers.aggregatedList",
            .get,
            ComputePath.aggregated + "/autoscalers",
            requires: "compute.autoscalers.list",
            noAutoscalers
        )
        api.add("compute.autoscalers.list", .get, ComputePath.zone + "/autoscalers", noAutoscalersInZone)
        api.lacks("compute.autoscalers.insert", .post, ComputePath.zone + "/autoscalers")
        addRegional(to: api)
    }

    private func addRegional(to api: MethodTable) {
        let all = ComputePath.region + "/instanceGroupManagers"
        for (verb, method) in [("list", HTTPRequest.Method.get), ("insert", .post)] {
            api.lacks("compute.regionInstanceGroupManagers.\(verb)", method, all)
        }
        for (verb, method) in [("get", HTTPRequest.Method.get), ("patch", .patch), ("delete", .delete)] {
            api.lacks("compute.regionInstanceGroupManagers.\(verb)", method, all + "/{name}")
        }
        let verbs = ["resize", "listManagedInstances", "recreateInstances", "deleteInstances", "abandonInstances"]
        api.lacks("compute.regionInstanceGroupManagers", verbs, on: all + "/{name}")
        api.lacks("compute.regionInstanceGroups.list", .get, ComputePath.region + "/instanceGroups")
    }

    private func change(_ verb: String) -> String { "compute.instanceGroupManagers.\(verb)" }

    // MARK: Looking

    private func members(_ project: String) async throws -> [JSON] {
        try await rows.store.list("instances", project: project).map(\.resource)
    }

    private func shown(_ group: JSON, among instances: [JSON]) -> JSON {
        let key = ResourceKey(ResourceName(parsing: group["selfLink"]?.string ?? ""))
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

    func noAutoscalersInZone(_ input: ListInput, as caller: Caller) async throws -> JSON {
        _ = try await rows.projects.project(input.project)
        return try input.page([], kind: "autoscaler", for: caller)
    }

    func listManagedInstances(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let group = try await rows.store.get(key)
        let own = try await members(key.project).filter { InstanceGroup.has($0, key) }
        let managed = InstanceGroup.managed(group, key, members: own)
        return ["managedInstances": .array(managed.map { Link.render($0, for: caller.origin) })]
    }

    func listErrors(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let failures = try await rows.store.get(key)[InstanceGroup.failures]?.object ?? [:]
        let items = failures.sorted { $0.key < $1.key }.map { name, failure -> JSON in
            let link = Link.to("projects/\(key.project)/\(key.scope)/instances/\(name)")
            return [
                "error": failure, "instanceActionDetails": ["instance": .string(link), "action": "CREATING"],
                "timestamp": failure["timestamp"] ?? "",
            ]
        }
        return ["items": .array(items.map { Link.render($0, for: caller.origin) })]
    }

    // MARK: Changing

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        let size = try Self.size(input.body["targetSize"]?.integer)
        let template = try await template(input.body["instanceTemplate"]?.string, key, for: caller)
        var group = InstanceGroup.document(
            input.body,
            key,
            template: template,
            created: Timestamp.text(rows.changes.now())
        )
        let base = group["baseInstanceName"]?.string ?? ""
        try ResourceNames.check(base + "-0000")
        InstanceGroup.resize(&group, to: size)
        return try await rows.insert(group, at: key, by: caller)
    }

    /// Checks that a group's instances can be made, and that the caller may have them made.
    private func template(_ text: String?, _ group: ResourceKey, for caller: Caller) async throws -> ResourceKey {
        guard let text, !text.isEmpty else { throw GoogleError.fieldMissing("resource.instanceTemplate") }
        let key = ResourceKey(project: group.project, scope: group.scope, collection: "instances", name: group.name)
        let body = try await maker.body(["name": .string(group.name)], from: text, in: group.project)
        _ = try await maker.draft(body, at: key, for: caller)
        return InstanceTemplate.key(text, in: group.project)
    }

    private static func size(_ asked: Int64?) throws -> Int {
        guard let asked, (0...1000).contains(asked) else {
            throw GoogleError.invalidField("targetSize", asked.map(String.init) ?? "", "It must be between 0 and 1000.")
        }
        return Int(asked)
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        try await rows.update("delete", input, by: caller) { group in
            InstanceGroup.set(&group, names: [])
            group[InstanceGroup.isEnding] = true
        }
    }

    func resize(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let size = try Self.size(input.query["size"].flatMap { Int64($0) })
        return try await rows.update("resize", input, by: caller) { InstanceGroup.resize(&$0, to: size) }
    }

    /// Takes another template, for instances that are made from now on.
    func setInstanceTemplate(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let template = try await template(
            input.body["instanceTemplate"]?.string,
            try await rows.key(input),
            for: caller
        )
        return try await rows.update("setInstanceTemplate", input, by: caller) { group in
            group["instanceTemplate"] = .string(template.link)
            group[InstanceGroup.failures] = [:]
        }
    }

    func createInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let new = (input.body["instances"]?.array ?? []).compactMap { $0["name"]?.string }
        for name in new { try ResourceNames.check(name) }
        return try await rows.update("createInstances", input, by: caller) { group in
            let names = InstanceGroup.wanted(group)
            if let twice = new.first(where: names.contains) {
                throw GoogleError.invalidField("instances[].name", twice, "The group has an instance of that name.")
            }
            InstanceGroup.set(&group, names: names + new)
        }
    }

    func deleteInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let named = Self.named(input)
        return try await rows.update("deleteInstances", input, by: caller) { group in
            try Self.checkMembers(named, of: group)
            InstanceGroup.set(&group, names: InstanceGroup.wanted(group).filter { !named.contains($0) })
        }
    }

    /// Ends instances; the group makes them again under their names.
    func recreateInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let named = Self.named(input)
        let parameters: JSON = ["names": .array(named.map { .string($0) })]
        return try await rows.update("recreateInstances", input, by: caller, input: parameters) { group in
            try Self.checkMembers(named, of: group)
            group[InstanceGroup.failures] = [:]
        }
    }

    /// Lets instances go from the group as they are.
    func abandonInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let named = Self.named(input)
        let key = try await rows.key(input)
        return try await rows.changes.change(change("abandonInstances"), key, by: caller) { db in
            for name in named {
                let instance = ResourceKey(project: key.project, scope: key.scope, collection: "instances", name: name)
                guard try ResourceStore.fetch(instance, in: db) != nil else { continue }
                _ = try ResourceStore.update(instance, in: db) { instance in
                    let items = (instance["metadata"]?["items"]?.array ?? [])
                        .filter { $0["key"]?.string != InstanceGroup.creator }
                    instance["metadata"]?["items"] = .array(items)
                }
            }
            return try ResourceStore.update(key, in: db) { group in
                try Self.checkMembers(named, of: group)
                InstanceGroup.set(&group, names: InstanceGroup.wanted(group).filter { !named.contains($0) })
            }
        }
    }

    private static func named(_ input: ChangeInput) -> [String] {
        (input.body["instances"]?.array ?? []).compactMap { $0.string.map { ResourceName(parsing: $0).last } }
    }

    private static func checkMembers(_ names: [String], of group: JSON) throws {
        let wanted = InstanceGroup.wanted(group)
        if let stranger = names.first(where: { !wanted.contains($0) }) {
            throw GoogleError.invalidField("instances", stranger, "It is not a member of the instance group manager.")
        }
    }

    // MARK: Instance groups

    private func group(_ manager: JSON, among instances: [JSON]) -> JSON {
        let key = ResourceKey(ResourceName(parsing: manager["selfLink"]?.string ?? ""))
        let members = instances.filter { InstanceGroup.has($0, key) }
        let interface = members.first?["networkInterfaces"]?[0]
        return [
            "kind": "compute#instanceGroup", "id": manager["id"] ?? "", "name": manager["name"] ?? "",
            "creationTimestamp": manager["creationTimestamp"] ?? "", "selfLink": manager["instanceGroup"] ?? "",
            "zone": manager["zone"] ?? "", "size": .integer(Int64(members.count)),
            "fingerprint": manager["fingerprint"] ?? "", "network": interface?["network"] ?? "",
            "description": "This instance group is controlled by an instance group manager.",
        ]
    }

    func getGroup(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let manager = try await rows.store.get(key)
        return Link.render(group(manager, among: try await members(key.project)), for: caller.origin)
    }

    func listGroups(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let instances = try await members(try await rows.projects.project(input.project).id)
        return try await rows.list(input, as: caller, kind: "instanceGroup") { group($0, among: instances) }
    }

    func aggregatedGroups(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let instances = try await members(try await rows.projects.project(input.project).id)
        return try await rows.aggregatedList(
            input,
            as: caller,
            collection: "instanceGroups",
            kind: "instanceGroup"
        ) { group($0, among: instances) }
    }

    func listInstances(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        _ = try await rows.store.get(key)
        let own = try await members(key.project).filter { InstanceGroup.has($0, key) }
        let items = own.map {
            JSON(dictionaryLiteral: ("instance", $0["selfLink"] ?? ""), ("status", $0["status"] ?? ""))
        }
        return [
            "kind": "compute#instanceGroupsListInstances",
            "items": .array(items.map { Link.render($0, for: caller.origin) }),
        ]
    }

    // MARK: Operations

    func register() async {
        let changes = rows.changes
        let rowsOnly = [
            "insert", "resize", "setInstanceTemplate", "createInstances", "deleteInstances", "abandonInstances",
        ]
        await changes.register(rowsOnly: rowsOnly.map(change))
        await changes.register(change("recreateInstances")) { key, operation in
            for name in (operation.input["names"]?.array ?? []).compactMap(\.string) {
                let instance = ResourceKey(project: key.project, scope: key.scope, collection: "instances", name: name)
                try await maker.life.delete(instance, operation)
            }
        }
        await changes.register(change("delete")) { key, operation in
            for row in try await rows.store.list("instances", project: key.project, scope: key.scope)
            where InstanceGroup.has(row.resource, key) {
                try await maker.life.delete(row.key, operation)
            }
            try await rows.store.database.write { try ResourceStore.delete(key, in: $0) }
        }
    }
}
