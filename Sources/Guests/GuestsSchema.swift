package import GRDB
import MetadataStore

package enum GuestsSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("guests.1") { db in
            try db.create(table: "guestNetworks") { table in
                table.primaryKey("name", .text)
                table.column("subnet", .text).notNull()
                table.column("daemonAddress", .text).notNull()
                table.column("requestedSubnet", .text)
                table.column("labels", .blob).notNull()
                table.column("hasDoors", .boolean).notNull()
                table.column("hasFixedAddresses", .boolean).notNull()
                table.column("defaultGuest", .blob)
            }
            try db.create(table: "guests") { table in
                table.primaryKey("owner", .text)
                table.column("network", .text).notNull()
                table.column("address", .text)
                table.column("guest", .blob).notNull()
                table.uniqueKey(["network", "address"])
            }
            try db.create(table: "guestAttributes") { table in
                table.column("owner", .text).notNull()
                    .references("guests", onDelete: .cascade)
                table.column("namespace", .text).notNull()
                table.column("key", .text).notNull()
                table.column("value", .text).notNull()
                table.primaryKey(["owner", "namespace", "key"])
            }
        }
    }
}
