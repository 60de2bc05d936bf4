package import GRDB
import MetadataStore

package enum OperationsSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("operations.1") { db in
            try db.create(table: "operations") { table in
                table.primaryKey("id", .text)
                table.column("method", .text).notNull()
                table.column("project", .text).notNull()
                table.column("scope", .text).notNull()
                table.column("target", .text).notNull()
                table.column("user", .text).notNull()
                table.column("input", .blob).notNull()
                table.column("metadata", .blob).notNull()
                table.column("state", .text).notNull()
                table.column("response", .blob)
                table.column("error", .blob)
                table.column("insertTime", .datetime).notNull()
                table.column("startTime", .datetime)
                table.column("endTime", .datetime)
            }
            try db.create(index: "operations_by_scope", on: "operations", columns: ["project", "scope", "insertTime"])
            try db.execute(sql: "CREATE INDEX operations_unfinished ON operations(state) WHERE state <> 'done'")
        }
    }
}
