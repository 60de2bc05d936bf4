import APIServer
import GoogleAPI

// Instance groups as load balancers see them: a manager's, or one whose members somebody has chosen.
extension GroupMethods {
    private func managed(_ manager: JSON, among instances: [JSON]) -> JSON {
        let key = InstanceGroup.key(of: manager)
        let members = instances.filter { InstanceGroup.has($0, key) }
        let place = key.zone == nil ? "region" : "zone"
        var group: JSON = [
            "kind": "compute#instanceGroup", "id": manager["id"] ?? "", "name": manager["name"] ?? "",
            "creationTimestamp": manager["creationTimestamp"] ?? "", "selfLink": manager["instanceGroup"] ?? "",
            place: manager[place] ?? "", "fingerprint": manager["fingerprint"] ?? "",
            "description": "This instance group is controlled by an instance group manager.",
        ]
        group["namedPorts"] = manager["namedPorts"]
        return Self.counted(group, members)
    }

    private static func counted(_ group: JSON, _ members: [JSON]) -> JSON {
        let interface = members.first?["networkInterfaces"]?[0]
        var group = group
        group["size"] = .integer(Int64(members.count))
        group["network"] = interface?["network"] ?? group["network"] ?? ""
        group["subnetwork"] = interface?["subnetwork"]
        return group
    }

    /// The groups of a place, or of all, by name.
    private func groups(of project: String, scope: String? = nil) async throws -> [(scope: String, group: JSON)] {
        let instances = try await members(project)
        var found: [(key: ResourceKey, group: JSON)] = []
        for row in try await rows.store.list("instanceGroupManagers", project: project, scope: scope) {
            found.append((row.key, managed(row.resource, among: instances)))
        }
        for row in try await rows.store.list("instanceGroups", project: project, scope: scope) {
            let members = UnmanagedGroup.members(of: row.resource, among: instances)
            found.append((row.key, Self.counted(UnmanagedGroup.shown(row.resource), members)))
        }
        return found.sorted { ($0.key.scope, $0.key.name) < ($1.key.scope, $1.key.name) }
            .map { ($0.key.scope, $0.group) }
    }

    func getGroup(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await unmanaged.key(input)
        let found = try await groups(of: key.project, scope: key.scope).first { $0.group["name"]?.string == key.name }
        guard let found else { throw GoogleError.resourceMissing(key.resourceName) }
        return Link.render(found.group, for: caller.origin)
    }

    func listGroups(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project).id
        let scope = try Rows.scope(zone: input.zone, region: input.region, project: project)
        let found = try await groups(of: project, scope: scope)
        return try input.page(found.map(\.group), kind: "instanceGroup", for: caller)
    }

    func aggregatedGroups(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project).id
        let scopes = Dictionary(grouping: try await groups(of: project), by: \.scope).sorted { $0.key < $1.key }
        return try input.aggregate(
            scopes.map { ($0.key, $0.value.map(\.group)) },
            collection: "instanceGroups",
            kind: "instanceGroup",
            for: caller
        )
    }

    func listInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await unmanaged.key(input)
        let instances = try await members(key.project)
        let own: [JSON]
        if let group = try await rows.store.find(key) {
            own = UnmanagedGroup.members(of: group, among: instances)
        } else {
            let manager = try await rows.key(input)
            guard try await rows.store.find(manager) != nil else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            own = instances.filter { InstanceGroup.has($0, manager) }
        }
        let onlyRunning = input.body["instanceState"] == "RUNNING"
        let items = own.filter { !onlyRunning || $0["status"] == "RUNNING" }.map { instance -> JSON in
            ["instance": instance["selfLink"] ?? "", "status": instance["status"] ?? ""]
        }
        let kind = key.zone == nil ? "regionInstanceGroupsListInstances" : "instanceGroupsListInstances"
        return [
            "kind": .string("compute#\(kind)"), "items": .array(items.map { Link.render($0, for: caller.origin) }),
        ]
    }
}
