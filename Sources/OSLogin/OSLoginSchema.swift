package import GRDB
import MetadataStore

package enum OSLoginSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("oslogin.1") { db in
            // The public keys of accounts, and the projects in which they have a Linux user.
            try db.create(table: "osloginKeys") { table in
                table.column("account", .text).notNull()
                table.column("fingerprint", .text).notNull()
                table.column("key", .text).notNull()
                // Microseconds since 1970; null: never.
                table.column("expires", .integer)
                table.primaryKey(["account", "fingerprint"])
            }
            try db.create(table: "osloginUsers") { table in
                table.column("account", .text).notNull()
                table.column("project", .text).notNull()
                table.primaryKey(["account", "project"])
            }
        }
    }
}
