package import GRDB
import MetadataStore

package enum IAMSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("iam.1") { db in
            try db.create(table: "iam_service_accounts") { table in
                table.primaryKey("email", .text)
                table.column("uniqueID", .text).notNull().unique()
                table.column("project", .text).notNull()
                // Google's own accounts in a project: not listed.
                table.column("isAgent", .boolean).notNull()
                table.column("disabled", .boolean).notNull()
                table.column("document", .blob).notNull()
            }
            try db.create(
                index: "iam_service_accounts_by_project",
                on: "iam_service_accounts",
                columns: ["project", "email"]
            )
            try db.create(table: "iam_keys") { table in
                table.primaryKey("id", .text)
                table.column("email", .text).notNull().indexed()
                    .references("iam_service_accounts", onDelete: .cascade)
                table.column("isSystemManaged", .boolean).notNull()
                table.column("disabled", .boolean).notNull()
                table.column("publicKey", .text).notNull()
                table.column("certificate", .text).notNull()
                table.column("validAfter", .datetime).notNull()
                table.column("validBefore", .datetime).notNull()
            }
            try db.create(table: "iam_policies") { table in
                // The relative name of the resource, with the project's ID.
                table.primaryKey("resource", .text)
                table.column("document", .blob).notNull()
            }
        }
    }
}
