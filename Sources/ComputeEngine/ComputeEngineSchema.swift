package import GRDB
import MetadataStore

package enum ComputeEngineSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("compute.1") { db in
            // Instances, disks, firewalls: the wire document, found by where it stands.
            try db.create(table: "computeResources") { table in
                table.column("project", .text).notNull()
                table.column("scope", .text).notNull()
                table.column("collection", .text).notNull()
                table.column("name", .text).notNull()
                table.column("id", .text).notNull().unique()
                table.column("resource", .blob).notNull()
                table.primaryKey(["project", "collection", "scope", "name"])
            }
            // A project's own metadata and the like.
            try db.create(table: "computeProjects") { table in
                table.primaryKey("project", .text)
                table.column("resource", .blob).notNull()
            }
        }
        migrator.registerMigration("compute.usage.1") { try UsageTable.create(in: $0) }
        migrator.registerMigration("compute.2") { db in
            // Projects that have been given their default network.
            try db.create(table: "computeDefaultNetworks") { $0.primaryKey("project", .text) }
        }
        migrator.registerMigration("compute.usage.2") { try UsageTable.widen(in: $0) }
        migrator.registerMigration("compute.3") { db in
            // Access policies; each goes with its resource.
            try db.create(table: "computePolicies") { table in
                table.primaryKey("id", .text).references("computeResources", column: "id", onDelete: .cascade)
                table.column("policy", .blob).notNull()
            }
        }
    }
}
