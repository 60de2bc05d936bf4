import APIServer
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes

/// Reserved addresses: external and internal ones of regions, and global ones.
///
/// See [addresses](https://docs.cloud.google.com/compute/docs/reference/rest/v1/addresses).
struct AddressMethods: Sendable {
    let rows: Rows
    let defaults: DefaultNetwork

    func add(to api: MethodTable) {
        for (id, place) in [("compute.addresses", ComputePath.region), ("compute.globalAddresses", ComputePath.global)]
        {
            let path = place + "/addresses"
            api.add("\(id).list", .get, path, list)
            api.add("\(id).get", .get, path + "/{name}", get)
            api.add("\(id).insert", .post, path, requires: "\(id).create", insert)
            api.add("\(id).delete", .delete, path + "/{name}", delete)
            api.add("\(id).setLabels", .post, path + "/{name}/setLabels", rows.setLabels)
            api.lacks(id, ["move"], on: path + "/{name}")
        }
        api.add(
            "compute.addresses.aggregatedList",
            .get,
            ComputePath.aggregated + "/addresses",
            requires: "compute.addresses.list",
            aggregatedList
        )
    }

    // MARK: Looking

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let users = try await users(in: input.project)
        return try await rows.list(input, as: caller) { Address.shown($0, users: users) }
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let users = try await users(in: input.project)
        return try await rows.aggregatedList(input, as: caller) { Address.shown($0, users: users) }
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let address = Address.shown(try await rows.store.get(key), users: try await users(in: key.project))
        return Link.render(address, for: caller.origin)
    }

    private func users(in project: String) async throws -> [String: [String]] {
        let project = try await rows.projects.project(project).id
        return try await rows.store.database.read { try Address.users(in: project, $0) }
    }

    // MARK: Changing

    /// Reserves an address: any external one, or an internal one of a subnetwork.
    ///
    /// - Throws: ``GoogleError`` (400) for a type, a subnetwork or an address that is none; 429 for a full range.
    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        let body = input.body
        let type = body["addressType"]?.string ?? "EXTERNAL"
        guard ["EXTERNAL", "INTERNAL"].contains(type) else {
            throw GoogleError.invalidField("resource.addressType", type, "It must be EXTERNAL or INTERNAL.")
        }
        let version = body["ipVersion"]?.string ?? "IPV4"
        guard version == "IPV4" else {
            throw GoogleError.invalidField("resource.ipVersion", version, "Only IPv4 addresses can be reserved here.")
        }
        var address: JSON = [
            "kind": "compute#address", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(Timestamp.text(rows.changes.now())), "selfLink": .string(key.link),
            "addressType": .string(type), "status": "RESERVED", "labelFingerprint": .string(Token.fingerprint()),
            "networkTier": body["networkTier"] ?? "PREMIUM",
        ]
        if key.region != nil { address["region"] = .string(Link.to(key.place)) }
        for field in ["description", "labels", "ipVersion"] where body[field] != nil { address[field] = body[field] }
        let wanted = body["address"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        guard type == "INTERNAL" else { return try await insertExternal(address, wanted, at: key, by: caller) }
        guard let region = Region.named(key.region ?? "") else {
            throw GoogleError.invalidField("resource.addressType", type, "No global internal ranges are kept here.")
        }
        let place = try await InstancePlace.find(
            body,
            region: region,
            project: key.project,
            defaults: defaults,
            store: rows.store
        )
        let ranges = try await place.ranges(store: rows.store)
        address["purpose"] = body["purpose"] ?? "GCE_ENDPOINT"
        address["subnetwork"] = .string(place.subnetwork.link)
        return try await insert(address, at: key, by: caller) { db in
            try Address.freeInternal(wanted, in: ranges.part ?? ranges.network, of: key.project, db)
        }
    }

    private func insertExternal(
        _ address: JSON,
        _ wanted: String?,
        at key: ResourceKey,
        by caller: Caller
    ) async throws -> JSON {
        guard wanted == nil else {
            throw GoogleError.invalidField(
                "resource.address",
                wanted ?? "",
                "A machine's own address cannot be kept: leave it out, and give the machine the one that is reserved."
            )
        }
        return try await insert(address, at: key, by: caller) { try Address.freeExternal(in: $0) }
    }

    private func insert(
        _ address: JSON,
        at key: ResourceKey,
        by caller: Caller,
        _ choose: @escaping @Sendable (Database) throws -> String
    ) async throws -> JSON {
        try await rows.changes.change("compute.addresses.insert", key, by: caller) { db in
            var address = address
            address["address"] = .string(try choose(db))
            try ResourceStore.insert(address, at: key, in: db)
            return address
        }
    }

    /// - Throws: ``GoogleError`` `resourceInUseByAnotherResource` (400) for an address that an instance has.
    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.changes.change("compute.addresses.delete", key, by: caller) { db in
            guard let address = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            let users = try Address.users(in: key.project, db)[address["address"]?.string ?? ""]
            if let user = users?.first {
                throw GoogleError.resourceInUse(key.resourceName, by: ResourceName(parsing: user))
            }
            try ResourceStore.delete(key, in: db)
            return address
        }
    }

    func register() async {
        await rows.changes.register(rowsOnly: ["insert", "delete", "setLabels"].map { "compute.addresses.\($0)" })
    }
}
