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
        migrator.registerMigration("cloudbuild.triggers.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE build_triggers (
                        id TEXT NOT NULL PRIMARY KEY,
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, location TEXT NOT NULL,
                        name TEXT NOT NULL, createTime DATETIME NOT NULL,
                        document BLOB NOT NULL,
                        UNIQUE (project, location, name)
                    );
                    CREATE TABLE build_events (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        -- Names what must not count twice, such as a delivery that its sender repeats.
                        key TEXT UNIQUE,
                        time DATETIME NOT NULL,
                        document BLOB NOT NULL,
                        isSettled BOOLEAN NOT NULL DEFAULT FALSE
                    );
                    CREATE INDEX build_events_unsettled ON build_events(id) WHERE NOT isSettled;
                    """
            )
        }
        migrator.registerMigration("cloudbuild.connections.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE build_connections (
                        name TEXT NOT NULL PRIMARY KEY,
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, location TEXT NOT NULL, id TEXT NOT NULL,
                        createTime DATETIME NOT NULL,
                        document BLOB NOT NULL,
                        webhookKey TEXT NOT NULL UNIQUE, webhookSecret TEXT NOT NULL
                    );
                    CREATE TABLE build_repositories (
                        name TEXT NOT NULL PRIMARY KEY,
                        connection TEXT NOT NULL REFERENCES build_connections(name) ON DELETE CASCADE,
                        id TEXT NOT NULL, remote TEXT NOT NULL, createTime DATETIME NOT NULL
                    );
                    CREATE INDEX build_repositories_by_connection ON build_repositories(connection, id);
                    """
            )
        }
        migrator.registerMigration("cloudbuild.workerPools.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE build_worker_pools (
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, location TEXT NOT NULL, id TEXT NOT NULL,
                        document BLOB NOT NULL,
                        PRIMARY KEY (project, location, id)
                    );
                    """
            )
        }
    }
}
