import Foundation
import GoogleAPI
import Workloads

/// A VPC network's document, and which of the engine's networks its instances are in.
///
/// A network in auto mode is one network of the engine's that spans all regions, as Google's does. In custom mode each
/// subnetwork is one.
enum Network {
    static func document(_ asked: JSON, _ key: ResourceKey, created: String) -> JSON {
        var network: JSON = [
            "kind": "compute#network", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(created), "selfLink": .string(key.link),
            "autoCreateSubnetworks": .bool(asked["autoCreateSubnetworks"]?.bool ?? true),
            "routingConfig": asked["routingConfig"] ?? ["routingMode": "REGIONAL"], "mtu": asked["mtu"] ?? 1460,
            "networkFirewallPolicyEnforcementOrder":
                asked["networkFirewallPolicyEnforcementOrder"] ?? "AFTER_CLASSIC_FIREWALL",
        ]
        if let description = asked["description"] { network["description"] = description }
        return network
    }

    static func isAuto(_ network: JSON) -> Bool { network["autoCreateSubnetworks"]?.bool ?? true }

    static func key(_ name: String, in project: String) -> ResourceKey {
        ResourceKey(project: project, scope: "global", collection: "networks", name: name)
    }

    static func subnetworkKey(_ name: String, region: String, in project: String) -> ResourceKey {
        ResourceKey(project: project, scope: "regions/\(region)", collection: "subnetworks", name: name)
    }

    /// The subnetwork that a network in auto mode has in a region; it has the network's own name.
    static func autoSubnetwork(_ region: Region, of network: JSON) -> JSON {
        let key = ResourceKey(ResourceName(parsing: network["selfLink"]?.string ?? ""))
        let own = subnetworkKey(key.name, region: region.name, in: key.project)
        var subnetwork = subnetworkDocument(
            own,
            range: region.range,
            network: key,
            created: network["creationTimestamp"]?.string ?? "",
            id: Token.id(for: own.resourceName.description)
        )
        // The same whenever it is read, until it is changed.
        subnetwork["fingerprint"] = .string(Data((subnetwork["id"]?.string ?? "").utf8.prefix(8)).base64EncodedString())
        return subnetwork
    }

    static func subnetworkDocument(
        _ key: ResourceKey,
        range: String,
        network: ResourceKey,
        created: String,
        id: String
    ) -> JSON {
        [
            "kind": "compute#subnetwork", "id": .string(id), "name": .string(key.name), "ipCidrRange": .string(range),
            "creationTimestamp": .string(created),
            "gatewayAddress": .string(AddressRange(exactly: range)?.gateway ?? ""),
            "stackType": "IPV4_ONLY", "network": .string(network.link), "purpose": "PRIVATE",
            "region": .string(Link.to("projects/\(key.project)/\(key.scope)")), "selfLink": .string(key.link),
            "privateIpGoogleAccess": false, "fingerprint": .string(Token.fingerprint()),
        ]
    }
}
