import APIServer
import Foundation
import GRDB
import GoogleAPI
import Operations

/// The default network of every project, its subnetworks, and firewall rules.
struct NetworkMethods: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let changes: ChangeLog

    static let defaultNetwork = "default"
    private static let creationTimestamp = "1969-12-31T16:00:00.000-08:00"

    // MARK: Networks

    func listNetworks(_ input: ListInput, as caller: Caller) async throws -> JSON {
        try input.page([network(try await projects.project(input.project).id)], kind: "network", for: caller)
    }

    func getNetwork(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        guard input.name == Self.defaultNetwork else {
            throw GoogleError.resourceMissing(ResourceName(["projects", project, "global", "networks", input.name]))
        }
        return Link.render(network(project), for: caller.origin)
    }

    func listSubnetworks(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        guard let name = input.region else {
            let scopes = Region.all.map { ("regions/\($0.name)", [subnetwork($0, project)]) }
            return try input.aggregate(scopes, collection: "subnetworks", kind: "subnetwork", for: caller)
        }
        guard let region = Region.named(name) else {
            throw GoogleError.resourceMissing(ResourceName(["projects", project, "regions", name]))
        }
        return try input.page([subnetwork(region, project)], kind: "subnetwork", for: caller)
    }

    func getSubnetwork(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        guard let region = Region.named(input.region ?? ""), input.name == Self.defaultNetwork else {
            throw GoogleError.resourceMissing(
                ResourceName(["projects", project, "regions", input.region ?? "", "subnetworks", input.name])
            )
        }
        return Link.render(subnetwork(region, project), for: caller.origin)
    }

    /// Reserved addresses: there are none, for an instance's address is its own as long as it exists.
    func listAddresses(_ input: ListInput, as caller: Caller) async throws -> JSON {
        _ = try await projects.project(input.project)
        return try input.page([], kind: "address", for: caller)
    }

    func aggregatedAddresses(_ input: ListInput, as caller: Caller) async throws -> JSON {
        _ = try await projects.project(input.project)
        return try input.aggregate([], collection: "addresses", kind: "address", for: caller)
    }

    private func network(_ project: String) -> JSON {
        [
            "kind": "compute#network", "id": "1", "name": .string(Self.defaultNetwork), "autoCreateSubnetworks": true,
            "description": "Default network for the project", "creationTimestamp": .string(Self.creationTimestamp),
            "routingConfig": ["routingMode": "REGIONAL"], "mtu": 1460,
            "selfLink": .string(Link.to("projects/\(project)/global/networks/\(Self.defaultNetwork)")),
            "subnetworks": .array(Region.all.map { .string(subnetworkLink($0, project)) }),
        ]
    }

    private func subnetwork(_ region: Region, _ project: String) -> JSON {
        [
            "kind": "compute#subnetwork", "id": "1", "name": .string(Self.defaultNetwork),
            "ipCidrRange": .string(region.range), "creationTimestamp": .string(Self.creationTimestamp),
            "gatewayAddress": .string(region.range.replacing("0/20", with: "1")), "stackType": "IPV4_ONLY",
            "network": .string(Link.to("projects/\(project)/global/networks/\(Self.defaultNetwork)")),
            "region": .string(Link.to("projects/\(project)/regions/\(region.name)")),
            "selfLink": .string(subnetworkLink(region, project)), "purpose": "PRIVATE",
        ]
    }

    private func subnetworkLink(_ region: Region, _ project: String) -> String {
        Link.to("projects/\(project)/regions/\(region.name)/subnetworks/\(Self.defaultNetwork)")
    }

    // MARK: Firewalls

    struct InsertFirewallInput: MethodInput {
        var resource: ResourceName
        var project: String
        var firewall: JSON

        init(from call: Call) async throws {
            project = try call.parameter("project")
            resource = .project(project)
            firewall = try await call.body()
        }
    }

    func listFirewalls(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let own = try await store.list("firewalls", project: project).map(\.resource)
        return try input.page(defaultFirewalls(project) + own, kind: "firewall", for: caller)
    }

    func getFirewall(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        if let rule = defaultFirewalls(project).first(where: { $0["name"]?.string == input.name }) {
            return Link.render(rule, for: caller.origin)
        }
        return Link.render(try await store.get(firewallKey(input.name, project)), for: caller.origin)
    }

    func insertFirewall(_ input: InsertFirewallInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        var rule = input.firewall
        let name = rule["name"]?.string ?? ""
        try ResourceNames.check(name)
        let key = firewallKey(name, project)
        rule["kind"] = "compute#firewall"
        rule["id"] = .string(Token.id())
        rule["selfLink"] = .string(key.link)
        rule["creationTimestamp"] = .string(Timestamp.text(changes.now()))
        rule["network"] = rule["network"] ?? .string(Link.to("projects/\(project)/global/networks/default"))
        rule["priority"] = rule["priority"] ?? 1000
        rule["direction"] = rule["direction"] ?? "INGRESS"
        rule["disabled"] = rule["disabled"] ?? false
        let operation = changes.operation(
            "compute.firewalls.insert",
            on: key.resourceName,
            project: project,
            scope: "global",
            by: caller
        )
        let row = rule
        try await store.database.write { db in
            try ResourceStore.insert(row, at: key, in: db)
            try OperationRunner.insert(operation, in: db)
        }
        return try await changes.begin(operation, for: caller)
    }

    func deleteFirewall(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let key = firewallKey(input.name, project)
        let operation = changes.operation(
            "compute.firewalls.delete",
            on: key.resourceName,
            project: project,
            scope: "global",
            by: caller
        )
        try await store.database.write { db in
            guard try ResourceStore.fetch(key, in: db) != nil else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            try ResourceStore.delete(key, in: db)
            try OperationRunner.insert(operation, in: db)
        }
        return try await changes.begin(operation, for: caller)
    }

    private func firewallKey(_ name: String, _ project: String) -> ResourceKey {
        ResourceKey(project: project, scope: "global", collection: "firewalls", name: name)
    }

    private func defaultFirewalls(_ project: String) -> [JSON] {
        let rules: [(String, JSON, String, Int64)] = [
            ("default-allow-icmp", [["IPProtocol": "icmp"]], "0.0.0.0/0", 65534),
            (
                "default-allow-internal",
                [
                    ["IPProtocol": "tcp", "ports": ["0-65535"]], ["IPProtocol": "udp", "ports": ["0-65535"]],
                    ["IPProtocol": "icmp"],
                ],
                "10.128.0.0/9", 65534
            ),
            ("default-allow-rdp", [["IPProtocol": "tcp", "ports": ["3389"]]], "0.0.0.0/0", 65534),
            ("default-allow-ssh", [["IPProtocol": "tcp", "ports": ["22"]]], "0.0.0.0/0", 65534),
        ]
        return rules.map { name, allowed, source, priority in
            [
                "kind": "compute#firewall", "id": "1", "name": .string(name), "allowed": allowed,
                "sourceRanges": [.string(source)], "priority": .integer(priority), "direction": "INGRESS",
                "disabled": false, "creationTimestamp": .string(Self.creationTimestamp),
                "network": .string(Link.to("projects/\(project)/global/networks/default")),
                "selfLink": .string(firewallKey(name, project).link),
            ]
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
