import BlobStore
import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What a request of the XML API names, by path (`/BUCKET/OBJECT`) or by host (`BUCKET.storage.googleapis.com`).
struct XMLInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    /// Empty: the bucket itself.
    var object: String
    var generation: Int64?
    var conditions: Preconditions

    init(from call: Call) async throws {
        try call.refuseCustomerKeys()
        try XMLRequest(call).check()
        conditions = try Preconditions(headers: call.headers)
        let path = (call.request.head.path ?? "/").prefix { $0 != "?" }
        let host = (call.request.head.authority ?? "").prefix { $0 != ":" }.lowercased()
        var rest = path.dropFirst()
        if host.hasSuffix(".storage.googleapis.com") {
            bucket = String(host.dropLast(".storage.googleapis.com".count))
        } else {
            let name = rest.prefix { $0 != "/" }
            bucket = String(name).removingPercentEncoding ?? ""
            rest = rest.dropFirst(name.count + 1)
        }
        guard let object = String(rest).removingPercentEncoding else {
            throw GoogleError.invalidObjectName("it is not valid percent-encoded UTF-8.")
        }
        self.object = object
        guard !bucket.isEmpty else { throw GoogleError.invalid("The path names no bucket.") }
        generation = try call.number("generation")
        resource = object.isEmpty ? .bucket(bucket) : .object(object, generation: generation, in: bucket)
    }
}

extension CloudStorage {
    func addXMLMethods(to api: MethodTable) {
        // Whether a path is a bucket's or an object's decides the permission, so it is asked for inside.
        for (id, verb) in [("storage.xml.get", HTTPRequest.Method.get), ("storage.xml.head", .head)] {
            api.add(id, verb, "/**", requires: nil, readXML)
        }
        api.add("storage.xml.put", .put, "/**", requires: nil, putXML)
        api.add("storage.xml.delete", .delete, "/**", requires: nil, deleteXML)
        api.lacks("storage.xml.post", .post, "/**")
    }

