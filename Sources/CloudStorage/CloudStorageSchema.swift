package import GRDB
import MetadataStore

/// The tables of Cloud Storage. Times are microseconds since 1970; names are UTF-8 bytes, whose order SQLite keeps.
package enum CloudStorageSchema: Schema {
    package static func register(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("storage.1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE storage_buckets (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE,
                        project TEXT NOT NULL,
                        projectNumber INTEGER NOT NULL,
                        metageneration INTEGER NOT NULL,
                        document BLOB NOT NULL,
                        policy BLOB,
                        created INTEGER NOT NULL,
                        updated INTEGER NOT NULL
                    );
                    CREATE INDEX storage_buckets_by_project ON storage_buckets(project, name);
                    CREATE TABLE storage_objects (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id),
                        name BLOB NOT NULL,
                        generation INTEGER NOT NULL,
                        metageneration INTEGER NOT NULL,
                        isLive BOOLEAN NOT NULL,
                        blob TEXT NOT NULL,
                        size INTEGER NOT NULL,
                        crc32c INTEGER NOT NULL,
                        md5 BLOB,
                        componentCount INTEGER,
                        document BLOB NOT NULL,
                        created INTEGER NOT NULL,
                        updated INTEGER NOT NULL,
                        deleted INTEGER,
                        UNIQUE (bucket, name, generation)
                    );
                    CREATE UNIQUE INDEX storage_objects_live ON storage_objects(bucket, name) WHERE isLive;
                    CREATE INDEX storage_objects_by_blob ON storage_objects(blob);
                    CREATE TABLE storage_uploads (
                        id TEXT PRIMARY KEY NOT NULL,
                        bucket TEXT NOT NULL,
                        name TEXT NOT NULL,
                        blob TEXT NOT NULL,
                        offset INTEGER NOT NULL,
                        request BLOB NOT NULL,
                        generation INTEGER,
                        created INTEGER NOT NULL
                    );
                    CREATE INDEX storage_uploads_by_blob ON storage_uploads(blob);
                    """
            )
        }
        migrator.registerMigration("storage.2") { db in
            try db.execute(
                sql: """
                    ALTER TABLE storage_objects ADD COLUMN softDeleted INTEGER;
                    ALTER TABLE storage_objects ADD COLUMN hardDelete INTEGER;
                    CREATE INDEX storage_objects_by_hard_delete ON storage_objects(hardDelete)
                        WHERE hardDelete IS NOT NULL;
                    CREATE TABLE storage_notifications (
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id) ON DELETE CASCADE,
                        id INTEGER NOT NULL,
                        document BLOB NOT NULL,
                        PRIMARY KEY (bucket, id)
                    );
                    CREATE TABLE storage_managed_folders (
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        metageneration INTEGER NOT NULL,
                        policy BLOB,
                        created INTEGER NOT NULL,
                        updated INTEGER NOT NULL,
                        PRIMARY KEY (bucket, name)
                    );
                    CREATE TABLE storage_hmac_keys (
                        accessID TEXT PRIMARY KEY NOT NULL,
                        secret TEXT NOT NULL,
                        project TEXT NOT NULL,
                        account TEXT NOT NULL,
                        state TEXT NOT NULL,
                        metageneration INTEGER NOT NULL,
                        created INTEGER NOT NULL,
                        updated INTEGER NOT NULL
                    );
                    """
            )
        }
        migrator.registerMigration("storage.3") { db in
            try db.execute(
                sql: """
                    CREATE TABLE storage_multipart_uploads (
                        id TEXT PRIMARY KEY NOT NULL,
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        request BLOB NOT NULL,
                        created INTEGER NOT NULL
                    );
                    CREATE INDEX storage_multipart_uploads_by_bucket ON storage_multipart_uploads(bucket, name);
                    CREATE TABLE storage_multipart_parts (
                        upload TEXT NOT NULL REFERENCES storage_multipart_uploads(id) ON DELETE CASCADE,
                        number INTEGER NOT NULL,
                        blob TEXT NOT NULL,
                        size INTEGER NOT NULL,
                        crc32c INTEGER NOT NULL,
                        md5 BLOB NOT NULL,
                        created INTEGER NOT NULL,
                        PRIMARY KEY (upload, number)
                    );
                    CREATE INDEX storage_multipart_parts_by_blob ON storage_multipart_parts(blob);
                    """
            )
        }
        migrator.registerMigration("storage.4") { db in
            // Of blobs that are sealed with a customer's key; `size`, `crc32c` and `md5` are of their content.
            try db.execute(
                sql: """
                    ALTER TABLE storage_objects ADD COLUMN keySHA256 BLOB;
                    ALTER TABLE storage_objects ADD COLUMN sealedCRC32C INTEGER;
                    """
            )
        }
        migrator.registerMigration("storage.5") { db in
            try db.execute(
                sql: """
                    CREATE TABLE storage_folders (
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id) ON DELETE CASCADE,
                        name BLOB NOT NULL,
                        metageneration INTEGER NOT NULL,
                        created INTEGER NOT NULL,
                        updated INTEGER NOT NULL,
                        PRIMARY KEY (bucket, name)
                    ) WITHOUT ROWID;
                    CREATE TABLE storage_operations (
                        id TEXT PRIMARY KEY NOT NULL,
                        bucket INTEGER NOT NULL REFERENCES storage_buckets(id) ON DELETE CASCADE,
                        document BLOB NOT NULL,
                        created INTEGER NOT NULL
                    );
                    CREATE INDEX storage_operations_by_bucket ON storage_operations(bucket, created);
                    """
            )
        }
    }
}
