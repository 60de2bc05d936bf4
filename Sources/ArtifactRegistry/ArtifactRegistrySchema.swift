package import GRDB
import MetadataStore

/// Repositories, and what was pushed into them. Blobs are shared by all; who may see one is said by its links.
package enum ArtifactRegistrySchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("artifactregistry.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE artifact_repositories (
                        project TEXT NOT NULL, location TEXT NOT NULL, repository TEXT NOT NULL,
                        document BLOB NOT NULL, createTime DATETIME NOT NULL,
                        PRIMARY KEY (project, location, repository)
                    );
                    -- The bytes, by digest; blobID is the blob store's name of them.
                    CREATE TABLE artifact_blobs (
                        digest TEXT NOT NULL PRIMARY KEY, blobID TEXT NOT NULL UNIQUE, sizeBytes INTEGER NOT NULL
                    );
                    -- Which projects have pushed or mounted a blob; without a link it is not there for them.
                    CREATE TABLE artifact_links (
                        project TEXT NOT NULL, digest TEXT NOT NULL REFERENCES artifact_blobs(digest),
                        touchTime DATETIME NOT NULL,
                        PRIMARY KEY (project, digest)
                    );
                    CREATE INDEX artifact_links_by_digest ON artifact_links(digest);
                    CREATE INDEX artifact_links_by_time ON artifact_links(touchTime);
                    CREATE TABLE artifact_manifests (
                        id INTEGER PRIMARY KEY,
                        project TEXT NOT NULL, location TEXT NOT NULL, repository TEXT NOT NULL, image TEXT NOT NULL,
                        digest TEXT NOT NULL, mediaType TEXT NOT NULL, content BLOB NOT NULL,
                        imageSizeBytes INTEGER NOT NULL, subject TEXT, artifactType TEXT, annotations BLOB,
                        createTime DATETIME NOT NULL, updateTime DATETIME NOT NULL,
                        UNIQUE (project, location, repository, image, digest)
                    );
                    CREATE INDEX artifact_manifests_by_subject ON artifact_manifests(subject) WHERE subject IS NOT NULL;
                    -- The blobs that keep a manifest whole.
                    CREATE TABLE artifact_manifest_blobs (
                        manifest INTEGER NOT NULL REFERENCES artifact_manifests(id) ON DELETE CASCADE,
                        project TEXT NOT NULL, digest TEXT NOT NULL,
                        PRIMARY KEY (manifest, digest)
                    );
                    CREATE INDEX artifact_manifest_blobs_by_digest ON artifact_manifest_blobs(project, digest);
                    CREATE TABLE artifact_tags (
                        project TEXT NOT NULL, location TEXT NOT NULL, repository TEXT NOT NULL, image TEXT NOT NULL,
                        tag TEXT NOT NULL, digest TEXT NOT NULL, updateTime DATETIME NOT NULL,
                        PRIMARY KEY (project, location, repository, image, tag),
                        FOREIGN KEY (project, location, repository, image, digest)
                            REFERENCES artifact_manifests(project, location, repository, image, digest)
                    );
                    CREATE INDEX artifact_tags_by_digest
                        ON artifact_tags(project, location, repository, image, digest);
                    """
            )
        }
        migrator.registerMigration("artifactregistry.2") { db in
            // Who may pull from and push to one repository.
            try db.execute(sql: "ALTER TABLE artifact_repositories ADD COLUMN policy BLOB")
        }
        migrator.registerMigration("artifactregistry.python.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE artifact_python_files (
                        project TEXT NOT NULL, location TEXT NOT NULL, repository TEXT NOT NULL,
                        package TEXT NOT NULL, version TEXT NOT NULL, fileName TEXT NOT NULL,
                        digest TEXT NOT NULL, sizeBytes INTEGER NOT NULL, requiresPython TEXT,
                        createTime DATETIME NOT NULL,
                        PRIMARY KEY (project, location, repository, package, fileName),
                        FOREIGN KEY (project, location, repository)
                            REFERENCES artifact_repositories(project, location, repository) ON DELETE CASCADE
                    );
                    -- The blobs that files keep.
                    CREATE INDEX artifact_python_files_by_digest ON artifact_python_files(project, digest);
                    """
            )
        }
    }
}
