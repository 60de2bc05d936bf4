import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations

/// Disks that exist by themselves.
struct DiskMethods: Sendable {
    let rows: Rows
    let sources: DiskSources
    let contents: DiskContents
    let snapshots: SnapshotMethods

    func add(to api: MethodTable) {
        let path = ComputePath.zone + "/disks"
        rows.addLookups(to: api, in: ComputePath.zone)
        api.add("compute.disks.insert", .post, path, requires: "compute.disks.create", insert)
        api.add("compute.disks.delete", .delete, path + "/{name}", delete)
        api.add("compute.disks.resize", .post, path + "/{name}/resize", resize)
        api.add("compute.disks.setLabels", .post, path + "/{name}/setLabels", rows.setLabels)
        api.add("compute.disks.createSnapshot", .post, path + "/{name}/createSnapshot", snapshots.create)
    }

    /// Makes an empty disk, or one that holds what an image, a snapshot or another disk holds now.
    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let body = input.body
        let key = try await rows.newKey(input)
        try Labels.check(body["labels"], field: "resource.labels")
        try LackingFields.ofDisks.check(body)
        let source = try await sources.find(in: body, project: key.project, zone: key.zone, for: caller)
        let type = body["type"]?.string
        var disk = Disk.document(
            key,
            sizeGb: try Disk.size(asked: body["sizeGb"]?.integer, type: type, source: source, field: "resource"),
            type: type,
            created: Timestamp.text(rows.changes.now()),
            source: source,
            description: body["description"]?.string,
            labels: body["labels"]
        )
        disk["status"] = "CREATING"
        return try await rows.insert(disk, at: key, by: caller)
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.update("delete", input, by: caller) { disk in
            if let user = disk["users"]?[0]?.string { throw GoogleError.inUse(key.resourceName, by: user) }
            disk["status"] = "DELETING"
        }
    }

    /// Makes a disk larger; never smaller.
    func resize(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let size = try Disk.size(asked: input.body["sizeGb"]?.integer ?? 0, type: nil, source: nil, field: "resource")
        let key = try await rows.key(input)
        return try await rows.changes.change("compute.disks.resize", key, by: caller) { db in
            let disk = try ResourceStore.update(key, in: db) { disk in
                guard size > disk["sizeGb"]?.integer ?? 0 else {
                    throw GoogleError.invalidField(
                        "sizeGb",
                        String(size),
                        "New disk size must be larger than existing size '\(disk["sizeGb"]?.string ?? "")'."
                    )
                }
                disk["sizeGb"] = .string(String(size))
            }
            for user in disk["users"]?.array ?? [] {
                let instance = ResourceKey(ResourceName(parsing: user.string ?? ""))
                _ = try ResourceStore.update(instance, in: db) { Disk.tell(disk["sizeGb"], of: key, to: &$0) }
            }
            return disk
        }
    }

    // MARK: Operations

    func register() async {
        let changes = rows.changes
        await changes.register("compute.disks.insert") { key, _ in try await contents.make(key) }
        await changes.register("compute.disks.delete") { key, _ in try await contents.destroy(key) }
        await changes.register(rowsOnly: ["resize", "setLabels"].map { "compute.disks.\($0)" })
    }
}
