import APIServer
import GRDB
import GoogleAPI
import HTTPTypes

/// A group of one zone whose members somebody has chosen; nothing is made or ended for it.
///
/// Members are kept by their IDs: one that is renamed stays, one that is deleted is none any more.
enum UnmanagedGroup {
    /// The field of the row that holds the members' IDs; clients do not see it.
    private static let ids = "memberIds"

    static func document(_ asked: JSON, _ key: ResourceKey, created: String) -> JSON {
        [
            "kind": "compute#instanceGroup", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(created), "selfLink": .string(key.link),
            "zone": .string(Link.to("projects/\(key.project)/\(key.scope)")),
            "description": asked["description"] ?? "", "namedPorts": asked["namedPorts"] ?? [],
            "fingerprint": .string(Token.fingerprint()), ids: [],
        ]
    }

    static func shown(_ group: JSON) -> JSON {
        var shown = group
        shown[ids] = .none
        return shown
    }

    static func members(of group: JSON, among instances: [JSON]) -> [JSON] {
        let own = Set((group[ids]?.array ?? []).compactMap(\.string))
        return instances.filter { own.contains($0["id"]?.string ?? "") }
    }

    static func add(_ instance: JSON, to group: inout JSON) throws {
        guard members(of: group, among: [instance]).isEmpty else {
            throw GoogleError.memberExists(instance["name"]?.string ?? "", of: group["name"]?.string ?? "")
        }
        group[ids] = .array((group[ids]?.array ?? []) + [instance["id"] ?? ""])
    }

    static func remove(_ instance: JSON, from group: inout JSON) throws {
        guard !members(of: group, among: [instance]).isEmpty else {
            let name = instance["name"]?.string ?? ""
            throw GoogleError.invalidField("instances", name, "It is not a member of the instance group.")
        }
        group[ids] = .array((group[ids]?.array ?? []).filter { $0 != instance["id"] })
    }
}

// The rules of unmanaged groups.
extension GroupMethods {
    func addUnmanaged(to api: MethodTable) {
        let path = ComputePath.zone + "/instanceGroups"
        let one = path + "/{name}"
        api.add("compute.instanceGroups.insert", .post, path, requires: "compute.instanceGroups.create", insertGroup)
        api.add("compute.instanceGroups.delete", .delete, one, deleteGroup)
        for (verb, perform) in [
            ("addInstances", addInstances), ("removeInstances", removeInstances), ("setNamedPorts", setNamedPorts),
        ] as [(String, @Sendable (ChangeInput, Caller) async throws -> JSON)] {
            api.add(
                "compute.instanceGroups.\(verb)",
                .post,
                "\(one)/\(verb)",
                requires: "compute.instanceGroups.update",
                perform
            )
        }
    }

    func addNamedPorts(to api: MethodTable) {
        api.add(
            "compute.regionInstanceGroups.setNamedPorts",
            .post,
            ComputePath.region + "/instanceGroups/{name}/setNamedPorts",
            requires: "compute.instanceGroups.update",
            setNamedPorts
        )
    }

    func insertGroup(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await unmanaged.newKey(input)
        try InstanceGroup.check(ports: input.body["namedPorts"])
        let group = UnmanagedGroup.document(input.body, key, created: Timestamp.text(rows.changes.now()))
        return try await unmanaged.insert(group, at: key, by: caller) { db in
            guard try ResourceStore.fetch(Self.manager(of: key), in: db) == nil else {
                throw GoogleError.resourceExists(key.resourceName)
            }
        }
    }

    /// - Throws: ``GoogleError`` `resourceInUseByAnotherResource` (400) for a group that has a manager.
    func deleteGroup(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await unmanaged.key(input)
        if try await rows.store.find(Self.manager(of: key)) != nil {
            throw GoogleError.resourceInUse(key.resourceName, by: Self.manager(of: key).resourceName)
        }
        return try await unmanaged.delete(input, as: caller)
    }

    func addInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await changeMembers("addInstances", input, by: caller, UnmanagedGroup.add)
    }

    func removeInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await changeMembers("removeInstances", input, by: caller, UnmanagedGroup.remove)
    }

    private func changeMembers(
        _ verb: String,
        _ input: ChangeInput,
        by caller: Caller,
        _ change: @escaping @Sendable (JSON, inout JSON) throws -> Void
    ) async throws -> JSON {
        let key = try await unmanaged.key(input)
        let links = (input.body["instances"]?.array ?? []).map { $0["instance"]?.string ?? "" }
        return try await rows.changes.change("compute.instanceGroups.\(verb)", key, by: caller) { db in
            if try ResourceStore.fetch(Self.manager(of: key), in: db) != nil {
                throw GoogleError.resourceInUse(key.resourceName, by: Self.manager(of: key).resourceName)
            }
            return try ResourceStore.update(key, in: db) { group in
                for link in links {
                    let name = ResourceName(parsing: link)
                    guard name.value(of: "zones") ?? key.zone == key.zone else {
                        throw GoogleError.invalidField("instances", link, "It must be in the group's zone.")
                    }
                    let member = ResourceKey(
                        project: key.project,
                        scope: key.scope,
                        collection: "instances",
                        name: name.last
                    )
                    guard let instance = try ResourceStore.fetch(member, in: db) else {
                        throw GoogleError.resourceMissing(member.resourceName)
                    }
                    try change(instance, &group)
                }
            }
        }
    }

    /// Names ports for load balancers, of a group with a manager or without.
    func setNamedPorts(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await unmanaged.key(input)
        let ports = input.body["namedPorts"] ?? []
        try InstanceGroup.check(ports: ports)
        return try await rows.changes.change("compute.instanceGroups.setNamedPorts", key, by: caller) { db in
            let isManaged = try ResourceStore.fetch(Self.manager(of: key), in: db) != nil
            return try ResourceStore.update(isManaged ? Self.manager(of: key) : key, in: db) { group in
                try Token.check(input.body["fingerprint"], against: group["fingerprint"])
                group["namedPorts"] = ports
                group["fingerprint"] = .string(Token.fingerprint())
            }
        }
    }

    private static func manager(of group: ResourceKey) -> ResourceKey {
        var key = group
        key.collection = "instanceGroupManagers"
        return key
    }

    func registerUnmanaged() async {
        let verbs = ["insert", "delete", "addInstances", "removeInstances", "setNamedPorts"]
        await rows.changes.register(rowsOnly: verbs.map { "compute.instanceGroups.\($0)" })
    }
}
