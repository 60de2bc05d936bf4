package import GRDB
import MetadataStore

package enum ResourceManagerSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("resourcemanager.1") { db in
            try db.create(table: "resourcemanager_projects") { table in
                table.primaryKey("id", .text)
                table.column("number", .integer).notNull().unique()
                table.column("state", .text).notNull()
                table.column("document", .blob).notNull()
            }
        }
    }
}
