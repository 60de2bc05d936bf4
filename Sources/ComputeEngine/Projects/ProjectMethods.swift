import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations

/// A project as Compute Engine sees it: metadata that all its instances share, and quotas.
struct ProjectMethods: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let changes: ChangeLog
    let defaults: DefaultNetwork

    struct GetInput: MethodInput {
        var resource: ResourceName
        var project: String

        init(from call: Call) async throws {
            project = try call.parameter("project")
            resource = .project(project)
        }
    }

    struct SetMetadataInput: MethodInput {
        var resource: ResourceName
        var project: String
        var metadata: JSON

        init(from call: Call) async throws {
            project = try call.parameter("project")
            resource = .project(project)
            metadata = try Metadata.checked(try await call.body())
            try Quota.check(metadata)
        }
    }

    func add(to api: MethodTable) {
        api.add("compute.projects.get", .get, ComputePath.project, get)
        api.add(
            "compute.projects.setCommonInstanceMetadata",
            .post,
            ComputePath.project + "/setCommonInstanceMetadata",
            setCommonInstanceMetadata
        )
    }

    func get(_ input: GetInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        try await defaults.establish(in: project.id)
        let document = try await store.database.read { db in
            Self.document(
                project,
                metadata: try Self.metadata(of: project.id, in: db),
                quotas: try Quota.documents(project: project.id, in: db).ofProject
            )
        }
        return Link.render(document, for: caller.origin)
    }

    /// Replaces the metadata that all instances share; it is in effect on running instances when the operation is done.
    func setCommonInstanceMetadata(_ input: SetMetadataInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let operation = changes.operation(
            "compute.projects.setCommonInstanceMetadata",
            on: ResourceName.project(project.id),
            project: project.id,
            scope: "global",
            by: caller
        )
        try await store.database.write { db in
            let current = try Self.metadata(of: project.id, in: db)
            try Token.check(input.metadata["fingerprint"], against: current["fingerprint"])
            var metadata = input.metadata
            metadata["fingerprint"] = .string(Token.fingerprint())
            try db.execute(
                sql: "INSERT OR REPLACE INTO computeProjects VALUES (?, ?)",
                arguments: [project.id, try metadata.data()]
            )
            try OperationRunner.insert(operation, in: db)
        }
        return changes.begin(operation, for: caller)
    }

    func metadata(of project: String) async throws -> JSON {
        try await store.database.read { try Self.metadata(of: project, in: $0) }
    }

    static func metadata(of project: String, in db: Database) throws -> JSON {
        let sql = "SELECT resource FROM computeProjects WHERE project = ?"
        guard let data = try Data.fetchOne(db, sql: sql, arguments: [project]) else {
            return ["kind": "compute#metadata", "fingerprint": "AAAAAAAAAAA="]
        }
        return try JSON(parsing: data)
    }

    private static func document(_ project: ProjectIdentity, metadata: JSON, quotas: JSON) -> JSON {
        [
            "kind": "compute#project", "id": .string(String(project.number)), "name": .string(project.id),
            "creationTimestamp": "1969-12-31T16:00:00.000-08:00", "commonInstanceMetadata": metadata,
            "selfLink": .string(Link.to("projects/\(project.id)")), "defaultNetworkTier": "PREMIUM",
            "defaultServiceAccount": .string(ServiceAccounts.computeDefault(project)),
            "quotas": quotas,
        ]
    }
}

enum ServiceAccounts {
    /// The account that instances run as unless they name another.
    static func computeDefault(_ project: ProjectIdentity) -> String {
        "\(project.number)-compute@developer.gserviceaccount.com"
    }
}

/// Metadata of projects and instances: keys with texts.
enum Metadata {
    /// Checks what a client sent.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for wrong or repeated keys, and for more than 512 KiB in all. See
    ///   [limitations](https://docs.cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations).
    static func checked(_ metadata: JSON) throws -> JSON {
        var seen: Set<String> = []
        var size = 0
        for item in metadata["items"]?.array ?? [] {
            let key = item["key"]?.string ?? ""
            guard key.wholeMatch(of: /[a-zA-Z0-9_-]{1,128}/) != nil else {
                throw GoogleError.invalidField(
                    "metadata.items.key",
                    key,
                    "Must be a match of regex '[a-zA-Z0-9-_]{1,128}'"
                )
            }
            guard seen.insert(key).inserted else {
                throw GoogleError.invalidField("metadata.items.key", key, "The key is given more than once.")
            }
            size += item["value"]?.string?.utf8.count ?? 0
        }
        guard size <= 512 << 10 else {
            throw GoogleError.invalid("Metadata is too large: \(size) bytes, at most 524288 are allowed.")
        }
        return metadata
    }

    static func value(_ key: String, in metadata: JSON?) -> String? {
        metadata?["items"]?.array?.first { $0["key"]?.string == key }?["value"]?.string
    }

    /// As the metadata server shows it: an object from keys to texts.
    static func attributes(_ metadata: JSON?) -> JSON {
        .object(
            Dictionary(
                (metadata?["items"]?.array ?? []).compactMap { item in
                    item["key"]?.string.map { ($0, item["value"] ?? "") }
                },
                uniquingKeysWith: { $1 }
            )
        )
    }
}
