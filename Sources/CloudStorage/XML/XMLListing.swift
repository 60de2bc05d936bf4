import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// The listings of the XML API: version 1 and 2, of live objects or of all generations.
extension CloudStorage {
    /// `GET /B`
    func listXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.list", on: input.resource)
        let isSecond = call.query("list-type") == "2"
        var query = ListingQuery()
        query.prefix = Array((call.query("prefix") ?? "").utf8)
        query.delimiter = Array((call.query("delimiter") ?? "").utf8)
        query.limit = Int(min(max(try call.number("max-keys") ?? 1000, 1), 1000))
        query.versions = call.hasQuery("versions")
        if let token = call.query("continuation-token"), !token.isEmpty {
            query.start = try ListingPosition(token: token)
        } else if let marker = call.query(isSecond ? "start-after" : query.versions ? "key-marker" : "marker"),
            !marker.isEmpty
        {
            let generation = query.versions ? try call.number("generation-marker") : nil
            query.start = Self.position(after: marker, generation: generation, delimiter: query.delimiter)
        }
        let page = try await objects.list(bucket: input.bucket, query)
        let encode: (String) -> String =
            call.query("encoding-type") == "url"
            ? { ObjectName.segment($0).replacing("%2F", with: "/") } : { $0 }
        var content =
            XML.element("Name", input.bucket) + XML.element("Prefix", encode(call.query("prefix") ?? ""))
            + XML.element("MaxKeys", String(query.limit)) + XML.element("IsTruncated", String(page.next != nil))
        if let delimiter = call.query("delimiter") { content += XML.element("Delimiter", encode(delimiter)) }
        if let type = call.query("encoding-type") { content += XML.element("EncodingType", type) }
        content += isSecond ? Self.second(page, call, encode) : Self.markers(page, call, query, encode)
        for record in page.records {
            let tag = query.versions ? "Version" : "Contents"
            content += "<\(tag)>" + Self.entry(record, page.bucket, isVersion: query.versions, encode) + "</\(tag)>"
        }
        for prefix in page.prefixes {
            content += "<CommonPrefixes>" + XML.element("Prefix", encode(prefix)) + "</CommonPrefixes>"
        }
        return XML.response(XML.document("ListBucketResult", content))
    }

    /// Where a listing goes on after a name that may be a common prefix: behind all that it stands for.
    private static func position(after marker: String, generation: Int64?, delimiter: [UInt8]) -> ListingPosition {
        let name = Array(marker.utf8)
        if !delimiter.isEmpty, name.count >= delimiter.count, Array(name.suffix(delimiter.count)) == delimiter,
            let next = Bytes.successor(name)
        {
            return ListingPosition(name: next)
        }
        return ListingPosition(name: name, afterGeneration: generation ?? .max)
    }

    private static func second(_ page: ListingPage, _ call: Call, _ encode: (String) -> String) -> String {
        var text = XML.element("KeyCount", String(page.records.count + page.prefixes.count))
        if let token = call.query("continuation-token") { text += XML.element("ContinuationToken", token) }
        if let start = call.query("start-after") { text += XML.element("StartAfter", encode(start)) }
        if let next = page.next { text += XML.element("NextContinuationToken", next.token) }
        return text
    }

    private static func markers(
        _ page: ListingPage,
        _ call: Call,
        _ query: ListingQuery,
        _ encode: (String) -> String
    ) -> String {
        let name = query.versions ? "KeyMarker" : "Marker"
        var text = XML.element(name, encode(call.query(query.versions ? "key-marker" : "marker") ?? ""))
        let last = [page.records.last?.name, page.prefixes.last].compactMap { $0 }
            .max { Bytes.precedes(Array($0.utf8), Array($1.utf8)) }
        guard page.next != nil, let last else { return text }
        text += XML.element("Next\(name)", encode(last))
        if query.versions, let record = page.records.last, record.name == last {
            text += XML.element("NextGenerationMarker", String(record.generation))
        }
        return text
    }

    private static func entry(
        _ record: ObjectRecord,
        _ bucket: BucketRecord,
        isVersion: Bool,
        _ encode: (String) -> String
    ) -> String {
        var text =
            XML.element("Key", encode(record.name)) + XML.element("Generation", String(record.generation))
            + XML.element("MetaGeneration", String(record.metageneration))
        if isVersion {
            text += XML.element("VersionId", String(record.generation))
            text += XML.element("IsLatest", String(record.isLive))
            if let deleted = record.deleted { text += XML.element("DeletedTime", deleted.text) }
        }
        return text + XML.element("LastModified", record.updated.text) + XML.element("ETag", "\"\(record.xmlTag)\"")
            + XML.element("Size", String(record.size))
            + XML.element("StorageClass", record.storageClass(in: bucket))
    }

    /// `GET /`: the buckets of a project.
    func listBucketsXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        let project = try await projects.project(try call.projectOfXML())
        try await authorizer.authorize(call.caller, for: "storage.buckets.list", on: .project(project.id))
        let found = try await buckets.list(project: project.id, prefix: "", from: "", limit: 1000)
        let content = found.prefix(1000).map { bucket in
            "<Bucket>" + XML.element("Name", bucket.name) + XML.element("CreationDate", bucket.created.text)
                + "</Bucket>"
        }
        let owner = "<Owner>" + XML.element("ID", String(project.number)) + "</Owner>"
        return XML.response(
            XML.document("ListAllMyBucketsResult", owner + "<Buckets>" + content.joined() + "</Buckets>")
        )
    }
}

extension Call {
    /// Whether the query has a parameter, with or without a value.
    func hasQuery(_ name: String) -> Bool {
        (request.uri.query ?? "").split(separator: "&").contains { $0.prefix { $0 != "=" } == name }
    }

    /// The project that a request without a bucket is about: its header's, else that of the account which signed it.
    ///
    /// - Throws: ``GoogleError`` `required` (400).
    func projectOfXML() throws -> String {
        if let project = header("x-goog-project-id") ?? header("x-amz-project-id") { return project }
        let domain = caller.email?.split(separator: "@").last.map(String.init) ?? ""
        guard domain.hasSuffix(".iam.gserviceaccount.com") else { throw GoogleError.required("x-goog-project-id") }
        return String(domain.dropLast(".iam.gserviceaccount.com".count))
    }
}

extension ObjectRecord {
    /// The entity tag of the XML API: the MD5 where there is one, and it is no secret.
    var xmlTag: String { (seal == nil ? md5 : nil)?.hexadecimal ?? etag.filter { $0 != "=" } }

    /// What the XML API answers to a write.
    var xmlHeaders: HTTPFields {
        var headers = HTTPFields.xml(tag: xmlTag, crc32c: crc32c, md5: md5)
        headers.add("x-goog-generation", String(generation))
        headers.add("x-goog-metageneration", String(metageneration))
        if let seal { headers.append(contentsOf: seal.headers) }
        return headers
    }
}

extension HTTPFields {
    /// The entity tag and the checksums of bytes that were written.
    static func xml(tag: String, crc32c: UInt32, md5: Data?) -> HTTPFields {
        var headers: HTTPFields = [.eTag: "\"\(tag)\""]
        headers.add("x-goog-hash", "crc32c=\(Base64.text(crc32c))")
        if let md5 { headers.add("x-goog-hash", "md5=\(md5.base64EncodedString())") }
        return headers
    }

    fileprivate mutating func add(_ name: String, _ value: String) {
        if let name = HTTPField.Name(name) { append(HTTPField(name: name, value: value)) }
    }
}
