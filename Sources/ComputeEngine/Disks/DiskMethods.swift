import APIServer
import Foundation
import GRDB
import GoogleAPI
import Operations
import Workloads

/// Disks that exist by themselves.
struct DiskMethods: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let changes: ChangeLog
    let engine: any WorkloadEngine

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let rows = try await store.list("disks", project: project, scope: "zones/\(input.zone ?? "")")
        return try input.page(rows.map(\.resource), kind: "disk", for: caller)
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let rows = try await store.list("disks", project: project)
        let scopes = Dictionary(grouping: rows, by: \.key.scope).sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.map(\.resource)) }
        return try input.aggregate(scopes, collection: "disks", kind: "disk", for: caller)
    }

    func get(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        Link.render(try await store.get(try await key(input.name, input.zone, input.project)), for: caller.origin)
    }

    /// Makes an empty disk.
    func insert(_ input: InsertInstanceInput, as caller: Caller) async throws -> JSON {
        let body = input.body
        let name = body["name"]?.string ?? ""
        try ResourceNames.check(name)
        let key = try await key(name, input.zone, input.project)
        for source in ["sourceImage", "sourceSnapshot", "sourceDisk"] {
            if let value = body[source]?.string, !value.isEmpty {
                throw GoogleError.sourceLacking("resource.\(source)", value)
            }
        }
        let type = body["type"]?.string
        let size = body["sizeGb"]?.integer ?? Disk.defaultSize(type: type)
        try Disk.check(sizeGb: size, type: type, field: "resource")
        let disk = Disk.document(
            key,
            sizeGb: size,
            type: type,
            created: Timestamp.text(changes.now()),
            description: body["description"]?.string,
            labels: body["labels"]
        )
        return try await change("insert", key, caller, target: disk["id"]) { db in
            try ResourceStore.insert(disk, at: key, in: db)
        }
    }

    func delete(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input.name, input.zone, input.project)
        let id = try await store.get(key)["id"]
        return try await change("delete", key, caller, target: id) { db in
            _ = try ResourceStore.update(key, in: db) { disk in
                if let user = disk["users"]?[0]?.string { throw GoogleError.inUse(key.resourceName, by: user) }
                disk["status"] = "DELETING"
            }
        }
    }

    /// Makes a disk larger; never smaller.
    func resize(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input.name, input.zone, input.project)
        let size = input.body["sizeGb"]?.integer ?? 0
        try Disk.check(sizeGb: size, type: nil, field: "resource")
        let id = try await store.get(key)["id"]
        return try await change("resize", key, caller, target: id) { db in
            _ = try ResourceStore.update(key, in: db) { disk in
                guard size > disk["sizeGb"]?.integer ?? 0 else {
                    throw GoogleError.invalidField(
                        "sizeGb",
                        String(size),
                        "New disk size must be larger than existing size '\(disk["sizeGb"]?.string ?? "")'."
                    )
                }
                disk["sizeGb"] = .string(String(size))
            }
        }
    }

    func setLabels(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input.name, input.zone, input.project)
        let id = try await store.get(key)["id"]
        return try await change("setLabels", key, caller, target: id) { db in
            _ = try ResourceStore.update(key, in: db) { disk in
                try Token.check(input.body["labelFingerprint"], against: disk["labelFingerprint"])
                disk["labels"] = input.body["labels"]
                disk["labelFingerprint"] = .string(Token.fingerprint())
            }
        }
    }

    // MARK: Operations

    func register(on runner: OperationRunner) async {
        await runner.register("compute.disks.insert") { operation in
            try await work {
                let disk = try await store.get(Self.key(of: operation))
                try await engine.ensureVolume(Disk.volume(of: disk), labels: ["kind": "disk"])
            }
        }
        await runner.register("compute.disks.delete") { operation in
            try await work {
                let key = Self.key(of: operation)
                guard let disk = try await store.database.read({ try ResourceStore.fetch(key, in: $0) }) else { return }
                try await engine.removeVolume(Disk.volume(of: disk))
                try await store.database.write { try ResourceStore.delete(key, in: $0) }
            }
        }
        for verb in ["resize", "setLabels"] { await runner.register("compute.disks.\(verb)") { _ in [:] } }
    }

    private func work(_ perform: () async throws -> Void) async throws -> JSON {
        do {
            try await perform()
            return [:]
        } catch let error as EngineError {
            throw error.asGoogleError
        }
    }

    private static func key(of operation: Operations.Operation) -> ResourceKey {
        ResourceKey(
            project: operation.project,
            scope: operation.scope,
            collection: "disks",
            name: ResourceName(parsing: operation.target).last
        )
    }

    // MARK: - Shared

    private func change(
        _ verb: String,
        _ key: ResourceKey,
        _ caller: Caller,
        target: JSON?,
        _ change: @escaping @Sendable (Database) throws -> Void
    ) async throws -> JSON {
        var operation = changes.operation(
            "compute.disks.\(verb)",
            on: key.resourceName,
            project: key.project,
            scope: key.scope,
            by: caller
        )
        operation.metadata["targetId"] = target
        let inserted = operation
        try await store.database.write { db in
            try change(db)
            try OperationRunner.insert(inserted, in: db)
        }
        return try await changes.begin(inserted, for: caller)
    }

    private func key(_ name: String, _ zone: String, _ project: String) async throws -> ResourceKey {
        let project = try await projects.project(project).id
        guard Region.ofZone(zone) != nil else { throw GoogleError.unknownZone(zone, project: project) }
        return ResourceKey(project: project, scope: "zones/\(zone)", collection: "disks", name: name)
    }
}
