package import GRDB
import MetadataStore

package enum CloudLoggingSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("logging.1") { db in
            try db.create(table: "log_entries") { table in
                // Nanoseconds since 1970 at which the entry came in; no two entries share one.
                table.primaryKey("stamp", .integer)
                table.column("project", .text).notNull()
                // Nanoseconds since 1970: the entry's own time.
                table.column("time", .integer).notNull()
                table.column("insertId", .text).notNull()
                table.column("logName", .text).notNull()
                // The job, build or instance that the entry tells of; nil for others.
                table.column("subject", .text)
                table.column("entry", .blob).notNull()
                // What carries the same three is the same entry, sent twice.
                table.uniqueKey(["project", "logName", "time", "insertId"])
            }
            try db.create(index: "log_entries_by_time", on: "log_entries", columns: ["project", "time", "insertId"])
            try db.create(
                index: "log_entries_by_subject",
                on: "log_entries",
                columns: ["project", "subject", "time", "insertId"]
            )
        }
    }
}