    func readXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        guard !input.object.isEmpty else { return try await listXML(input, call) }
        try await authorizer.authorize(call.caller, for: "storage.objects.get", on: input.resource)
        return try await objects.despiteOverwrites(
            of: input.object,
            generation: input.generation,
            bucket: input.bucket
        ) { try await readXMLObject(input, call) }
    }

    private func readXMLObject(_ input: XMLInput, _ call: Call) async throws -> Response {
        let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
        try input.conditions.check(found.record)
        let etag = found.record.md5.map { $0.map { String(format: "%02x", $0) }.joined() } ?? found.record.etag
        if let response = try found.outcome(ofEntityTagsIn: call.headers, etag: etag) { return response }
        var custom: HTTPFields = [:]
        for (key, value) in found.record.document["metadata"]?.object ?? [:] {
            guard let name = HTTPField.Name("x-goog-meta-\(key)"), let text = value.string else { continue }
            if HTTPField.isValidValue(text) { custom[name] = text }
        }
        return try await download(
            found,
            call.headers,
            etag: "\"\(etag)\"",
            isHead: call.request.method == .head,
            adding: custom
        )
    }

    func putXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        guard !input.object.isEmpty else { throw GoogleError.lacking("storage.xml.buckets.put") }
        try ObjectName.check(input.object)
        var metadata: [String: JSON] = [:]
        for field in call.headers {
            let name = field.name.canonicalName
            if name.hasPrefix("x-goog-meta-") { metadata[String(name.dropFirst(12))] = .string(field.value) }
        }
        var document: JSON = [:]
        if !metadata.isEmpty { document["metadata"] = .object(metadata) }
        if let value = call.headers[.cacheControl] { document["cacheControl"] = .string(value) }
        if let value = call.headers[.contentEncoding] { document["contentEncoding"] = .string(value) }
        let request = UploadRequest(
            bucket: input.bucket,
            name: input.object,
            metadata: document,
            conditions: input.conditions,
            checks: ChecksumChecks(metadata: [:], headers: call.headers),
            contentType: call.headers[.contentType]
        )
        let found = try await store(call.request.body, as: request, by: call.caller)
        var headers: HTTPFields = [:]
        if let md5 = found.record.md5 { headers[.eTag] = "\"" + md5.map { String(format: "%02x", $0) }.joined() + "\"" }
        if let name = HTTPField.Name("x-goog-generation") { headers[name] = String(found.record.generation) }
        if let name = HTTPField.Name("x-goog-hash") { headers[name] = "crc32c=\(Base64.text(found.record.crc32c))" }
        return Response(status: .ok, headers: headers)
    }

    func deleteXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        if input.object.isEmpty {
            try await authorizer.authorize(call.caller, for: "storage.buckets.delete", on: input.resource)
            await release(try await buckets.delete(input.bucket, if: input.conditions))
        } else {
            try await authorizer.authorize(call.caller, for: "storage.objects.delete", on: input.resource)
            await release(
                try await objects.delete(
                    input.object,
                    generation: input.generation,
                    bucket: input.bucket,
                    if: input.conditions
                )
            )
        }
        return Response(status: .noContent)
    }

    private func listXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.list", on: input.resource)
        var query = ListingQuery()
        query.prefix = Array((call.query("prefix") ?? "").utf8)
        query.delimiter = Array((call.query("delimiter") ?? "").utf8)
        query.limit = Int(min(max(try call.number("max-keys") ?? 1000, 1), 1000))
        if let marker = call.query("marker"), !marker.isEmpty {
            query.start = .init(name: Array(marker.utf8), afterGeneration: .max)
        }
        let page = try await objects.list(bucket: input.bucket, query)
        var text =
            "<?xml version='1.0' encoding='UTF-8'?>"
            + "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>"
            + XML.element("Name", input.bucket) + XML.element("Prefix", call.query("prefix") ?? "")
            + XML.element("Marker", call.query("marker") ?? "")
            + XML.element("IsTruncated", String(page.next != nil))
        if page.next != nil,
            let last = [page.records.last?.name, page.prefixes.last].compactMap({ $0 }).max(by: {
                Bytes.precedes(Array($0.utf8), Array($1.utf8))
            })
        {
            text += XML.element("NextMarker", last)
        }
        for record in page.records {
            text += "<Contents>" + XML.element("Key", record.name)
            text += XML.element("Generation", String(record.generation))
            text += XML.element("MetaGeneration", String(record.metageneration))
            text += XML.element("LastModified", record.updated.text)
            let etag = record.md5.map { $0.map { String(format: "%02x", $0) }.joined() } ?? record.etag
            text += XML.element("ETag", "\"\(etag)\"") + XML.element("Size", String(record.size)) + "</Contents>"
        }
        for prefix in page.prefixes {
            text += "<CommonPrefixes>" + XML.element("Prefix", prefix) + "</CommonPrefixes>"
        }
        return XML.response(text + "</ListBucketResult>", status: .ok)
    }
}

/// The little XML that is written.
enum XML {
    static func element(_ name: String, _ text: String) -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "<\(name)>\(escaped)</\(name)>"
    }

    static func response(_ text: String, status: HTTPResponse.Status) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/xml; charset=UTF-8"],
            body: .init(byteBuffer: ByteBuffer(string: text))
        )
    }
}

extension ErrorStyle {
    /// The XML API: `<Error>` with a code of its own.
    static let xml = ErrorStyle { error, call in
        let byStatus: [Int: String] = [
            400: "InvalidArgument", 401: "AuthenticationRequired", 403: "AccessDenied", 404: "NoSuchKey",
            409: "Conflict", 412: "PreconditionFailed", 416: "InvalidRange", 501: "NotImplemented",
            507: "InsufficientStorage",
        ]
        let code = error.metadata["code"] ?? byStatus[error.code] ?? "InternalError"
        let text =
            "<?xml version='1.0' encoding='UTF-8'?><Error>" + XML.element("Code", code)
            + XML.element("Message", error.message) + "</Error>"
        if call.request.method == .head { return Response(status: .init(code: error.code)) }
        return XML.response(text, status: .init(code: error.code))
    }
}
