package import GRDB
import MetadataStore

package enum ServiceUsageSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("serviceusage.1") { db in
            // What differs from the state that a service has in a new project.
            try db.create(table: "serviceusage_services") { table in
                table.column("project", .text).notNull()
                table.column("service", .text).notNull()
                table.column("isEnabled", .boolean).notNull()
                table.primaryKey(["project", "service"])
            }
            try db.create(table: "serviceusage_operations") { table in
                table.primaryKey("id", .text)
                table.column("project", .text).notNull()
                table.column("document", .blob).notNull()
            }
        }
    }
}
