import HTTPTypes
import APIServer
import BlobStore
import GRDB
import GoogleAPI
import Hummingbird
import NIOCore

extension CloudStorage {
    /// Copies an object's row: content is immutable, so both generations name one blob.
    func copy(_ input: ObjectInput, _ call: Call, isRewrite: Bool) async throws -> Response {
        let (bucket, name) = (try call.parameter("targetBucket"), try call.parameter("target"))
        try ObjectName.check(name)
        try await authorizeWrite(call.caller, of: name, in: bucket, if: input.conditions)
        let source = try Preconditions(call, source: true)
        let generation = try call.number("sourceGeneration")
        let body: JSON = try await call.body()
        let settings = try ObjectResource.settings(of: body)
        let acl = call.query("destinationPredefinedAcl")
        let change = try await objects.database.write { db in
            let from = try BucketStore.get(input.bucket, in: db)
            let record = try ObjectStore.get(input.object, generation: generation, in: from, db)
            try source.check(record)
            let to = try BucketStore.get(bucket, in: db)
            // An empty body means the source's own settings, without its access list.
            var document = settings
            if (settings.object ?? [:]).isEmpty {
                document = record.document
                document["acl"] = nil
            } else if document["contentType"] == nil {
                document["contentType"] = record.document["contentType"]
            }
            if let acl {
                document["acl"] = try to.accessList(named: acl, forBucket: false)
            }
            var object = NewObject(copying: record, as: name)
            object.document = document
            return try objects.insert(object, in: to, if: input.conditions, db)
        }
        await release(change.orphans)
        guard isRewrite else { return try answer(change.found, call) }
        let size = JSON.string(String(change.found.record.size))
        let isFull = call.query("projection")?.lowercased() == "full"
        return try JSONResponse.make(
            [
                "kind": "storage#rewriteResponse", "done": true, "objectSize": size, "totalBytesRewritten": size,
                "resource": ObjectResource.render(
                    change.found.record,
                    bucket: change.found.bucket,
                    origin: call.caller.origin,
                    full: isFull
                ),
            ] as JSON,
            for: call
        )
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
            sources.append(found.record)
        }
        var document = try ObjectResource.settings(of: body["destination"] ?? [:])
        if document["contentType"] == nil { document["contentType"] = sources[0].document["contentType"] }
        let staged = blobs.stage()
        do {
            for source in sources {
                let expected = ExpectedBlob(size: source.size, crc32c: source.crc32c)
                for try await chunk in try await blobs.read(source.blob, expecting: expected) {
                    try await staged.append(chunk)
                }
            }
        } catch {
            await staged.discard()
            throw error
        }
        let change = try await finish(
            staged,
            name: input.object,
            bucket: input.bucket,
            document: document,
            checks: ChecksumChecks(),
            conditions: input.conditions,
            componentCount: sources.reduce(0) { $0 + ($1.componentCount ?? 1) }
        )
        return try answer(change, call)
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
