import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import Operations

/// The rows of repositories.
///
/// Those of gcr.io exist from the first push on; all others are created.
struct RepositoryStore: Sendable {
    let store: MetadataStore
    let now: @Sendable () -> Date

    func exists(_ place: RegistryPlace) async throws -> Bool {
        if place.isLegacy { return true }
        return try await find(place) != nil
    }

    /// Makes sure that something can be pushed into a place.
    ///
    /// - Throws: ``GoogleError`` `NAME_UNKNOWN` (404) for a repository that nobody has created.
    func prepare(_ place: RegistryPlace, isPublic: Bool) async throws {
        if let document = try await find(place) {
            guard document["format"] == "DOCKER" else { throw GoogleError.nameUnknown(place.written) }
            return
        }
        guard place.isLegacy || isPublic else {
            throw GoogleError.nameUnknown(
                RegistryPlace.uri(project: place.project, location: place.location, repository: place.repository)
            )
        }
        let document: JSON = ["format": "DOCKER", "mode": "STANDARD_REPOSITORY"]
        _ = try await insert(document, at: place, operation: nil, ignoringExisting: true)
    }

    func find(_ place: RegistryPlace) async throws -> JSON? {
        try await store.database.read { db in
            try Data.fetchOne(
                db,
                sql: "SELECT document FROM artifact_repositories WHERE project = ? AND location = ? AND repository = ?",
                arguments: [place.project, place.location, place.repository]
            ).map(JSON.init(parsing:))
        }
    }

    func list(project: String, location: String) async throws -> [(place: RegistryPlace, document: JSON)] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT repository, document FROM artifact_repositories WHERE project = ? AND location = ?
                    ORDER BY repository
                    """,
                arguments: [project, location]
            ).map { row in
                let place = RegistryPlace(
                    project: project,
                    location: location,
                    repository: row["repository"],
                    image: ""
                )
                return (place, try JSON(parsing: row["document"]))
            }
        }
    }

    /// Every repository of the cloud.
    func all() async throws -> [(place: RegistryPlace, document: JSON)] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT project, location, repository, '' AS image, document FROM artifact_repositories"
            )
            .map { (RegistryPlace(row: $0), try JSON(parsing: $0["document"])) }
        }
    }

    /// The policy on a repository; nil when there is no such repository.
    func policy(_ place: RegistryPlace) async throws -> Policy? {
        try await store.database.read { try Self.policy(place, in: $0) }
    }

    /// Replaces the policy on a repository, when `check` lets the known one go; false when there is no such repository.
    func setPolicy(
        _ policy: Policy,
        on place: RegistryPlace,
        check: @escaping @Sendable (Policy) throws -> Void
    ) async throws -> Bool {
        try await store.database.write { db in
            guard let known = try Self.policy(place, in: db) else { return false }
            try check(known)
            try db.execute(
                sql: """
                    UPDATE artifact_repositories SET policy = ? WHERE project = ? AND location = ? AND repository = ?
                    """,
                arguments: [
                    try JSONCoding.encoder.encode(policy), place.project, place.location, place.repository,
                ]
            )
            return true
        }
    }

    private static func policy(_ place: RegistryPlace, in db: Database) throws -> Policy? {
        try Row.fetchOne(
            db,
            sql: "SELECT policy FROM artifact_repositories WHERE project = ? AND location = ? AND repository = ?",
            arguments: [place.project, place.location, place.repository]
        ).map { row in
            try (row["policy"] as Data?).map { try JSONCoding.decoder.decode(Policy.self, from: $0) } ?? Policy()
        }
    }

    func locations(project: String) async throws -> [String] {
        try await store.database.read { db in
            try String.fetchAll(
                db,
                sql: "SELECT DISTINCT location FROM artifact_repositories WHERE project = ? ORDER BY location",
                arguments: [project]
            )
        }
    }

    /// Inserts a repository together with the operation that made it.
    ///
    /// - Throws: ``GoogleError`` `alreadyExists` (409).
    func insert(
        _ document: JSON,
        at place: RegistryPlace,
        operation: Operations.Operation?,
        ignoringExisting: Bool = false
    ) async throws -> JSON {
        let time = now()
        var document = document
        document["name"] = .string(place.resource.description)
        document["createTime"] = .string(Timestamp.text(time))
        document["updateTime"] = .string(Timestamp.text(time))
        let data = try document.data()
        var done = operation
        done?.response = document
        let stored = done
        try await store.database.write { db in
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO artifact_repositories (project, location, repository, document, createTime)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [place.project, place.location, place.repository, data, time]
            )
            guard ignoringExisting || db.changesCount > 0 else {
                throw GoogleError.repositoryExists(place.resource.description)
            }
            if let stored { try OperationRunner.insert(stored, in: db) }
        }
        return document
    }

    func update(_ place: RegistryPlace, _ change: @escaping @Sendable (inout JSON) -> Void) async throws -> JSON? {
        let time = now()
        return try await store.database.write { db in
            let key: StatementArguments = [place.project, place.location, place.repository]
            guard
                let data = try Data.fetchOne(
                    db,
                    sql:
                        "SELECT document FROM artifact_repositories WHERE project = ? AND location = ? AND repository = ?",
                    arguments: key
                )
            else { return nil }
            var document = try JSON(parsing: data)
            change(&document)
            document["updateTime"] = .string(Timestamp.text(time))
            try db.execute(
                sql:
                    "UPDATE artifact_repositories SET document = ? WHERE project = ? AND location = ? AND repository = ?",
                arguments: [try document.data()] + key
            )
            return document
        }
    }

    /// Deletes a repository with all that is in it; false when there is none.
    func delete(_ place: RegistryPlace, operation: Operations.Operation) async throws -> Bool {
        try await store.database.write { db in
            let key: StatementArguments = [place.project, place.location, place.repository]
            let isHere = "project = ? AND location = ? AND repository = ?"
            try db.execute(sql: "DELETE FROM artifact_tags WHERE \(isHere)", arguments: key)
            try db.execute(sql: "DELETE FROM artifact_manifests WHERE \(isHere)", arguments: key)
            try db.execute(sql: "DELETE FROM artifact_repositories WHERE \(isHere)", arguments: key)
            guard db.changesCount > 0 else { return false }
            try OperationRunner.insert(operation, in: db)
            return true
        }
    }

    /// Keeps an operation that is done already.
    func record(_ operation: Operations.Operation) async throws {
        try await store.database.write { try OperationRunner.insert(operation, in: $0) }
    }

    func operation(_ id: String) async throws -> Operations.Operation? {
        try await store.database.read { try Operations.Operation.fetchOne($0, key: id) }
    }
}
