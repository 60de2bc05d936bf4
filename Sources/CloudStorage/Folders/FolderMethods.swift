import APIServer
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

private struct FolderInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var name: String
    /// Where a folder is renamed to.
    var target: String
    var conditions: Preconditions

    init(from call: Call) async throws {
        func folder(_ parameter: String) throws -> String {
            let name = try call.parameter(parameter)
            return name.hasSuffix("/") ? name : name + "/"
        }
        bucket = try call.parameter("bucket")
        name = try folder("folder")
        target = (try? folder("target")) ?? ""
        resource = ResourceName.bucket(bucket).appending("folders", name)
        conditions = try Preconditions(call)
    }
}

extension CloudStorage {
    func addFolderMethods(to api: MethodTable) {
        let all = "/storage/v1/b/{bucket}/folders"
        let one = all + "/{folder}"
        let id = "storage.folders"
        api.add("\(id).insert", .post, all, requires: "\(id).create", insertFolder)
        api.add("\(id).list", .get, all, requires: "\(id).list", listFolders)
        api.add("\(id).get", .get, one, requires: "\(id).get") { (input: FolderInput, caller) -> JSON in
            try await objects.database.read { db in
                try FolderStore.get(input.name, in: try BucketStore.get(input.bucket, in: db), db)
            }.render(bucket: input.bucket, origin: caller.origin)
        }
        api.add("\(id).delete", .delete, one, requires: "\(id).delete") { (input: FolderInput, _) -> Void in
            try await objects.database.write { db in
                let bucket = try BucketStore.get(input.bucket, in: db)
                let folder = try FolderStore.get(input.name, in: bucket, db)
                try input.conditions.check(generation: folder.created, metageneration: folder.metageneration)
                try FolderStore.delete(input.name, in: bucket, db)
            }
        }
        api.add("\(id).rename", .post, one + "/renameTo/folders/{target}", requires: "\(id).rename", renameFolder)
    }

    private func insertFolder(_ input: BucketInput, _ call: Call) async throws -> Response {
        let body: JSON = try await call.body()
        guard var name = body["name"]?.string else { throw GoogleError.required("name") }
        if !name.hasSuffix("/") { name += "/" }
        try ObjectName.check(name)
        let folder = Folder(name: name, created: Micros(now()))
        let isRecursive = call.flag("recursive")
        try await objects.database.write { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            guard bucket.isHierarchical else {
                throw GoogleError.conditionNotMet(
                    "bucket '\(bucket.name)' has no hierarchical namespace, and folders are resources only in those"
                )
            }
            try FolderStore.insert(folder, in: bucket, recursive: isRecursive, db)
        }
        return try JSONResponse.make(folder.render(bucket: input.bucket, origin: call.caller.origin), for: call)
    }

    private func listFolders(_ input: BucketInput, _ call: Call) async throws -> Response {
        let limit = Int(min(max(try call.number("pageSize") ?? 1000, 1), 1000))
        let delimiter = call.query("delimiter") ?? ""
        let prefix = Array((call.query("prefix") ?? "").utf8)
        let start = [call.query("pageToken") ?? "", call.query("startOffset") ?? ""].map { Array($0.utf8) }
            .max(by: Bytes.precedes)
        let end = call.query("endOffset").flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        let found = try await objects.database.read { db in
            try FolderStore.list(
                in: try BucketStore.get(input.bucket, in: db),
                prefix: prefix,
                from: start ?? [],
                before: end,
                isDeep: delimiter.isEmpty,
                limit: limit + 1,
                db
            )
        }
        var page: JSON = [
            "kind": "storage#folders",
            "items": .array(found.prefix(limit).map { $0.render(bucket: input.bucket, origin: call.caller.origin) }),
        ]
        if found.count > limit { page["nextPageToken"] = .string(found[limit].name) }
        return try JSONResponse.make(page, for: call)
    }

    /// Renames in one transaction: nobody sees some objects here and others there.
    private func renameFolder(_ input: FolderInput, _ call: Call) async throws -> Response {
        try ObjectName.check(input.target)
        let time = Micros(now())
        let origin = call.caller.origin
        let target = ResourceName.bucket(input.bucket).appending("folders", input.target)
        try await authorizer.authorize(call.caller, for: "storage.folders.create", on: target)
        let source = try Preconditions(call, source: true)
        let operation = StorageOperation(id: makeID(), bucket: input.bucket, created: time)
        let document = try await objects.database.write { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            let folder = try FolderStore.get(input.name, in: bucket, db)
            try source.check(generation: folder.created, metageneration: folder.metageneration)
            let renamed = try FolderStore.rename(folder, to: input.target, in: bucket, at: time, db)
            return try operation.insert(
                type: "RenameFolder",
                request: ["sourceFolderId": .string(input.name), "destinationFolderId": .string(input.target)],
                response: renamed.render(bucket: input.bucket, origin: origin),
                in: bucket,
                db
            )
        }
        return try JSONResponse.make(operation.render(document, origin: origin), for: call)
    }
}
