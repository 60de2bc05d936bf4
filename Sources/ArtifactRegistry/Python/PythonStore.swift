import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// A file of a Python package: an sdist or a wheel.
struct PythonFile: Equatable, Sendable {
    /// The repository, with the normalized name of the package as its image.
    var place: RegistryPlace
    var version: String
    var fileName: String
    /// `sha256:` and 64 hexadecimal digits.
    var digest: String
    var sizeBytes: Int64
    var requiresPython: String?
    var createTime: Date

    /// How the file is found in its repository: `package/package-1.0.tar.gz`.
    var name: String { "\(place.image)/\(fileName)" }
}

/// The rows of Python files.
struct PythonStore: Sendable {
    let store: MetadataStore

    /// - Throws: ``GoogleError`` (400) when the file is there already; uploaded files do not change.
    func insert(_ file: PythonFile, ignoringExisting: Bool = false) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO artifact_python_files (project, location, repository, package, version,
                        fileName, digest, sizeBytes, requiresPython, createTime)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: Self.key(file.place) + [
                    file.place.image, file.version, file.fileName, file.digest, file.sizeBytes, file.requiresPython,
                    file.createTime,
                ]
            )
            if db.changesCount == 0, !ignoringExisting { throw GoogleError.fileExists(file.fileName) }
        }
    }

    /// The files of a package; with an empty image, of the whole repository.
    func files(in place: RegistryPlace) async throws -> [PythonFile] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT *, package AS image FROM artifact_python_files WHERE \(Self.isHere)
                    AND (? = '' OR package = ?) ORDER BY package, fileName
                    """,
                arguments: Self.key(place) + [place.image, place.image]
            ).map(PythonFile.init(row:))
        }
    }

    func find(_ fileName: String, in place: RegistryPlace) async throws -> PythonFile? {
        try await store.database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT *, package AS image FROM artifact_python_files
                    WHERE \(Self.isHere) AND package = ? AND fileName = ?
                    """,
                arguments: Self.key(place) + [place.image, fileName]
            ).map(PythonFile.init(row:))
        }
    }

    /// The packages of a repository, by name; with an image, that one alone.
    func packages(in place: RegistryPlace) async throws -> [ArtifactPackage] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT project, location, repository, package AS image, min(createTime) AS createTime,
                        max(createTime) AS updateTime FROM artifact_python_files
                    WHERE \(Self.isHere) AND (? = '' OR package = ?) GROUP BY package ORDER BY package
                    """,
                arguments: Self.key(place) + [place.image, place.image]
            ).map(ArtifactPackage.init(row:))
        }
    }

    /// Deletes what fits all that is given; false when nothing did.
    func delete(
        package: String,
        version: String? = nil,
        fileName: String? = nil,
        in repository: RegistryPlace
    ) async throws -> Bool {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    DELETE FROM artifact_python_files WHERE \(Self.isHere) AND package = ?
                    AND (? IS NULL OR version = ?) AND (? IS NULL OR fileName = ?)
                    """,
                arguments: Self.key(repository) + [package, version, version, fileName, fileName]
            )
            return db.changesCount > 0
        }
    }

    private static let isHere = "project = ? AND location = ? AND repository = ?"

    private static func key(_ place: RegistryPlace) -> StatementArguments {
        [place.project, place.location, place.repository]
    }
}

extension PythonFile {
    fileprivate init(row: Row) {
        place = RegistryPlace(row: row)
        version = row["version"]
        fileName = row["fileName"]
        digest = row["digest"]
        sizeBytes = row["sizeBytes"]
        requiresPython = row["requiresPython"]
        createTime = row["createTime"]
    }
}
