import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

private struct ManagedFolderInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var name: String
    var conditions: Preconditions

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        let folder = try call.parameter("folder")
        name = folder.hasSuffix("/") ? folder : folder + "/"
        resource = .managedFolder(name, in: bucket)
        conditions = try Preconditions(call)
    }
}

extension ResourceName {
    static func managedFolder(_ name: String, in bucket: String) -> ResourceName {
        ResourceName.bucket(bucket).appending("managedFolders", name)
    }
}

extension CloudStorage {
    func addManagedFolderMethods(to api: MethodTable) {
        let all = "/storage/v1/b/{bucket}/managedFolders"
        let one = all + "/{folder}"
        let id = "storage.managedFolders"
        api.add("\(id).insert", .post, all, requires: "\(id).create", insertManagedFolder)
        api.add("\(id).list", .get, all, requires: "\(id).list", listManagedFolders)
        api.add("\(id).get", .get, one, requires: "\(id).get") { (input: ManagedFolderInput, caller) -> JSON in
            try await managedFolders.get(input.name, bucket: input.bucket)
                .render(bucket: input.bucket, origin: caller.origin)
        }
        api.add("\(id).delete", .delete, one, requires: "\(id).delete") {
            (input: ManagedFolderInput, call: Call) -> Response in
            try await managedFolders.delete(
                input.name,
                bucket: input.bucket,
                allowingNonEmpty: call.flag("allowNonEmpty"),
                if: input.conditions
            )
            return Response(status: .noContent)
        }
        api.add("\(id).getIamPolicy", .get, one + "/iam", requires: "\(id).getIamPolicy") {
            (input: ManagedFolderInput, _) -> JSON in
            try await managedFolders.get(input.name, bucket: input.bucket).renderPolicy(bucket: input.bucket)
        }
        api.add("\(id).setIamPolicy", .put, one + "/iam", requires: "\(id).setIamPolicy") {
            (input: ManagedFolderInput, call: Call) -> Response in
            let policy = try BucketPolicy.checked(try await call.body())
            let folder = try await managedFolders.setPolicy(
                policy,
                of: input.name,
                bucket: input.bucket,
                at: Micros(now())
            )
            return try JSONResponse.make(folder.renderPolicy(bucket: input.bucket), for: call)
        }
        api.add("\(id).testIamPermissions", .get, one + "/iam/testPermissions", requires: nil) {
            (input: TestPermissionsInput, caller) -> JSON in try await held(input, by: caller)
        }
    }

    private func insertManagedFolder(_ input: BucketInput, _ call: Call) async throws -> Response {
        let body: JSON = try await call.body()
        guard let name = body["name"]?.string else { throw GoogleError.required("name") }
        try ObjectName.check(name)
        guard name.hasSuffix("/") else {
            throw GoogleError.invalid("Invalid managed folder name: '\(name)' must end with '/'.")
        }
        let time = Micros(now())
        let folder = ManagedFolder(name: name, metageneration: 1, created: time, updated: time)
        try await managedFolders.insert(folder, bucket: input.bucket)
        return try JSONResponse.make(folder.render(bucket: input.bucket, origin: call.caller.origin), for: call)
    }

    private func listManagedFolders(_ input: BucketInput, _ call: Call) async throws -> Response {
        let limit = Int(min(max(try call.number("pageSize") ?? 1000, 1), 1000))
        let found = try await managedFolders.list(
            bucket: input.bucket,
            prefix: call.query("prefix") ?? "",
            after: call.query("pageToken") ?? "",
            limit: limit + 1
        )
        var page: JSON = [
            "kind": "storage#managedFolders",
            "items": .array(
                found.prefix(limit).map { $0.render(bucket: input.bucket, origin: call.caller.origin) }
            ),
        ]
        if found.count > limit { page["nextPageToken"] = .string(found[limit - 1].name) }
        return try JSONResponse.make(page, for: call)
    }
}
