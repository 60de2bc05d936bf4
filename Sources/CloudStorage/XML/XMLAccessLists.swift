import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Access control lists as documents of the XML API, in Google's words and in those of S3.
///
/// See [access control lists](https://docs.cloud.google.com/storage/docs/xml-api/reference-headers#xgoogacl).
enum XMLAccessList {
    private static let permissions = ["READER": "READ", "WRITER": "WRITE", "OWNER": "FULL_CONTROL"]
    private static let groups = "http://acs.amazonaws.com/groups/global/"
    private static let everybody = ["allUsers": "AllUsers", "allAuthenticatedUsers": "AuthenticatedUsers"]

    static func document(_ entries: [AccessEntry], owner: String, _ dialect: XMLDialect) -> String {
        let owner = XML.element("ID", owner)
        switch dialect {
        case .google:
            let lines = entries.map { entry in
                "<Entry>" + scope(entry.entity) + XML.element("Permission", permissions[entry.role] ?? "") + "</Entry>"
            }
            return XML.document(
                "AccessControlList",
                namespace: nil,
                "<Owner>\(owner)</Owner><Entries>\(lines.joined())</Entries>"
            )
        case .amazon:
            let lines = entries.map { entry in
                "<Grant>" + grantee(entry.entity) + XML.element("Permission", permissions[entry.role] ?? "")
                    + "</Grant>"
            }
            return XML.document(
                "AccessControlPolicy",
                "<Owner>\(owner)</Owner><AccessControlList>\(lines.joined())</AccessControlList>"
            )
        }
    }

    /// Reads a list in either form.
    ///
    /// - Throws: ``GoogleError`` (400).
    static func entries(of body: XMLTag) throws -> [AccessEntry] {
        let lines: [(who: XMLTag?, permission: String?)]
        if body.name == "AccessControlList" {
            lines = (body["Entries"]?.all("Entry") ?? []).map { ($0["Scope"], $0.text("Permission")) }
        } else {
            let grants = try body.named("AccessControlPolicy")["AccessControlList"]?.all("Grant") ?? []
            lines = grants.map { ($0["Grantee"], $0.text("Permission")) }
        }
        return try lines.map { line in
            guard let who = line.who, let entity = entity(of: who) else {
                throw GoogleError.malformedXML("a line of the list names nobody")
            }
            guard let role = permissions.first(where: { $0.value == line.permission?.trimmed })?.key else {
                throw GoogleError.malformedXML("the permissions are READ, WRITE and FULL_CONTROL")
            }
            return AccessEntry(entity: entity, role: role)
        }
    }

    private static func scope(_ entity: String) -> String {
        func scope(_ type: String, _ content: String = "") -> String { "<Scope type='\(type)'>\(content)</Scope>" }
        let rest = entity.split(separator: "-", maxSplits: 1).last.map(String.init) ?? ""
        if entity == "allUsers" { return scope("AllUsers") }
        if entity == "allAuthenticatedUsers" { return scope("AllAuthenticatedUsers") }
        if entity.hasPrefix("domain-") { return scope("GroupByDomain", XML.element("Domain", rest)) }
        if entity.hasPrefix("project-") { return scope("GroupById", XML.element("ID", entity)) }
        let isGroup = entity.hasPrefix("group-")
        return rest.contains("@")
            ? scope(isGroup ? "GroupByEmail" : "UserByEmail", XML.element("EmailAddress", rest))
            : scope(isGroup ? "GroupById" : "UserById", XML.element("ID", rest))
    }

    private static func grantee(_ entity: String) -> String {
        let (type, content) =
            everybody[entity].map { ("Group", XML.element("URI", groups + $0)) }
            ?? ("CanonicalUser", XML.element("ID", entity))
        return "<Grantee xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='\(type)'>\(content)</Grantee>"
    }

    private static func entity(of who: XMLTag) -> String? {
        let type = who.attributes["type"] ?? ""
        switch type {
        case "AllUsers": return "allUsers"
        case "AllAuthenticatedUsers": return "allAuthenticatedUsers"
        default: break
        }
        if let uri = who.text("URI")?.trimmed {
            return everybody.first { groups + $0.value == uri }?.key
        }
        if let domain = who.text("Domain")?.trimmed { return "domain-\(domain)" }
        let kind = type.hasPrefix("Group") ? "group" : "user"
        if let email = who.text("EmailAddress")?.trimmed { return "\(kind)-\(email)" }
        guard let id = who.text("ID")?.trimmed, !id.isEmpty else { return nil }
        let isWhole = ["project-", "user-", "group-", "domain-"].contains(where: id.hasPrefix)
        return isWhole ? id : "\(kind)-\(id)"
    }
}

extension CloudStorage {
    /// `GET /B?acl`, `PUT /B?acl`, and the same with `defaultObjectAcl`
    func performBucketAccess(
        _ verb: HTTPRequest.Method,
        isDefault: Bool,
        _ input: XMLInput,
        _ call: Call
    ) async throws -> Response {
        switch verb {
        case .get:
            try await authorizer.authorize(call.caller, for: "storage.buckets.getIamPolicy", on: input.resource)
            let bucket = try await buckets.get(input.bucket)
            try bucket.requireAccessLists()
            let entries = isDefault ? ObjectACL.defaults(of: bucket) : BucketACL.entries(of: bucket)
            return accessList(entries, of: bucket, call)
        case .put:
            try await authorizer.authorize(call.caller, for: "storage.buckets.setIamPolicy", on: input.resource)
            let wanted = try await wantedAccessList(call)
            let member = isDefault ? "defaultObjectAcl" : "acl"
            _ = try await buckets.change(input.bucket, if: input.conditions, at: Micros(now())) { bucket in
                bucket.document[member] = try wanted(bucket, !isDefault)
            }
            return Response(status: .ok)
        default: throw GoogleError.lacking("\(verb) ?acl of the XML API")
        }
    }

    /// `GET /B/O?acl`
    func objectAccessXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.getIamPolicy", on: input.resource)
        let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
        try found.bucket.requireAccessLists()
        return accessList(ObjectACL.entries(of: found.record, in: found.bucket), of: found.bucket, call)
    }

    /// `PUT /B/O?acl`
    func setObjectAccessXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.setIamPolicy", on: input.resource)
        let wanted = try await wantedAccessList(call)
        _ = try await objects.change(
            input.object,
            generation: input.generation,
            bucket: input.bucket,
            if: input.conditions
        ) { record, bucket in record.document["acl"] = try wanted(bucket, false) }
        return Response(status: .ok)
    }

    private func accessList(_ entries: [AccessEntry], of bucket: BucketRecord, _ call: Call) -> Response {
        let owner = "project-owners-\(bucket.projectNumber)"
        return XML.response(XMLAccessList.document(entries, owner: owner, XMLDialect(of: call)))
    }

    /// The list that a request names in a header or writes in its body; it may depend on the bucket.
    private func wantedAccessList(
        _ call: Call
    ) async throws -> @Sendable (_ bucket: BucketRecord, _ isForBucket: Bool) throws -> JSON {
        let name = call.predefinedACL
        let data = try await call.bytes(upTo: Call.maximumJSONBytes)
        if let name { return { bucket, isForBucket in try bucket.accessList(named: name, forBucket: isForBucket) } }
        let entries = try XMLAccessList.entries(of: try XMLTag(parsing: data))
        return { bucket, _ in try bucket.accessList(of: entries) }
    }
}
