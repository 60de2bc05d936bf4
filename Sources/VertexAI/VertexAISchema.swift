package import GRDB
import MetadataStore

package enum VertexAISchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("aiplatform.1") { db in
            try db.create(table: "vertex_custom_jobs") { table in
                table.primaryKey("id", .text)
                table.column("project", .text).notNull()
                table.column("location", .text).notNull()
                table.column("state", .text).notNull()
                table.column("createTime", .datetime).notNull()
                table.column("job", .blob).notNull()
                // Whether the user asked for the end.
                table.column("isCancelled", .boolean).notNull().defaults(to: false)
                // Whether there is nothing left to do for the job.
                table.column("isOver", .boolean).notNull().defaults(to: false)
            }
            try db.create(
                index: "vertex_custom_jobs_by_time",
                on: "vertex_custom_jobs",
                columns: ["project", "location", "createTime"]
            )
            // How many lines of a replica are in the log already; a restarted daemon goes on after them.
            try db.create(table: "vertex_copied_lines") { table in
                table.column("job", .text).notNull()
                    .references("vertex_custom_jobs", onDelete: .cascade)
                table.column("replica", .text).notNull()
                table.column("lines", .integer).notNull()
                table.primaryKey(["job", "replica"])
            }
        }
    }
}
