package import GRDB
import MetadataStore

package enum CloudBillingSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("cloudbilling.1") { db in
            // Projects whose account was taken away: all others have the one that there is.
            try db.create(table: "cloudbilling_unlinked") { table in
                table.primaryKey("project", .text)
            }
        }
    }
}
