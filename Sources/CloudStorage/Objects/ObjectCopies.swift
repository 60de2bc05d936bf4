import HTTPTypes
import APIServer
import BlobStore
import GRDB
import GoogleAPI
import Hummingbird
import NIOCore

/// What is copied, and what the copy gets instead of the source's settings.
struct ObjectCopy: Sendable {
    var bucket: String
    var name: String
    var generation: Int64?
    /// Of the source.
    var conditions: Preconditions
    /// Nil: the source's own.
    var settings: JSON?
    var predefinedACL: String?
    /// What the source is encrypted with.
    var sourceKey: BlobKey?
    /// What the copy is to be encrypted with.
    var key: BlobKey?
}

extension CloudStorage {
    func copy(_ input: ObjectInput, _ call: Call, isRewrite: Bool) async throws -> Response {
        let settings = try ObjectResource.settings(of: try await call.body())
        // An empty body means the source's own settings, without its access list.
        let copy = ObjectCopy(
            bucket: input.bucket,
            name: input.object,
            generation: try call.number("sourceGeneration"),
            conditions: try Preconditions(call, source: true),
            settings: (settings.object ?? [:]).isEmpty ? .none : settings,
            predefinedACL: call.query("destinationPredefinedAcl"),
            sourceKey: input.sourceKey,
            key: input.key
        )
        let target = (bucket: try call.parameter("targetBucket"), name: try call.parameter("target"))
        if isRewrite, let unfinished = try await rewriteSome(of: copy, to: target, if: input.conditions, call) {
            return unfinished
        }
        let found = try await perform(copy, to: target.name, in: target.bucket, if: input.conditions, by: call.caller)
        guard isRewrite else { return try answer(found, call) }
        let size = JSON.string(String(found.record.size))
        let isFull = call.query("projection")?.lowercased() == "full"
        return try JSONResponse.make(
            [
                "kind": "storage#rewriteResponse", "done": true, "objectSize": size, "totalBytesRewritten": size,
                "resource": ObjectResource.render(
                    found.record,
                    bucket: found.bucket,
                    origin: call.caller.origin,
                    full: isFull,
                    key: input.key
                ),
            ] as JSON,
            for: call
        )
    }

    /// Answers a call of a rewrite that asks for less than what is left; nil when this call is the last.
    ///
    /// Only the last call changes anything, and it checks everything again: so the others check what would refuse it.
    private func rewriteSome(
        of copy: ObjectCopy,
        to target: (bucket: String, name: String),
        if conditions: Preconditions,
        _ call: Call
    ) async throws -> Response? {
        let progress = try RewriteProgress(call)
        let source = try await objects.get(copy.name, generation: copy.generation, bucket: copy.bucket).record
        try copy.conditions.check(source)
        try source.check(copy.sourceKey)
        let end = try progress.end(of: source, to: target)
        guard end < source.size else { return nil }
        try ObjectName.check(target.name)
        try await authorizeWrite(call.caller, of: target.name, in: target.bucket, if: conditions)
        _ = try await buckets.get(target.bucket)
        let replaced = try await objects.find(target.name, generation: nil, bucket: target.bucket)
        try conditions.check(replaced?.record)
        return try JSONResponse.make(
            [
                "kind": "storage#rewriteResponse", "done": false,
                "objectSize": .string(String(source.size)),
                "totalBytesRewritten": .string(String(end)),
                "rewriteToken": .string(progress.token(at: end, of: source, to: target)),
            ] as JSON,
            for: call
        )
    }

    /// Copies an object's row: content is immutable, so both generations name one blob, unless the copy is encrypted with
    /// another key. That the caller may read the source has been seen to.
    func perform(
        _ copy: ObjectCopy,
        to name: String,
        in bucket: String,
        if conditions: Preconditions,
        by caller: Caller
    ) async throws -> FoundObject {
        try ObjectName.check(name)
        try await authorizeWrite(caller, of: name, in: bucket, if: conditions)
        let encrypted = try await encrypted(copy)
        let insert = { @Sendable (db: Database) throws -> ObjectChange in
            let from = try BucketStore.get(copy.bucket, in: db)
            let record = try ObjectStore.get(copy.name, generation: copy.generation, in: from, db)
            try copy.conditions.check(record)
            try record.check(copy.sourceKey)
            let to = try BucketStore.get(bucket, in: db)
            var object = NewObject(copying: record, as: name)
            if let encrypted {
                guard encrypted.source == record.blob else {
                    throw GoogleError.conditionNotMet("the source was replaced while it was copied")
                }
                (object.blob, object.seal) = (encrypted.blob.id, encrypted.blob.seal)
            }
            if let settings = copy.settings {
                object.document = settings
                if settings["contentType"] == nil { object.document["contentType"] = record.document["contentType"] }
            } else {
                object.document["acl"] = nil
            }
            if let acl = copy.predefinedACL { object.document["acl"] = try to.accessList(named: acl, forBucket: false) }
            return try objects.insert(object, in: to, if: conditions, db)
        }
        if let encrypted { return try await publish(encrypted.blob, insert) }
        let change = try await objects.database.write(insert)
        await release(change.orphans)
        return change.found
    }

