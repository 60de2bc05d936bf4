import HTTPTypes
import APIServer
import GoogleAPI
import Hummingbird

extension CloudStorage {
    func addBucketMethods(to api: MethodTable) {
        let b = "/storage/v1/b"
        api.add("storage.buckets.insert", .post, b, requires: "storage.buckets.create", insertBucket)
        api.add("storage.buckets.list", .get, b, requires: "storage.buckets.list", listBuckets)
        api.add("storage.buckets.get", .get, "\(b)/{bucket}", requires: "storage.buckets.get", getBucket)
        api.add("storage.buckets.patch", .patch, "\(b)/{bucket}", requires: "storage.buckets.update", patchBucket)
        api.add("storage.buckets.update", .put, "\(b)/{bucket}", requires: "storage.buckets.update", updateBucket)
        api.add("storage.buckets.delete", .delete, "\(b)/{bucket}", requires: "storage.buckets.delete", deleteBucket)
        api.add(
            "storage.buckets.getStorageLayout",
            .get,
            "\(b)/{bucket}/storageLayout",
            requires: "storage.objects.list",
            getLayout
        )
        api.add(
            "storage.projects.serviceAccount.get",
            .get,
            "/storage/v1/projects/{project}/serviceAccount",
            requires: "resourcemanager.projects.get"
        ) { (input: ProjectInput, _) -> JSON in
            let project = try await projects.project(input.project)
            return [
                "kind": "storage#serviceAccount",
                "email_address": .string("service-\(project.number)@gs-project-accounts.iam.gserviceaccount.com"),
            ]
        }
    }

    /// Creates a bucket, in the one space of names that all projects share.
    func insertBucket(_ input: ProjectInput, _ call: Call) async throws -> Response {
        let bucket = try await createBucket(
            try await call.body(),
            in: input.project,
            predefinedACL: call.query("predefinedAcl"),
            predefinedDefaultACL: call.query("predefinedDefaultObjectAcl"),
            hasObjectRetention: call.flag("enableObjectRetention")
        )
        let isFull = call.query("projection")?.lowercased() == "full"
        return try JSONResponse.make(
            BucketResource.render(bucket, origin: call.caller.origin, full: isFull),
            for: call
        )
    }

    /// Makes a bucket of what a client sent.
    ///
    /// - Throws: ``GoogleError`` `invalid`, `required` (400), `conflict` (409).
    func createBucket(
        _ body: JSON,
        in project: String,
        predefinedACL: String? = nil,
        predefinedDefaultACL: String? = nil,
        hasObjectRetention: Bool = false
    ) async throws -> BucketRecord {
        guard let name = body["name"]?.string else { throw GoogleError.required("name") }
        guard BucketName.isValid(name) else { throw GoogleError.invalidBucketName(name) }
        let project = try await projects.project(project)
        let time = Micros(now())
        var bucket = BucketRecord(
            name: name,
            project: project.id,
            projectNumber: project.number,
            document: BucketResource.completed(try BucketResource.settings(of: body, creating: true)),
            created: time,
            updated: time
        )
        if let predefinedACL { bucket.document["acl"] = try bucket.accessList(named: predefinedACL, forBucket: true) }
        if let predefinedDefaultACL {
            bucket.document["defaultObjectAcl"] = try bucket.accessList(named: predefinedDefaultACL, forBucket: false)
        }
        if hasObjectRetention { bucket.document["objectRetention"] = ["mode": "Enabled"] }
        bucket.document = try BucketResource.changed([:], to: bucket.document, of: name, at: time)
        return try await buckets.insert(bucket)
    }

    func listBuckets(_ input: ProjectInput, _ call: Call) async throws -> Response {
        let project = try await projects.project(input.project)
        let limit = try call.pageSize()
        let isFull = call.query("projection")?.lowercased() == "full"
        let start = call.query("pageToken") ?? ""
        let found = try await buckets.list(
            project: project.id,
            prefix: call.query("prefix") ?? "",
            from: start,
            limit: limit
        )
        var page: JSON = [
            "kind": "storage#buckets",
            "items": .array(
                found.prefix(limit).map { BucketResource.render($0, origin: call.caller.origin, full: isFull) }
            ),
        ]
        if found.count > limit { page["nextPageToken"] = .string(found[limit].name) }
        return try JSONResponse.make(page, for: call)
    }

    func getBucket(_ input: BucketInput, _ call: Call) async throws -> Response {
        let bucket = try await buckets.get(input.bucket)
        switch input.conditions.outcome(generation: bucket.created, metageneration: bucket.metageneration) {
        case .met: break
        case .unchanged: return Response(status: .notModified)
        case .failed(let reason): throw GoogleError.conditionNotMet(reason)
        }
        return try JSONResponse.make(
            BucketResource.render(bucket, origin: call.caller.origin, full: input.isFull),
            for: call
        )
    }

    func patchBucket(_ input: BucketInput, _ call: Call) async throws -> Response {
        let patch = try BucketResource.settings(of: try await call.body(), creating: false)
        return try await change(input, call) { $0.document.merge(patch) }
    }

    func updateBucket(_ input: BucketInput, _ call: Call) async throws -> Response {
        let settings = try BucketResource.settings(of: try await call.body(), creating: false)
        return try await change(input, call) { bucket in
            var document = settings
            for key in ["location", "objectRetention", "hierarchicalNamespace"] { document[key] = bucket.document[key] }
            bucket.document = BucketResource.completed(document)
        }
    }

    private func change(
        _ input: BucketInput,
        _ call: Call,
        _ change: @escaping @Sendable (inout BucketRecord) throws -> Void
    ) async throws -> Response {
        let acl = call.query("predefinedAcl")
        let defaultACL = call.query("predefinedDefaultObjectAcl")
        let time = Micros(now())
        let bucket = try await buckets.change(input.bucket, if: input.conditions, at: time) { bucket in
            let old = bucket.document
            try change(&bucket)
            bucket.document = try BucketResource.changed(old, to: bucket.document, of: bucket.name, at: time)
            for list in ["acl", "defaultObjectAcl"] where bucket.document[list] != old[list] {
                guard let entries = try AccessEntry.entries(from: bucket.document[list]) else { continue }
                bucket.document[list] = try bucket.accessList(of: entries)
            }
            if let acl { bucket.document["acl"] = try bucket.accessList(named: acl, forBucket: true) }
            if let defaultACL {
                bucket.document["defaultObjectAcl"] = try bucket.accessList(named: defaultACL, forBucket: false)
            }
        }
        return try JSONResponse.make(
            BucketResource.render(bucket, origin: call.caller.origin, full: input.isFull),
            for: call
        )
    }

    func deleteBucket(_ input: BucketInput, _ caller: Caller) async throws {
        await release(try await buckets.delete(input.bucket, if: input.conditions))
    }

    func getLayout(_ input: BucketInput, _ caller: Caller) async throws -> JSON {
        let bucket = try await buckets.get(input.bucket)
        let location = bucket.document["location"]?.string ?? "US"
        return [
            "kind": "storage#storageLayout", "bucket": .string(bucket.name), "location": .string(location),
            "locationType": .string(BucketResource.locationType(location)),
            "hierarchicalNamespace": ["enabled": .bool(bucket.isHierarchical)],
        ]
    }
}

extension Call {
    /// `maxResults`, 1 to 1,000.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400).
    func pageSize() throws -> Int {
        let asked = try number("maxResults") ?? 1000
        guard asked >= 0 else { throw GoogleError.invalid("Invalid maxResults: \(asked).", reason: "invalidParameter") }
        return asked == 0 ? 1000 : Int(min(asked, 1000))
    }
}
