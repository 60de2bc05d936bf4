import Foundation
import GRDB

/// What a guest says of itself: host keys, the state of its start-up, anything a program in it wants to tell.
///
/// [Guest attributes](https://docs.cloud.google.com/compute/docs/metadata/manage-guest-attributes)
package struct GuestAttribute: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
    package static let databaseTableName = "guestAttributes"

    package var owner: String
    package var namespace: String
    package var key: String
    package var value: String

    package init(owner: String, namespace: String, key: String, value: String) {
        self.owner = owner
        self.namespace = namespace
        self.key = key
        self.value = value
    }
}

extension GuestStore {
    func attributes(owner: String, namespace: String? = nil, key: String? = nil) async throws -> [GuestAttribute] {
        try await database.read { db in
            var request = GuestAttribute.filter(Column("owner") == owner)
            if let namespace { request = request.filter(Column("namespace") == namespace) }
            if let key { request = request.filter(Column("key") == key) }
            return try request.order(Column("namespace"), Column("key")).fetchAll(db)
        }
    }

    func set(_ attribute: GuestAttribute) async throws {
        try await database.write { db in try attribute.save(db) }
    }

    func removeAttribute(owner: String, namespace: String, key: String) async throws {
        _ = try await database.write { db in
            try GuestAttribute.filter(
                Column("owner") == owner && Column("namespace") == namespace && Column("key") == key
            ).deleteAll(db)
        }
    }
}
