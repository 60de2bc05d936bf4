import Foundation
package import GRDB
import GoogleAPI

/// The cloud's rows: one SQLite database that all services share, each with tables of its own.
///
/// Writes are durable when they return: WAL with `synchronous = FULL`, one fsync for a transaction.
package struct MetadataStore: Sendable {
    package let database: any DatabaseWriter

    /// Opens the database at `path`, creating it or bringing it up to date.
    ///
    /// - Throws: ``MetadataStoreError/newerVersion(path:)`` when a newer Brume has written it.
    package init(path: String, schemas: [any Schema.Type]) throws {
        var configuration = Self.configuration
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        database = try DatabasePool(path: path, configuration: configuration)
        try Self.migrator(schemas, for: database, path: path).migrate(database)
    }

    /// Opens the database at `path` for looking only, whether a daemon holds it or not.
    ///
    /// - Throws: ``MetadataStoreError/newerVersion(path:)``; ``MetadataStoreError/olderVersion(path:)`` when it would have
    ///   to be brought up to date first.
    package init(readingAt path: String, schemas: [any Schema.Type]) throws {
        var configuration = Self.configuration
        configuration.readonly = true
        database = try DatabasePool(path: path, configuration: configuration)
        let migrator = try Self.migrator(schemas, for: database, path: path)
        guard try database.read(migrator.hasCompletedMigrations) else {
            throw MetadataStoreError.olderVersion(path: path)
        }
    }

    /// Opens a database in memory, for tests.
    package init(inMemoryWith schemas: [any Schema.Type]) throws {
        database = try DatabaseQueue(configuration: Self.configuration)
        try Self.migrator(schemas, for: database, path: ":memory:").migrate(database)
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        return configuration
    }

    private static func migrator(_ schemas: [any Schema.Type], for database: any DatabaseReader, path: String) throws
        -> DatabaseMigrator
    {
        var migrator = DatabaseMigrator()
        for schema in schemas { schema.register(in: &migrator) }
        if try database.read(migrator.hasBeenSuperseded) {
            throw MetadataStoreError.newerVersion(path: path)
        }
        return migrator
    }
}

/// The tables of one service, by migration.
package protocol Schema {
    /// Registers migrations, oldest first, each named `SERVICE.N`. A migration that shipped never changes.
    static func register(in migrator: inout DatabaseMigrator)
}

package enum MetadataStoreError: Error, CustomStringConvertible {
    /// The database holds migrations that this Brume does not know.
    case newerVersion(path: String)
    /// The database lacks migrations of this Brume.
    case olderVersion(path: String)

    package var description: String {
        switch self {
        case .newerVersion(let path):
            "data folder: '\(path)' was written by a newer Brume; "
                + "use that version, or another folder with --data DIR (BRUME_DATA)"
        case .olderVersion(let path):
            "data folder: '\(path)' was written by an older Brume: "
                + "'brume down' and 'brume up' with this version bring it up to date"
        }
    }
}
