package import GRDB
import MetadataStore

/// Secrets, and their versions with the payloads.
package enum SecretManagerSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("secretmanager.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE secrets (
                        id INTEGER PRIMARY KEY,
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, name TEXT NOT NULL,
                        -- What the user may set, and the etag; the name and the time are columns.
                        document BLOB NOT NULL,
                        createTime DATETIME NOT NULL,
                        policy BLOB,
                        UNIQUE (project, name)
                    );
                    CREATE TABLE secret_versions (
                        secret INTEGER NOT NULL REFERENCES secrets(id) ON DELETE CASCADE,
                        number INTEGER NOT NULL,
                        state TEXT NOT NULL CHECK (state IN ('ENABLED', 'DISABLED', 'DESTROYED')),
                        createTime DATETIME NOT NULL, destroyTime DATETIME,
                        etag TEXT NOT NULL, isChecked BOOLEAN NOT NULL,
                        -- Gone when the version is destroyed.
                        payload BLOB, CHECK ((payload IS NULL) = (state = 'DESTROYED')),
                        PRIMARY KEY (secret, number)
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
