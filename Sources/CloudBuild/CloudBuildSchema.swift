package import GRDB
import MetadataStore

/// Builds: what was asked for, and the resource as it stands.
package enum CloudBuildSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("cloudbuild.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE builds (
                        id TEXT NOT NULL PRIMARY KEY,
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, location TEXT NOT NULL,
                        status TEXT NOT NULL, createTime DATETIME NOT NULL,
                        -- The account that the steps act as.
                        account TEXT NOT NULL,
                        -- The build as the client sent it: what a retry begins with.
                        request BLOB NOT NULL,
                        document BLOB NOT NULL,
                        -- Whether the steps were handed to the engine: after a restart they are taken up, not begun again.
                        isHandedOver BOOLEAN NOT NULL DEFAULT FALSE,
                        isCancelled BOOLEAN NOT NULL DEFAULT FALSE
                    );
                    CREATE INDEX builds_by_time ON builds(project, location, createTime);
                    CREATE INDEX builds_unfinished ON builds(createTime) WHERE status IN ('QUEUED', 'WORKING');
                    """
            )
        }
    }
}
