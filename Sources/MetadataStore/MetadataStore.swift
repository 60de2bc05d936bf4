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
        try migrate(schemas, path: path)
    }

    /// Opens a database in memory, for tests.
    package init(inMemoryWith schemas: [any Schema.Type]) throws {
        database = try DatabaseQueue(configuration: Self.configuration)
        try migrate(schemas, path: ":memory:")
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        return configuration
    }

    private func migrate(_ schemas: [any Schema.Type], path: String) throws {
        var migrator = DatabaseMigrator()
        for schema in schemas { schema.register(in: &migrator) }
        if try database.read(migrator.hasBeenSuperseded) {
            throw MetadataStoreError.newerVersion(path: path)
        }
        try migrator.migrate(database)
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

    package var description: String {
        switch self {
        case .newerVersion(let path):
            "data folder: '\(path)' was written by a newer Brume; "
                + "use that version, or another folder with --data DIR (BRUME_DATA)"
        }
    }
}
