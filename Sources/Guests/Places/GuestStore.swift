import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// A network as it is known.
struct NetworkRecord: Codable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "guestNetworks"

    var name: String
    var subnet: String
    var daemonAddress: String
    var requestedSubnet: String?
    var labels: Data
    var hasDoors: Bool
    var hasFixedAddresses: Bool
    var defaultGuest: Data?

    /// By which parts of one network know each other; nil for a network of one part.
    var whole: String? { (try? JSONCoding.decoder.decode([String: String].self, from: labels))?[Guests.wholeLabel] }
}

struct GuestRecord: Codable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "guests"

    var owner: String
    var network: String
    var address: String?
    var guest: Data

    func decoded() throws -> Guest { try JSONCoding.decoder.decode(Guest.self, from: guest) }
}

/// The rows of guests and of the networks they are in.
struct GuestStore: Sendable {
    let database: any DatabaseWriter

    func networks() async throws -> [NetworkRecord] {
        try await database.read { db in try NetworkRecord.order(Column("name")).fetchAll(db) }
    }

    func network(_ name: String) async throws -> NetworkRecord? {
        try await database.read { db in try NetworkRecord.fetchOne(db, key: name) }
    }

    /// Saves a network, with the default guest that it may have.
    func save(_ network: NetworkRecord) async throws {
        try await database.write { db in
            var network = network
            network.defaultGuest = try NetworkRecord.fetchOne(db, key: network.name)?.defaultGuest
            try network.save(db)
        }
    }

    func setDefault(_ guest: Data?, network: String) async throws -> Bool {
        try await database.write { db in
            try NetworkRecord.filter(key: network).updateAll(db, Column("defaultGuest").set(to: guest)) > 0
        }
    }

    func removeNetwork(_ name: String) async throws {
        _ = try await database.write { db in try NetworkRecord.deleteOne(db, key: name) }
    }

    func networksInUse() async throws -> Set<String> {
        try await database.read { db in
            try Set(String.fetchAll(db, sql: "SELECT DISTINCT network FROM guests"))
        }
    }

    /// Gives a guest its place; the same owner keeps the one it has.
    ///
    /// - Parameter choose: Picks an address among those that nobody has; called inside the transaction.
    func admit(
        _ guest: Data,
        owner: String,
        network: String,
        choose: @escaping @Sendable (Set<String>) throws -> String?
    ) async throws -> GuestPlace {
        try await database.write { db in
            if var row = try GuestRecord.fetchOne(db, key: owner), row.network == network {
                row.guest = guest
                try row.update(db)
                return GuestPlace(network: network, address: row.address)
            }
            let taken = try String.fetchSet(
                db,
                sql: "SELECT address FROM guests WHERE network = ? AND address IS NOT NULL",
                arguments: [network]
            )
            let address = try choose(taken)
            try GuestRecord(owner: owner, network: network, address: address, guest: guest).save(db)
            return GuestPlace(network: network, address: address)
        }
    }

    func update(_ guest: Data, owner: String) async throws -> Bool {
        try await database.write { db in
            try GuestRecord.filter(key: owner).updateAll(db, Column("guest").set(to: guest)) > 0
        }
    }

    func setAddress(_ address: String, owner: String) async throws {
        _ = try await database.write { db in
            try GuestRecord.filter(key: owner).updateAll(db, Column("address").set(to: address))
        }
    }

    func handOver(from owner: String, to other: String, _ guest: Data) async throws -> GuestPlace? {
        try await database.write { db in
            guard let row = try GuestRecord.fetchOne(db, key: owner), try GuestRecord.fetchOne(db, key: other) == nil
            else { return nil }
            try row.delete(db)
            try GuestRecord(owner: other, network: row.network, address: row.address, guest: guest).insert(db)
            return GuestPlace(network: row.network, address: row.address)
        }
    }

    func release(ownersBeginningWith prefix: String) async throws {
        _ = try await database.write { db in
            try GuestRecord.filter(Column("owner").like("\(prefix)%")).deleteAll(db)
        }
    }

    func release(owner: String) async throws {
        _ = try await database.write { db in try GuestRecord.deleteOne(db, key: owner) }
    }

    func guest(network: String, address: String) async throws -> GuestRecord? {
        try await database.read { db in
            try GuestRecord.filter(Column("network") == network && Column("address") == address).fetchOne(db)
        }
    }

    func guests(networks: [String]) async throws -> [GuestRecord] {
        try await database.read { db in try GuestRecord.filter(networks.contains(Column("network"))).fetchAll(db) }
    }

    func guest(owner: String) async throws -> GuestRecord? {
        try await database.read { db in try GuestRecord.fetchOne(db, key: owner) }
    }
}
