import APIServer
import Foundation
import GoogleAPI
import GRDB
import Guests
import HTTPTypes
import Operations
import Workloads

/// VPC networks and their subnetworks.
///
/// See [networks](https://docs.cloud.google.com/compute/docs/reference/rest/v1/networks).
struct NetworkMethods: Sendable {
    let rows: Rows
    let subnetworks: Rows
    let defaults: DefaultNetwork
    let guests: Guests
    let spares: SpareMachines

    func add(to api: MethodTable) {
        let path = ComputePath.global + "/networks"
        api.add("compute.networks.list", .get, path, list)
        api.add("compute.networks.get", .get, path + "/{name}", get)
        api.add("compute.networks.insert", .post, path, requires: "compute.networks.create", insert)
        api.add("compute.networks.delete", .delete, path + "/{name}", delete)
        api.add("compute.networks.patch", .patch, path + "/{name}", requires: "compute.networks.update", patch)
        api.add(
            "compute.networks.switchToCustomMode",
            .post,
            path + "/{name}/switchToCustomMode",
            switchToCustomMode
        )
        api.lacks("compute.networks", ["addPeering", "removePeering"], on: path + "/{name}")
        let regional = ComputePath.region + "/subnetworks"
        api.add("compute.subnetworks.list", .get, regional, listSubnetworks)
        api.add(
            "compute.subnetworks.aggregatedList",
            .get,
            ComputePath.aggregated + "/subnetworks",
            requires: "compute.subnetworks.list",
            aggregatedSubnetworks
        )
        api.add("compute.subnetworks.get", .get, regional + "/{name}", getSubnetwork)
        api.add("compute.subnetworks.insert", .post, regional, requires: "compute.subnetworks.create", insertSubnetwork)
        api.add("compute.subnetworks.delete", .delete, regional + "/{name}", deleteSubnetwork)
        api.add(
            "compute.subnetworks.patch",
            .patch,
            regional + "/{name}",
            requires: "compute.subnetworks.update",
            patchSubnetwork
        )
        api.add(
            "compute.subnetworks.setPrivateIpGoogleAccess",
            .post,
            regional + "/{name}/setPrivateIpGoogleAccess",
            setPrivateIPGoogleAccess
        )
        api.lacks("compute.subnetworks", ["expandIpCidrRange"], on: regional + "/{name}")
    }

