import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations

/// Snapshots: what disks held at a moment.
///
/// See [snapshots](https://docs.cloud.google.com/compute/docs/reference/rest/v1/snapshots).
struct SnapshotMethods: Sendable {
    let rows: Rows
    let sources: DiskSources
    let contents: DiskContents

    func add(to api: MethodTable) {
        let path = ComputePath.global + "/snapshots"
        rows.addLookups(to: api, in: ComputePath.global, isAggregated: false)
        api.add("compute.snapshots.insert", .post, path, requires: "compute.snapshots.create", insert)
        api.add("compute.snapshots.delete", .delete, path + "/{name}", delete)
        api.add("compute.snapshots.setLabels", .post, path + "/{name}/setLabels", rows.setLabels)
    }

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        let snapshot = try await document(input.body, key, for: caller)
        return try await rows.insert(snapshot, at: key, by: caller)
    }

    /// Makes a snapshot of the disk that the path names.
    func create(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        var body = input.body
        let zone = input.zone ?? ""
        body["sourceDisk"] = .string("projects/\(input.project)/zones/\(zone)/disks/\(input.name)")
        let project = try await rows.projects.project(input.project).id
        let key = ResourceKey(
            project: project,
            scope: "global",
            collection: "snapshots",
            name: body["name"]?.string ?? ""
        )
        try ResourceNames.check(key.name)
        let disk = ResourceKey(project: project, scope: "zones/\(zone)", collection: "disks", name: input.name)
        let snapshot = try await document(body, key, for: caller)
        let changes = rows.changes
        return try await changes.change(
            "compute.disks.createSnapshot",
            disk,
            by: caller,
            input: ["snapshot": .string(key.name)]
        ) { db in
            try ResourceStore.insert(snapshot, at: key, in: db)
            try Quota.check([(key, snapshot)], in: db)
            return ["id": snapshot["sourceDiskId"] ?? ""]
        }
    }

    private func document(_ body: JSON, _ key: ResourceKey, for caller: Caller) async throws -> JSON {
        try Labels.check(body["labels"], field: "resource.labels")
        try LackingFields.ofSnapshots.check(body)
        let source = try await sources.find(in: body, project: key.project, for: caller)
        guard let source, source.field == "sourceDisk" else { throw GoogleError.fieldMissing("resource.sourceDisk") }
        var snapshot: JSON = [
            "kind": "compute#snapshot", "id": .string(Token.id()), "name": .string(key.name), "status": "CREATING",
            "creationTimestamp": .string(Timestamp.text(rows.changes.now())), "selfLink": .string(key.link),
            "diskSizeGb": .string(String(source.diskSizeGb)), "storageBytes": "0", "storageBytesStatus": "UP_TO_DATE",
            "storageLocations": body["storageLocations"] ?? [], "snapshotType": body["snapshotType"] ?? "STANDARD",
            "labelFingerprint": .string(Token.fingerprint()), "architecture": "X86_64",
        ]
        source.note(in: &snapshot)
        for field in ["description", "labels"] where body[field] != nil { snapshot[field] = body[field] }
        return snapshot
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        try await rows.update("delete", input, by: caller) { $0["status"] = "DELETING" }
    }

    // MARK: Operations

    func register() async {
        let changes = rows.changes
        await changes.register("compute.snapshots.insert") { key, _ in try await contents.make(key) }
        await changes.register("compute.disks.createSnapshot") { disk, operation in
            let name = operation.input["snapshot"]?.string ?? ""
            let key = ResourceKey(project: disk.project, scope: "global", collection: "snapshots", name: name)
            try await contents.make(key)
        }
        await changes.register("compute.snapshots.delete") { key, _ in try await contents.destroy(key) }
        await changes.register(rowsOnly: ["compute.snapshots.setLabels"])
    }
}
