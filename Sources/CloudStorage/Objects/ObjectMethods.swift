import BlobStore
import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

extension CloudStorage {
    func addObjectMethods(to api: MethodTable) {
        let o = "/storage/v1/b/{bucket}/o"
        api.add("storage.objects.list", .get, o, requires: "storage.objects.list", listObjects)
        for path in ["\(o)/{object}", "/download/storage/v1/b/{bucket}/o/{object}"] {
            api.add("storage.objects.get", .get, path, requires: "storage.objects.get", getObject)
        }
        api.add("storage.objects.patch", .patch, "\(o)/{object}", requires: "storage.objects.update", patchObject)
        api.add("storage.objects.update", .put, "\(o)/{object}", requires: "storage.objects.update", updateObject)
        api.add("storage.objects.delete", .delete, "\(o)/{object}", requires: "storage.objects.delete", deleteObject)
        api.add("storage.objects.compose", .post, "\(o)/{object}/compose", requires: "storage.objects.create", compose)
        let target = "b/{targetBucket}/o/{target}"
        api.add("storage.objects.copy", .post, "\(o)/{object}/copyTo/\(target)", requires: "storage.objects.get") {
            (input: ObjectInput, call: Call) in try await copy(input, call, isRewrite: false)
        }
        api.add("storage.objects.rewrite", .post, "\(o)/{object}/rewriteTo/\(target)", requires: "storage.objects.get")
        {
            (input: ObjectInput, call: Call) in try await copy(input, call, isRewrite: true)
        }
        api.add(
            "storage.objects.move",
            .post,
            "\(o)/{object}/moveTo/o/{target}",
            requires: "storage.objects.delete",
            move
        )
    }

    /// - Parameter key: Of an upload that needs to bring its key only once; else it is the call's.
    func answer(_ found: FoundObject, _ call: Call, full: Bool = false, key: BlobKey? = nil) throws -> Response {
        let full = full || call.query("projection")?.lowercased() == "full"
        return try JSONResponse.make(
            ObjectResource.render(
                found.record,
                bucket: found.bucket,
                origin: call.caller.origin,
                full: full,
                key: try key ?? call.customerKey()
            ),
            for: call
        )
    }

    func listObjects(_ input: BucketInput, _ call: Call) async throws -> Response {
        var query = ListingQuery()
        query.prefix = Array((call.query("prefix") ?? "").utf8)
        query.delimiter = Array((call.query("delimiter") ?? "").utf8)
        query.startOffset = Array((call.query("startOffset") ?? "").utf8)
        query.endOffset = Array((call.query("endOffset") ?? "").utf8)
        query.versions = call.flag("versions")
        query.includeTrailingDelimiter = call.flag("includeTrailingDelimiter")
        query.includeFolders = call.flag("includeFoldersAsPrefixes")
        query.limit = try call.pageSize()
        if let glob = call.query("matchGlob"), !glob.isEmpty { query.glob = try Glob(glob) }
        if let token = call.query("pageToken"), !token.isEmpty { query.start = try ListingPosition(token: token) }
        query.softDeleted = call.flag("softDeleted")
        let page = try await objects.list(bucket: input.bucket, query)
        let (origin, wanted) = (call.caller.origin, try call.fieldMask()?.members(at: "items"))
        var answer: JSON = ["kind": "storage#objects"]
        if !page.records.isEmpty {
            answer["items"] = .array(
                page.records.map {
                    ObjectResource.render($0, bucket: page.bucket, origin: origin, full: input.isFull, only: wanted)
                }
            )
        }
        if !page.prefixes.isEmpty { answer["prefixes"] = .array(page.prefixes.map(JSON.string)) }
        if let next = page.next { answer["nextPageToken"] = .string(next.token) }
        return try JSONResponse.make(answer, for: call)
    }

    func getObject(_ input: ObjectInput, _ call: Call) async throws -> Response {
        guard !call.flag("softDeleted") else { return try await getSoftDeleted(input, call) }
        return try await objects.despiteOverwrites(of: input.object, generation: input.generation, bucket: input.bucket)
        {
            try await readObject(input, call)
        }
    }

    private func readObject(_ input: ObjectInput, _ call: Call) async throws -> Response {
        let isDownload = call.query("alt") == "media" || call.context.originalPath.hasPrefix("/download/")
        let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
        switch input.conditions.outcome(
            generation: found.record.generation,
            metageneration: found.record.metageneration
        ) {
        case .met: break
        case .unchanged: return Response(status: .notModified)
        case .failed(let reason): throw GoogleError.conditionNotMet(reason)
        }
        if let response = try found.outcome(ofEntityTagsIn: call.headers, etag: found.record.etag) { return response }
        guard isDownload else {
            if input.key != nil { try found.record.check(input.key) }
            return try answer(found, call, full: input.isFull)
        }
        return try await download(
            found,
            call.headers,
            etag: found.record.etag,
            isHead: call.request.method == .head,
            openedWith: input.key
        )
    }

    func patchObject(_ input: ObjectInput, _ call: Call) async throws -> Response {
        let patch = try ObjectResource.settings(of: try await call.body())
        return try await change(input, call) { $0.document.merge(patch) }
    }

    func updateObject(_ input: ObjectInput, _ call: Call) async throws -> Response {
        let settings = try ObjectResource.settings(of: try await call.body())
        return try await change(input, call) { $0.document = settings }
    }

    private func change(
        _ input: ObjectInput,
        _ call: Call,
        _ change: @escaping @Sendable (inout ObjectRecord) throws -> Void
    ) async throws -> Response {
        let acl = call.query("predefinedAcl")
        let found = try await objects.change(
            input.object,
            generation: input.generation,
            bucket: input.bucket,
            if: input.conditions
        ) { record, bucket in
            let old = record.document
            try change(&record)
            try ObjectRetention.check(
                old["retention"],
                becomes: record.document["retention"],
                of: record.name,
                at: objects.now()
            )
            record.document = try ObjectResource.settings(of: record.document)
            record.document["timeStorageClassUpdated"] = old["timeStorageClassUpdated"]
            if let acl {
                record.document["acl"] = try bucket.accessList(named: acl, forBucket: false)
            } else if let entries = try AccessEntry.entries(from: record.document["acl"]), !entries.isEmpty,
                record.document["acl"] != old["acl"]
            {
                record.document["acl"] = try bucket.accessList(of: entries)
            }
        }
        return try answer(found, call, full: input.isFull)
    }

    func deleteObject(_ input: ObjectInput, _ caller: Caller) async throws {
        await release(
            try await objects.delete(
                input.object,
                generation: input.generation,
                bucket: input.bucket,
                if: input.conditions
            )
        )
    }
}

extension FoundObject {
    /// What `If-Match` and `If-None-Match` ask for: 412, 304, or nil to go on.
    func outcome(ofEntityTagsIn headers: HTTPFields, etag: String) throws -> Response? {
        func tags(_ name: HTTPField.Name) -> [String]? {
            headers[name]?.split(separator: ",").map { $0.filter { $0 != "\"" && $0 != " " } }
        }
        if let wanted = tags(.ifMatch), !wanted.contains(etag), !wanted.contains("*") {
            throw GoogleError.conditionNotMet("If-Match does not name the current etag")
        }
        if let known = tags(.ifNoneMatch), known.contains(etag) || known.contains("*") {
            return Response(status: .notModified, headers: [.eTag: etag])
        }
        return nil
    }
}