    // MARK: Networks

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project).id
        return try input.page(
            try await shown(try await networks(of: project), of: project),
            kind: "network",
            for: caller
        )
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try await defaults.establish(in: key.project)
        let shown = try await shown([try await rows.store.get(key)], of: key.project)
        return Link.render(shown[0], for: caller.origin)
    }

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        try await defaults.establish(in: key.project)
        let network = Network.document(input.body, key, created: Timestamp.text(rows.changes.now()))
        return try await rows.insert(network, at: key, by: caller)
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try await defaults.establish(in: key.project)
        return try await rows.changes.change("compute.networks.delete", key, by: caller) { db in
            guard let network = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            if Network.isAuto(network) {
                for region in Region.all {
                    let subnetwork = Network.subnetworkKey(key.name, region: region.name, in: key.project)
                    // Another network may have one of the name.
                    guard try ResourceStore.fetch(subnetwork, in: db)?["network"]?.string == key.link else { continue }
                    try ResourceStore.delete(subnetwork, in: db)
                }
            }
            for collection in ["instances", "firewalls", "subnetworks"] {
                let user = try ResourceStore.list(collection, project: key.project, in: db).first { row in
                    let interface = row.resource["networkInterfaces"]?[0]
                    return (interface?["network"] ?? row.resource["network"])?.string == key.link
                }
                if let user { throw GoogleError.resourceInUse(key.resourceName, by: user.key.resourceName) }
            }
            try ResourceStore.delete(key, in: db)
            return network
        }
    }

    /// Networks as their documents show them: with the subnetworks that the mode gives them, or that were made in them.
    private func shown(_ networks: [JSON], of project: String) async throws -> [JSON] {
        let made = Dictionary(
            grouping: try await rows.store.list("subnetworks", project: project).map(\.resource),
            by: { $0["network"]?.string ?? "" }
        )
        return networks.map { network in
            let own =
                Network.isAuto(network)
                ? Region.all.map { Network.autoSubnetwork($0, of: network) }
                : made[network["selfLink"]?.string ?? ""] ?? []
            var network = network
            network["subnetworks"] = .array(own.compactMap { $0["selfLink"] })
            return network
        }
    }

    func networks(of project: String) async throws -> [JSON] {
        try await defaults.establish(in: project)
        return try await rows.store.list("networks", project: project).map(\.resource)
    }

    // MARK: Subnetworks

    func listSubnetworks(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project).id
        guard let region = Region.named(input.region ?? "") else {
            throw GoogleError.resourceMissing(ResourceName(["projects", project, "regions", input.region ?? ""]))
        }
        return try input.page(try await all(of: project, in: region), kind: "subnetwork", for: caller)
    }

    func aggregatedSubnetworks(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project).id
        var scopes: [(String, [JSON])] = []
        for region in Region.all { scopes.append(("regions/\(region.name)", try await all(of: project, in: region))) }
        return try input.aggregate(scopes, collection: "subnetworks", kind: "subnetwork", for: caller)
    }

    func getSubnetwork(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await subnetworks.key(input)
        guard let region = Region.named(input.region ?? ""),
            let found = try await all(of: key.project, in: region).first(where: { $0["name"]?.string == key.name })
        else { throw GoogleError.resourceMissing(key.resourceName) }
        return Link.render(found, for: caller.origin)
    }

    func all(of project: String, in region: Region) async throws -> [JSON] {
        let own = try await rows.store.list("subnetworks", project: project, scope: "regions/\(region.name)")
        let names = Set(own.map(\.key.name))
        // One of a network in auto mode has a row once something was changed of it.
        let auto = try await networks(of: project).filter(Network.isAuto)
            .map { Network.autoSubnetwork(region, of: $0) }
            .filter { !names.contains($0["name"]?.string ?? "") }
        return auto + own.map(\.resource)
    }

    /// Makes a subnetwork of a network in custom mode.
    func insertSubnetwork(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await subnetworks.newKey(input)
        try LackingFields.ofSubnetworks.check(input.body)
        let name = ResourceName(parsing: input.body["network"]?.string ?? "").last
        let network = Network.key(name, in: key.project)
        try await defaults.establish(in: key.project)
        if Network.isAuto(try await rows.store.get(network)) {
            throw GoogleError.invalidField(
                "resource.network",
                name,
                "Cannot create subnetworks in a network whose autoCreateSubnetworks is true."
            )
        }
        let range = input.body["ipCidrRange"]?.string ?? ""
        guard let wanted = AddressRange(exactly: range), (8...29).contains(wanted.length) else {
            throw GoogleError.invalidField("resource.ipCidrRange", range, "Must be an IPv4 range of length 8 to 29.")
        }
        var document = Network.subnetworkDocument(
            key,
            range: range,
            network: network,
            created: Timestamp.text(rows.changes.now()),
            id: Token.id()
        )
        for field in Self.saidOfSubnetworks where input.body[field]?.isNull == false {
            document[field] = input.body[field]
        }
        let subnetwork = document
        return try await subnetworks.insert(subnetwork, at: key, by: caller) { db in
            let others = try ResourceStore.list("subnetworks", project: key.project, in: db)
            let other = others.first { other in
                other.resource["network"]?.string == network.link
                    && AddressRange(exactly: other.resource["ipCidrRange"]?.string ?? "")?.overlaps(wanted) ?? false
            }
            if let other {
                throw GoogleError.invalidField(
                    "resource.ipCidrRange",
                    range,
                    "It conflicts with the range of '\(other.key.resourceName)'."
                )
            }
        }
    }

    func deleteSubnetwork(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await subnetworks.key(input)
        return try await subnetworks.changes.change("compute.subnetworks.delete", key, by: caller) { db in
            guard let subnetwork = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            let network = ResourceKey(ResourceName(parsing: subnetwork["network"]?.string ?? ""))
            if let network = try ResourceStore.fetch(network, in: db), Network.isAuto(network) {
                throw GoogleError.invalid(
                    "Cannot delete auto subnetwork '\(key.resourceName)' of an auto mode network."
                )
            }
            let user = try ResourceStore.list("instances", project: key.project, in: db).first {
                $0.resource["networkInterfaces"]?[0]?["subnetwork"]?.string == key.link
            }
            if let user { throw GoogleError.resourceInUse(key.resourceName, by: user.key.resourceName) }
            try ResourceStore.delete(key, in: db)
            return subnetwork
        }
    }

    // MARK: Operations

    func register() async {
        let changes = rows.changes
        await changes.register(rowsOnly: ["insert", "patch", "switchToCustomMode"].map { "compute.networks.\($0)" })
        await changes.register(
            rowsOnly: ["insert", "patch", "setPrivateIpGoogleAccess"].map { "compute.subnetworks.\($0)" }
        )
        for method in ["compute.networks.delete", "compute.subnetworks.delete"] {
            await changes.register(method) { key, _ in
                let network = InstancePlace.engineNetwork(key)
                await spares.discardAll(in: network)
                try await guests.removeNetwork(network)
            }
        }
    }
}

/// The rule that all of Compute Engine's names follow.
enum ResourceNames {
    /// - Throws: ``GoogleError`` `invalid` (400) with Google's text.
    static func check(_ name: String) throws {
        guard name.wholeMatch(of: /[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?/) != nil else {
            throw GoogleError.invalidName(name)
        }
    }
}
