import GRDB

/// The table of ``ComputeUsage``, and the triggers that keep it.
///
/// The database itself notes when a resource begins and ceases to cost, in the transaction that changes it: no way of
/// changing a resource can forget to, and a killed daemon has noted all that it did.
enum UsageTable {
    /// A machine costs from RUNNING until it is TERMINATED.
    private static let costs = "json_extract(CAST(NEW.resource AS TEXT), '$.status') IN ('RUNNING', 'STOPPING')"
    private static let size = "json_extract(CAST(%.resource AS TEXT), '$.sizeGb')"
    private static let time = "(julianday('now') - 2440587.5) * 86400.0"
    private static let isOpen = "EXISTS (SELECT 1 FROM computeUsage WHERE id = NEW.id AND ended IS NULL)"

    private static let begin = """
        INSERT INTO computeUsage VALUES (
            NEW.id, NEW.project, NEW.scope, NEW.collection, NEW.name, \(time), NULL, NEW.resource
        );
        """

    private static func end(_ row: String) -> String {
        "UPDATE computeUsage SET ended = \(time) WHERE id = \(row).id AND ended IS NULL;"
    }

    private static let address = "json_extract(CAST(%.resource AS TEXT), '$.networkInterfaces[0].accessConfigs')"
    private static let isRunning = "json_extract(CAST(NEW.resource AS TEXT), '$.status') = 'RUNNING'"
    private static let isReady = "json_extract(CAST(NEW.resource AS TEXT), '$.status') = 'READY'"

    /// Reserved addresses, snapshots and images cost too, and a machine otherwise with another external address.
    static func widen(in db: Database) throws {
        let newAddress = address.replacing("%", with: "NEW")
        let oldAddress = address.replacing("%", with: "OLD")
        try db.execute(
            sql: """
                CREATE TRIGGER computeUsage_address_made AFTER INSERT ON computeResources
                WHEN NEW.collection = 'addresses' BEGIN \(begin) END;
                CREATE TRIGGER computeUsage_copy_made AFTER UPDATE ON computeResources
                WHEN NEW.collection IN ('snapshots', 'images') AND \(isReady) AND NOT \(isOpen) BEGIN \(begin) END;
                CREATE TRIGGER computeUsage_machine_readdressed AFTER UPDATE ON computeResources
                WHEN NEW.collection = 'instances' AND \(costs) AND \(isOpen) AND \(newAddress) IS NOT \(oldAddress)
                BEGIN \(end("NEW")) \(begin) END;

                -- A machine that is off is STOPPING again when it is deleted, and costs nothing for that.
                DROP TRIGGER computeUsage_machine_on;
                CREATE TRIGGER computeUsage_machine_on AFTER UPDATE ON computeResources
                WHEN NEW.collection = 'instances' AND \(isRunning) AND NOT \(isOpen) BEGIN \(begin) END;

                INSERT INTO computeUsage
                SELECT id, project, scope, collection, name, \(time), NULL, resource FROM computeResources AS NEW
                WHERE NEW.collection IN ('snapshots', 'images') AND \(isReady);
                """
        )
    }

    static func create(in db: Database) throws {
        let newSize = size.replacing("%", with: "NEW")
        let oldSize = size.replacing("%", with: "OLD")
        try db.execute(
            sql: """
                -- Times in seconds since 1970.
                CREATE TABLE computeUsage (
                    id TEXT NOT NULL, project TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT NOT NULL,
                    name TEXT NOT NULL, started REAL NOT NULL, ended REAL, resource BLOB NOT NULL
                );
                CREATE UNIQUE INDEX computeUsage_open ON computeUsage(id) WHERE ended IS NULL;
                CREATE INDEX computeUsage_by_time ON computeUsage(started);

                CREATE TRIGGER computeUsage_disk_made AFTER INSERT ON computeResources
                WHEN NEW.collection = 'disks' BEGIN \(begin) END;
                CREATE TRIGGER computeUsage_disk_grown AFTER UPDATE ON computeResources
                WHEN NEW.collection = 'disks' AND \(newSize) <> \(oldSize) BEGIN \(end("NEW")) \(begin) END;
                CREATE TRIGGER computeUsage_machine_on AFTER UPDATE ON computeResources
                WHEN NEW.collection = 'instances' AND \(costs) AND NOT \(isOpen) BEGIN \(begin) END;
                CREATE TRIGGER computeUsage_machine_off AFTER UPDATE ON computeResources
                WHEN NEW.collection = 'instances' AND NOT \(costs) BEGIN \(end("NEW")) END;
                CREATE TRIGGER computeUsage_gone AFTER DELETE ON computeResources BEGIN \(end("OLD")) END;

                -- What is there already costs from now on.
                INSERT INTO computeUsage
                SELECT id, project, scope, collection, name, \(time), NULL, resource FROM computeResources AS NEW
                WHERE NEW.collection = 'disks' OR (NEW.collection = 'instances' AND \(costs));
                """
        )
    }
}