    /// The content of a copy that is encrypted in another way than its source, and the source's blob; else nil.
    private func encrypted(_ copy: ObjectCopy) async throws -> (blob: StoredBlob, source: String)? {
        try await objects.despiteOverwrites(of: copy.name, generation: copy.generation, bucket: copy.bucket) {
            let record = try await objects.get(copy.name, generation: copy.generation, bucket: copy.bucket).record
            try copy.conditions.check(record)
            try record.check(copy.sourceKey)
            guard copy.sourceKey != copy.key else { return nil }
            return (try await encrypt([record], openedWith: copy.sourceKey, with: copy.key), record.blob)
        }
    }

    /// Gives an object another name within its bucket, in one transaction.
    func move(_ input: ObjectInput, _ call: Call) async throws -> Response {
        let name = try call.parameter("target")
        try ObjectName.check(name)
        try await authorizeWrite(call.caller, of: name, in: input.bucket, if: input.conditions)
        let source = try Preconditions(call, source: true)
        guard name != input.object else {
            throw GoogleError.invalid("The source and the destination are the same object.")
        }
        let change = try await objects.database.write { db in
            let bucket = try BucketStore.get(input.bucket, in: db)
            let record = try ObjectStore.get(input.object, generation: nil, in: bucket, db)
            try source.check(record)
            var change = try objects.insert(
                NewObject(copying: record, as: name),
                in: bucket,
                if: input.conditions,
                db
            )
            change.orphans += try objects.deleteLive(record, in: bucket, db)
            return change
        }
        await release(change.orphans)
        return try answer(change.found, call)
    }

    /// Joins up to 32 objects of a bucket into one; its CRC32C follows from theirs.
    func compose(_ input: ObjectInput, _ call: Call) async throws -> Response {
        try ObjectName.check(input.object)
        try await authorizeWrite(call.caller, of: input.object, in: input.bucket, if: input.conditions)
        let body: JSON = try await call.body()
        let parts = body["sourceObjects"]?.array ?? []
        guard !parts.isEmpty else { throw GoogleError.required("sourceObjects") }
        guard parts.count <= 32 else {
            throw GoogleError.invalid(
                "The number of source components provided (\(parts.count)) exceeds the maximum (32)."
            )
        }
        var sources: [ObjectRecord] = []
        for part in parts {
            guard let name = part["name"]?.string else { throw GoogleError.required("sourceObjects.name") }
            let generation = part["generation"]?.integer
            try await authorizer.authorize(
                call.caller,
                for: "storage.objects.get",
                on: .object(name, generation: generation, in: input.bucket)
            )
            let found = try await objects.get(name, generation: generation, bucket: input.bucket)
            if let wanted = part["objectPreconditions"]?["ifGenerationMatch"]?.integer {
                var conditions = Preconditions()
                conditions.generationMatch = wanted
                try conditions.check(found.record)
            }
            try found.record.check(input.key)
            sources.append(found.record)
        }
        var document = try ObjectResource.settings(of: body["destination"] ?? [:])
        if document["contentType"] == nil { document["contentType"] = sources[0].document["contentType"] }
        let blob: StoredBlob
        if let key = input.key {
            blob = try await encrypt(sources, openedWith: key, with: key)
        } else {
            let pieces = sources.map { (id: $0.blob, expected: ExpectedBlob(size: $0.size, crc32c: $0.crc32c)) }
            blob = try await blobs.join(pieces)
        }
        let object = NewObject(
            blob,
            name: input.object,
            componentCount: sources.reduce(0) { $0 + ($1.componentCount ?? 1) },
            document: document
        )
        let found = try await publish(blob) { db in
            try objects.insert(object, in: try BucketStore.get(input.bucket, in: db), if: input.conditions, db)
        }
        return try answer(found, call)
    }
}

extension ObjectStore {
    /// Reads an object whose content an overwrite may take away between the look at its row and at its content.
    ///
    /// - Throws: What `read` throws; ``GoogleError`` `notFound` (404) when the object was deleted meanwhile.
    func despiteOverwrites<Result>(
        of name: String,
        generation: Int64?,
        bucket: String,
        _ read: () async throws -> Result
    ) async throws -> Result {
        while true {
            do {
                return try await read()
            } catch BlobError.missing(let blob) {
                let record = try await get(name, generation: generation, bucket: bucket).record
                // The row still names what is not there: nobody took it away by the API.
                guard record.blob != blob else { throw BlobError.missing(blob) }
            }
        }
    }

    /// Removes a live generation as an overwrite does: archived where versions are kept.
    func deleteLive(_ record: ObjectRecord, in bucket: BucketRecord, _ db: Database) throws -> [String] {
        try retire(record, in: bucket, at: Micros(now()), db)
    }
}
