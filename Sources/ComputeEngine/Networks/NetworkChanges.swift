import APIServer
import GoogleAPI
import GRDB

// What is changed of networks and subnetworks that are there.
extension NetworkMethods {
    /// Changes a network's routing mode and the largest size of its packets, which are shown and do nothing here.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for another field, or a size that Google does not have.
    func patch(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try await defaults.establish(in: key.project)
        if let mtu = input.body["mtu"], !(1300...8896).contains(mtu.integer ?? 0) {
            let text = mtu.string ?? mtu.integer.map(String.init) ?? ""
            throw GoogleError.invalidField("resource.mtu", text, "It must be between 1300 and 8896.")
        }
        return try await rows.update("patch", input, by: caller) { network in
            let changeable = ["routingConfig", "mtu", "networkFirewallPolicyEnforcementOrder"]
            try Self.merge(input.body, into: &network, only: changeable, for: caller)
        }
    }

    /// Gives a network in auto mode the subnetworks that it has as its own; there is no way back.
    ///
    /// See [switching](https://docs.cloud.google.com/vpc/docs/create-modify-vpc-networks#switch-network-mode).
    func switchToCustomMode(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try await defaults.establish(in: key.project)
        return try await rows.changes.change("compute.networks.switchToCustomMode", key, by: caller) { db in
            try ResourceStore.update(key, in: db) { network in
                guard Network.isAuto(network) else {
                    throw GoogleError.invalid("The network '\(key.resourceName)' is in custom mode already.")
                }
                for region in Region.all {
                    let subnetwork = Network.subnetworkKey(key.name, region: region.name, in: key.project)
                    try Network.keep(subnetwork, of: network, in: db)
                }
                network["autoCreateSubnetworks"] = false
            }
        }
    }

    // MARK: Subnetworks

    /// What is said of a subnetwork, is shown and does nothing here.
    static let saidOfSubnetworks = ["description", "privateIpGoogleAccess", "logConfig", "enableFlowLogs"]

    /// Changes what is said of a subnetwork; its range stays.
    ///
    /// - Throws: ``GoogleError`` `conditionNotMet` (412) for an older fingerprint; 400 for another field.
    func patchSubnetwork(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await changeSubnetwork("patch", input, by: caller) { subnetwork in
            try Token.check(input.body["fingerprint"], against: subnetwork["fingerprint"])
            try Self.merge(input.body, into: &subnetwork, only: Self.saidOfSubnetworks, for: caller)
        }
    }

    /// Says whether machines without an external address reach Google's APIs; here they always do.
    func setPrivateIPGoogleAccess(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        guard let isOn = input.body["privateIpGoogleAccess"]?.bool else {
            throw GoogleError.fieldMissing("privateIpGoogleAccess")
        }
        return try await changeSubnetwork("setPrivateIpGoogleAccess", input, by: caller) { subnetwork in
            subnetwork["privateIpGoogleAccess"] = .bool(isOn)
        }
    }

    /// Changes a subnetwork's row; one of a network in auto mode has a row from now on.
    private func changeSubnetwork(
        _ verb: String,
        _ input: ChangeInput,
        by caller: Caller,
        _ change: @escaping @Sendable (inout JSON) throws -> Void
    ) async throws -> JSON {
        let key = try await subnetworks.key(input)
        try await defaults.establish(in: key.project)
        return try await subnetworks.changes.change("compute.subnetworks.\(verb)", key, by: caller) { db in
            let network = try ResourceStore.fetch(Network.key(key.name, in: key.project), in: db)
            if let network, Network.isAuto(network) { try Network.keep(key, of: network, in: db) }
            return try ResourceStore.update(key, in: db) { subnetwork in
                try change(&subnetwork)
                subnetwork["fingerprint"] = .string(Token.fingerprint())
            }
        }
    }

    /// Merges the named fields of a patch into a row, and refuses others that say something else than the row.
    private static func merge(
        _ patch: JSON,
        into resource: inout JSON,
        only changeable: [String],
        for caller: Caller
    ) throws {
        let shown = Link.render(resource, for: caller.origin)
        for (field, asked) in patch.object ?? [:] where field != "fingerprint" {
            guard changeable.contains(field) else {
                guard asked == shown[field] else { throw GoogleError.fieldStays(field) }
                continue
            }
            var value = resource[field] ?? .null
            value.merge(asked)
            resource[field] = value
        }
    }
}

extension Network {
    /// Makes a row of the subnetwork that a network in auto mode has in a region, unless there is one.
    static func keep(_ subnetwork: ResourceKey, of network: JSON, in db: Database) throws {
        guard let region = Region.named(subnetwork.region ?? ""),
            try ResourceStore.fetch(subnetwork, in: db) == nil
        else { return }
        try ResourceStore.insert(autoSubnetwork(region, of: network), at: subnetwork, in: db)
    }
}
