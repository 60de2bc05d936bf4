import APIServer
import GoogleAPI

/// The network and subnetwork of an instance, as a client asks for them and as the engine has them.
struct InstancePlace: Sendable {
    var network: ResourceKey
    var subnetwork: ResourceKey

    /// Finds what an interface names; the default network when it names nothing.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a network or a subnetwork that is not there, or does not fit.
    static func find(
        _ interface: JSON?,
        region: Region,
        project: String,
        defaults: DefaultNetwork,
        store: ResourceStore
    ) async throws -> InstancePlace {
        try await defaults.establish(in: project)
        let field = "resource.networkInterfaces[0]"
        let asked = (network: interface?["network"]?.string ?? "", subnetwork: interface?["subnetwork"]?.string ?? "")
        let subnetworkName = asked.subnetwork.isEmpty ? nil : ResourceName(parsing: asked.subnetwork)
        if let named = subnetworkName?.value(of: "regions"), named != region.name {
            throw GoogleError.invalidField(
                "\(field).subnetwork",
                asked.subnetwork,
                "The subnetwork must be in the instance's region, \(region.name)."
            )
        }
        let own = subnetworkName.map { Network.subnetworkKey($0.last, region: region.name, in: project) }
        var row: JSON?
        if let own { row = try await store.find(own) }
        let name: String
        if let row, asked.network.isEmpty {
            name = ResourceName(parsing: row["network"]?.string ?? "").last
        } else if !asked.network.isEmpty {
            name = ResourceName(parsing: asked.network).last
        } else {
            name = subnetworkName?.last ?? DefaultNetwork.name
        }
        let network = Network.key(name, in: project)
        let found = try await store.find(network)
        // A subnetwork that is named without its network is one of its own, or an auto mode network's.
        if let own, row == nil, asked.network.isEmpty, !(found.map(Network.isAuto) ?? false) {
            throw GoogleError.invalidField(
                "\(field).subnetwork",
                own.resourceName.description,
                "The referenced subnetwork resource cannot be found."
            )
        }
        guard let found else {
            throw GoogleError.invalidField(
                "\(field).network",
                asked.network,
                "The referenced network resource cannot be found."
            )
        }
        if Network.isAuto(found) {
            guard subnetworkName == nil || subnetworkName?.last == name else {
                throw GoogleError.invalidField(
                    "\(field).subnetwork",
                    own?.resourceName.description ?? "",
                    "The referenced subnetwork resource cannot be found."
                )
            }
            let subnetwork = Network.subnetworkKey(name, region: region.name, in: project)
            return InstancePlace(network: network, subnetwork: subnetwork)
        }
        guard let own, let row, row["network"]?.string == network.link else {
            throw GoogleError.invalidField(
                "\(field).subnetwork",
                own?.resourceName.description ?? "",
                asked.subnetwork.isEmpty
                    ? "A network in custom mode needs a subnetwork to be named."
                    : "The referenced subnetwork resource cannot be found."
            )
        }
        return InstancePlace(network: network, subnetwork: own)
    }

    /// Reads the place from an instance's row.
    init(of instance: JSON) {
        let interface = instance["networkInterfaces"]?[0]
        network = ResourceKey(ResourceName(parsing: interface?["network"]?.string ?? ""))
        subnetwork = ResourceKey(ResourceName(parsing: interface?["subnetwork"]?.string ?? ""))
    }

    private init(network: ResourceKey, subnetwork: ResourceKey) {
        self.network = network
        self.subnetwork = subnetwork
    }

    /// Subnetworks of networks in auto mode are named as their network, and are no networks of the engine's.
    private var isAuto: Bool { network.name == subnetwork.name }

    /// The engine's network for the instance.
    var engineNetwork: String { Self.engineNetwork(isAuto ? network : subnetwork) }

    static func engineNetwork(_ key: ResourceKey) -> String {
        if key.collection == "subnetworks" {
            return "vpc-\(key.project).\(key.scope.dropFirst("regions/".count)).\(key.name)"
        }
        return key.name == DefaultNetwork.name ? "vpc-\(key.project)" : "vpc-\(key.project).\(key.name)"
    }

    /// The range of the engine's network, and the part of it that the instance's address is chosen from.
    func ranges(store: ResourceStore) async throws -> (network: String, part: String?) {
        if isAuto { return (Self.autoRange, Region.named(String(subnetwork.scope.dropFirst("regions/".count)))?.range) }
        let row = try await store.get(subnetwork)
        return (row["ipCidrRange"]?.string ?? "", nil)
    }

    /// Holds the ranges of all regions that Brume has; Google's own /9 would hide more of the machine's network.
    private static let autoRange = "10.128.0.0/10"
}
