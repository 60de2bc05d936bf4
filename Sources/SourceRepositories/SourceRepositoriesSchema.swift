package import GRDB
import MetadataStore

/// Repositories, and where their branches and tags stood when it was last told.
package enum SourceRepositoriesSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("sourcerepo.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE source_repositories (
                        -- Also the name of the folder: what users call a repository never becomes a path.
                        id TEXT NOT NULL PRIMARY KEY,
                        project TEXT NOT NULL, projectNumber INTEGER NOT NULL, name TEXT NOT NULL,
                        createTime DATETIME NOT NULL,
                        policy BLOB,
                        UNIQUE (project, name)
                    );
                    CREATE TABLE source_refs (
                        repository TEXT NOT NULL REFERENCES source_repositories(id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        -- The object that the reference names; of a tag that is an object itself, not its commit.
                        object TEXT NOT NULL,
                        PRIMARY KEY (repository, name)
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
