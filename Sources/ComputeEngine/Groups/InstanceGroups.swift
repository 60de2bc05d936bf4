import APIServer
import GoogleAPI

// Instance groups as load balancers see them: each is one manager's.
extension GroupMethods {
    private func group(_ manager: JSON, among instances: [JSON]) -> JSON {
        let key = InstanceGroup.key(of: manager)
        let members = instances.filter { InstanceGroup.has($0, key) }
        let interface = members.first?["networkInterfaces"]?[0]
        let place = key.zone == nil ? "region" : "zone"
        return [
            "kind": "compute#instanceGroup", "id": manager["id"] ?? "", "name": manager["name"] ?? "",
            "creationTimestamp": manager["creationTimestamp"] ?? "", "selfLink": manager["instanceGroup"] ?? "",
            place: manager[place] ?? "", "size": .integer(Int64(members.count)),
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
            "kind": .string(
                key.zone == nil ? "compute#regionInstanceGroupsListInstances" : "compute#instanceGroupsListInstances"
            ),
            "items": .array(items.map { Link.render($0, for: caller.origin) }),
        ]
    }
}
