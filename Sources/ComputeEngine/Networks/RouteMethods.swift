import APIServer
import GoogleAPI
import HTTPTypes

/// The routes that every network has by itself: one to each subnetwork, and one to the internet.
///
/// See [routes](https://docs.cloud.google.com/vpc/docs/routes).
struct RouteMethods: Sendable {
    let networks: NetworkMethods

    func add(to api: MethodTable) {
        let path = ComputePath.global + "/routes"
        api.add("compute.routes.list", .get, path, list)
        api.add("compute.routes.get", .get, path + "/{name}", get)
        api.lacks("compute.routes.insert", .post, path)
        api.lacks("compute.routes.delete", .delete, path + "/{name}")
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await networks.rows.projects.project(input.project).id
        return try input.page(try await routes(of: project), kind: "route", for: caller)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let project = try await networks.rows.projects.project(input.project).id
        guard let route = try await routes(of: project).first(where: { $0["name"]?.string == input.name }) else {
            throw GoogleError.resourceMissing(ResourceName(["projects", project, "global", "routes", input.name]))
        }
        return Link.render(route, for: caller.origin)
    }

    private func routes(of project: String) async throws -> [JSON] {
        let toInternet = try await networks.networks(of: project).map { network in
            let gateway = Link.to("projects/\(project)/global/gateways/default-internet-gateway")
            return Self.route("0.0.0.0/0", in: network["selfLink"], priority: 1000, of: network, project: project) {
                $0["nextHopGateway"] = .string(gateway)
                $0["description"] = "Default route to the Internet."
            }
        }
        var subnetworks: [JSON] = []
        for region in Region.all { subnetworks += try await networks.all(of: project, in: region) }
        let toSubnetworks = subnetworks.map { subnetwork in
            let range = subnetwork["ipCidrRange"]?.string ?? ""
            return Self.route(range, in: subnetwork["network"], priority: 0, of: subnetwork, project: project) {
                $0["nextHopNetwork"] = subnetwork["network"]
                $0["description"] = .string("Default local route to the subnetwork \(range).")
            }
        }
        return toInternet + toSubnetworks
    }

    /// A route whose name is always the same for what it leads to.
    private static func route(
        _ range: String,
        in network: JSON?,
        priority: Int64,
        of owner: JSON,
        project: String,
        _ complete: (inout JSON) -> Void
    ) -> JSON {
        let id = Token.id(for: "route to \(owner["id"]?.string ?? "")")
        let name = "default-route-\(String(UInt64(id) ?? 0, radix: 16))"
        var route: JSON = [
            "kind": "compute#route", "id": .string(id), "name": .string(name), "network": network ?? "",
            "destRange": .string(range), "priority": .integer(priority),
            "creationTimestamp": owner["creationTimestamp"] ?? "",
            "selfLink": .string(Link.to("projects/\(project)/global/routes/\(name)")),
        ]
        complete(&route)
        return route
    }
}
