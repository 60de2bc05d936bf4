import APIServer
import BlobStore
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Hummingbird

extension CloudStorage {
    /// `POST /B/O?uploads`
    func startMultipart(_ input: XMLInput, _ call: Call) async throws -> Response {
        let request = try input.uploadRequest(call)
        try await authorizeWrite(call.caller, of: input.object, in: input.bucket, if: input.conditions)
        let upload = MultipartUpload(id: makeID(), name: input.object, request: request, created: Micros(now()))
        try await multipart.insert(upload)
        let content =
            XML.element("Bucket", input.bucket) + XML.element("Key", input.object) + XML.element("UploadId", upload.id)
        return XML.response(XML.document("InitiateMultipartUploadResult", namespace: XML.multipart, content))
    }

    /// `PUT /B/O?partNumber=N&uploadId=ID`
    func putPart(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.create", on: input.resource)
        let upload = try await multipart.get(call.query("uploadId") ?? "", name: input.object, in: input.bucket)
        guard let number = try call.number("partNumber"), (1...10_000).contains(number) else {
            throw GoogleError.invalid("partNumber must be 1 to 10000.")
        }
        var checks = ChecksumChecks(metadata: [:], headers: call.headers)
        let staged = blobs.stage(computing: checks.needed)
        let blob: StoredBlob
        let content = call.content
        do {
            for try await chunk in content { try await staged.append(chunk) }
            try checks.add(trailers: content.trailers)
            blob = try await staged.commit()
        } catch {
            await staged.discard()
            throw error
        }
        do {
            try checks.check(blob)
            let part = MultipartPart(
                number: number,
                blob: blob.id,
                size: blob.size,
                crc32c: blob.crc32c,
                md5: Data(blob.md5 ?? []),
                created: Micros(now())
            )
            await release(try await multipart.put(part, of: upload))
            return Response(status: .ok, headers: .xml(tag: part.etag, crc32c: part.crc32c, md5: part.md5))
        } catch let error as GoogleError {
            await release([blob.id])
            throw error
        }
    }

    /// `POST /B/O?uploadId=ID`: joins the parts that the body lists.
    func completeMultipart(_ input: XMLInput, _ call: Call) async throws -> Response {
        let id = call.query("uploadId") ?? ""
        let upload = try await multipart.get(id, name: input.object, in: input.bucket)
        var request = upload.request
        if input.conditions != .none { request.conditions = input.conditions }
        try await authorizeWrite(call.caller, of: input.object, in: input.bucket, if: request.conditions)
        let stored = Dictionary(
            try await multipart.parts(of: id).map { ($0.number, $0) },
            uniquingKeysWith: { _, last in last }
        )
        var parts: [MultipartPart] = []
        for listed in try XMLTag(parsing: try await call.bytes(upTo: Call.maximumJSONBytes)).all("Part") {
            guard let number = listed.text("PartNumber").flatMap({ Int64($0.trimmingCharacters(in: .whitespaces)) }),
                let part = stored[number]
            else { throw GoogleError.invalidPart("part \(listed.text("PartNumber") ?? "?") was not uploaded") }
            guard part.number > parts.last?.number ?? 0 else {
                throw GoogleError.invalidPart("they are not in ascending order")
            }
            let etag = (listed.text("ETag") ?? "").filter { $0 != "\"" && !$0.isWhitespace }
            guard etag == part.etag else { throw GoogleError.invalidPart("the ETag of part \(number) is another") }
            if let given = listed.text("ChecksumCRC32C")?.trimmed, given != Base64.text(part.crc32c) {
                throw GoogleError.checksumMismatch("CRC32C", given: given, computed: Base64.text(part.crc32c))
            }
            parts.append(part)
        }
        guard !parts.isEmpty else { throw GoogleError.invalidPart("the list is empty") }
        let document = try await settings(of: request)
        let blob = try await blobs.join(
            parts.map { (id: $0.blob, expected: ExpectedBlob(size: $0.size, crc32c: $0.crc32c)) }
        )
        let given = call.header("x-amz-checksum-crc32c") ?? ChecksumChecks(metadata: [:], headers: call.headers).crc32c
        let found = try await publish(blob) { [request] db in
            // With a hyphen it is a checksum of the parts' checksums, and those have been compared.
            if let given, !given.contains("-"), given != Base64.text(blob.crc32c) {
                throw GoogleError.checksumMismatch("CRC32C", given: given, computed: Base64.text(blob.crc32c))
            }
            // Whoever completes it twice at once finds it gone.
            _ = try MultipartStore.get(id, name: request.name, in: request.bucket, db)
            var change = try objects.insert(
                NewObject(blob, name: request.name, document: document),
                in: try BucketStore.get(request.bucket, in: db),
                if: request.conditions,
                db
            )
            change.orphans += try MultipartStore.delete(id, db)
            return change
        }
        let content =
            XML.element("Location", "\(call.caller.origin)/\(input.bucket)/\(ObjectName.segment(input.object))")
            + XML.element("Bucket", input.bucket) + XML.element("Key", input.object)
            + XML.element("ETag", "\"\(found.record.xmlTag)\"")
        let answer = XML.document("CompleteMultipartUploadResult", namespace: XML.multipart, content)
        return XML.response(answer, headers: found.record.xmlHeaders)
    }

    /// `DELETE /B/O?uploadId=ID`
    func abortMultipart(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.multipartUploads.abort", on: input.resource)
        let id = call.query("uploadId") ?? ""
        let orphans = try await objects.database.write { db in
            _ = try MultipartStore.get(id, name: input.object, in: input.bucket, db)
            return try MultipartStore.delete(id, db)
        }
        await release(orphans)
        return Response(status: .noContent)
    }

    /// `GET /B/O?uploadId=ID`
    func listParts(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.multipartUploads.listParts", on: input.resource)
        let upload = try await multipart.get(call.query("uploadId") ?? "", name: input.object, in: input.bucket)
        let marker = try call.number("part-number-marker") ?? 0
        let limit = Int(min(max(try call.number("max-parts") ?? 1000, 1), 1000))
        let found = try await multipart.parts(of: upload.id).filter { $0.number > marker }
        var content =
            XML.element("Bucket", input.bucket) + XML.element("Key", input.object) + XML.element("UploadId", upload.id)
            + XML.element("IsTruncated", String(found.count > limit))
        if found.count > limit { content += XML.element("NextPartNumberMarker", String(found[limit - 1].number)) }
        for part in found.prefix(limit) {
            content +=
                "<Part>" + XML.element("PartNumber", String(part.number))
                + XML.element("LastModified", part.created.text) + XML.element("ETag", "\"\(part.etag)\"")
                + XML.element("Size", String(part.size)) + "</Part>"
        }
        return XML.response(XML.document("ListPartsResult", namespace: XML.multipart, content))
    }

    /// `GET /B?uploads`
    func listMultipart(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.multipartUploads.list", on: input.resource)
        let found = try await multipart.list(bucket: input.bucket, prefix: call.query("prefix") ?? "")
        var content = XML.element("Bucket", input.bucket) + XML.element("IsTruncated", "false")
        for upload in found {
            content +=
                "<Upload>" + XML.element("Key", upload.name) + XML.element("UploadId", upload.id)
                + XML.element("StorageClass", "STANDARD") + XML.element("Initiated", upload.created.text) + "</Upload>"
        }
        return XML.response(XML.document("ListMultipartUploadsResult", namespace: XML.multipart, content))
    }
}
