import APIServer
import Foundation
import GRDB
import GoogleAPI
import MetadataStore

/// The rows of builds.
struct BuildStore: Sendable {
    let store: MetadataStore

    func insert(_ build: Build) async throws {
        try await store.database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO builds (id, project, projectNumber, location, status, createTime, account, request, document)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    build.id, build.project.id, build.project.number, build.location, build.status.rawValue,
                    build.createTime, build.account, try build.request.data(), try build.document.data(),
                ]
            )
        }
    }

    func find(_ id: String) async throws -> Build? {
        try await store.database.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM builds WHERE id = ?", arguments: [id]).map(Build.init(row:))
        }
    }

    /// Builds of a project, newest first, after a place in that order.
    func list(
        project: String,
        location: String,
        after: (time: Date, id: String)?,
        limit: Int,
        accepting filter: ResourceFilter?
    ) async throws -> [Build] {
        try await store.database.read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT * FROM builds WHERE project = ? AND (? = '-' OR location = ?)
                    AND (? IS NULL OR (createTime, id) < (?, ?)) ORDER BY createTime DESC, id DESC
                    """,
                arguments: [project, location, location, after?.time, after?.time, after?.id]
            )
            var builds: [Build] = []
            while builds.count < limit, let row = try rows.next() {
                let build = try Build(row: row)
                if filter?.accepts(build.document) ?? true { builds.append(build) }
            }
            return builds
        }
    }

    /// Builds that have not ended, oldest first.
    func unfinished() async throws -> [Build] {
        try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM builds WHERE status IN ('QUEUED', 'WORKING') ORDER BY createTime, id"
            ).map(Build.init(row:))
        }
    }

    /// Changes a build in one transaction, unless it has ended; returns it as it then stands.
    @discardableResult
    func update(_ id: String, _ change: @escaping @Sendable (inout Build) -> Void) async throws -> Build? {
        try await store.database.write { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM builds WHERE id = ?", arguments: [id]) else {
                return nil
            }
            var build = try Build(row: row)
            guard !build.status.isFinal else { return build }
            change(&build)
            try db.execute(
                sql: "UPDATE builds SET status = ?, document = ?, isHandedOver = ?, isCancelled = ? WHERE id = ?",
                arguments: [
                    build.status.rawValue, try build.document.data(), build.isHandedOver, build.isCancelled, id,
                ]
            )
            return build
        }
    }
}

extension Build {
    fileprivate init(row: Row) throws {
        id = row["id"]
        project = ProjectIdentity(id: row["project"], number: row["projectNumber"])
        location = row["location"]
        account = row["account"]
        createTime = row["createTime"]
        request = try JSON(parsing: row["request"])
        document = try JSON(parsing: row["document"])
        isHandedOver = row["isHandedOver"]
        isCancelled = row["isCancelled"]
    }
}
