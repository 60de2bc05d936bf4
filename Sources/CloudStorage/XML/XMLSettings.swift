import Foundation
import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Whose words a client speaks: Google's, or those of S3, for which some documents have another form.
enum XMLDialect {
    case google
    case amazon

    /// As Google does, told by the provider that the request is signed for, or by its headers.
    init(of call: Call) {
        let isAmazon =
            call.headers[.authorization]?.hasPrefix("AWS") ?? false
            || call.headers.contains { $0.name.canonicalName.hasPrefix("x-amz-") }
            || call.query("X-Amz-Algorithm") != nil
        self = isAmazon ? .amazon : .google
    }
}

/// A setting of a bucket that the XML API reads and writes as a document of its own.
///
/// See [the XML API's bucket methods](https://docs.cloud.google.com/storage/docs/xml-api/reference-methods).
struct XMLSetting: Sendable {
    /// The member of the JSON API's bucket.
    var member: String
    var render: @Sendable (BucketRecord, XMLDialect) -> String
    /// Reads what a client sets; nil for what cannot be set.
    var parse: (@Sendable (XMLTag) throws -> JSON)?

    /// By the parameter of the query, in lower case.
    static let all: [String: XMLSetting] = [
        "billing": billing, "cors": cors, "encryption": encryption, "encryptionconfig": encryption,
        "lifecycle": lifecycle, "location": location,
        "logging": logging, "storageclass": storageClass, "tagging": tagging, "versioning": versioning,
        "website": website, "websiteconfig": website,
    ]

    private static let location = XMLSetting(member: "location") { bucket, _ in
        XML.document("LocationConstraint", XML.escaped(bucket.document["location"]?.string ?? "US"))
    }

    private static let storageClass = XMLSetting(member: "storageClass") { bucket, _ in
        XML.document(
            "StorageClass",
            namespace: nil,
            XML.escaped(bucket.document["storageClass"]?.string ?? "STANDARD")
        )
    } parse: { body in
        .string(try body.named("StorageClass").text.trimmed)
    }

    private static let versioning = XMLSetting(member: "versioning") { bucket, _ in
        let status = bucket.document["versioning"].map { _ in bucket.isVersioned ? "Enabled" : "Suspended" }
        return XML.document("VersioningConfiguration", status.map { XML.element("Status", $0) } ?? "")
    } parse: { body in
        ["enabled": .bool(try body.named("VersioningConfiguration").isOn("Status", on: "Enabled", off: "Suspended"))]
    }

    private static let billing = XMLSetting(member: "billing") { bucket, dialect in
        let isOn = bucket.document["billing"]?["requesterPays"]?.bool ?? false
        return XML.document(
            "BillingConfiguration",
            namespace: nil,
            XML.element("RequesterPays", isOn ? "Enabled" : "Disabled")
        )
    } parse: { body in
        let body = try body.named("BillingConfiguration")
        return ["requesterPays": .bool(try body.isOn("RequesterPays", on: "Enabled", off: "Disabled"))]
    }

    private static let encryption = XMLSetting(member: "encryption") { bucket, _ in
        let key = bucket.document["encryption"]?["defaultKmsKeyName"]?.string
        return XML.document(
            "EncryptionConfiguration",
            namespace: nil,
            key.map { XML.element("DefaultKmsKeyName", $0) } ?? ""
        )
    } parse: { body in
        let key = try body.named("EncryptionConfiguration").text("DefaultKmsKeyName")?.trimmed ?? ""
        return key.isEmpty ? .null : ["defaultKmsKeyName": .string(key)]
    }

    private static let logging = XMLSetting(member: "logging") { bucket, dialect in
        let target = bucket.document["logging"]?["logBucket"]?.string
        let prefix = bucket.document["logging"]?["logObjectPrefix"]?.string ?? ""
        switch dialect {
        case .google:
            let content = target.map { XML.element("LogBucket", $0) + XML.element("LogObjectPrefix", prefix) }
            return XML.document("Logging", namespace: nil, content ?? "")
        case .amazon:
            let content = target.map { XML.element("TargetBucket", $0) + XML.element("TargetPrefix", prefix) }
            return XML.document("BucketLoggingStatus", content.map { "<LoggingEnabled>\($0)</LoggingEnabled>" } ?? "")
        }
    } parse: { body in
        let isGoogle = body.name == "Logging"
        if !isGoogle { _ = try body.named("BucketLoggingStatus") }
        guard let body = isGoogle ? body : body["LoggingEnabled"],
            let target = body.text(isGoogle ? "LogBucket" : "TargetBucket")
        else { return .null }
        var logging: JSON = ["logBucket": .string(target.trimmed)]
        let prefix = body.text(isGoogle ? "LogObjectPrefix" : "TargetPrefix") ?? ""
        if !prefix.isEmpty { logging["logObjectPrefix"] = .string(prefix) }
        return logging
    }

    private static let website = XMLSetting(member: "website") { bucket, dialect in
        let page = bucket.document["website"]?["mainPageSuffix"]?.string
        let missing = bucket.document["website"]?["notFoundPage"]?.string
        let content: [String?] =
            switch dialect {
            case .google:
                [
                    page.map { XML.element("MainPageSuffix", $0) }, missing.map { XML.element("NotFoundPage", $0) },
                ]
            case .amazon:
                [
                    page.map { "<IndexDocument>\(XML.element("Suffix", $0))</IndexDocument>" },
                    missing.map { "<ErrorDocument>\(XML.element("Key", $0))</ErrorDocument>" },
                ]
            }
        return XML.document(
            "WebsiteConfiguration",
            namespace: dialect == .google ? nil : XML.amazon,
            content.compactMap { $0 }.joined()
        )
    } parse: { body in
        let body = try body.named("WebsiteConfiguration")
        var website: JSON = [:]
        if let page = body.text("MainPageSuffix") ?? body["IndexDocument"]?.text("Suffix") {
            website["mainPageSuffix"] = .string(page.trimmed)
        }
        if let page = body.text("NotFoundPage") ?? body["ErrorDocument"]?.text("Key") {
            website["notFoundPage"] = .string(page.trimmed)
        }
        return website.object?.isEmpty ?? true ? .null : website
    }

    private static let tagging = XMLSetting(member: "labels") { bucket, _ in
        let tags = (bucket.document["labels"]?.object ?? [:]).sorted { $0.key < $1.key }.map { key, value in
            "<Tag>" + XML.element("Key", key) + XML.element("Value", value.string ?? "") + "</Tag>"
        }
        return XML.document("Tagging", namespace: nil, "<TagSet>\(tags.joined())</TagSet>")
    } parse: { body in
        let tags = try body.named("Tagging")["TagSet"]?.all("Tag") ?? []
        var labels: [String: JSON] = [:]
        for tag in tags {
            guard let key = tag.text("Key"), let value = tag.text("Value") else {
                throw GoogleError.malformedXML("a tag has a key and a value")
            }
            labels[key] = .string(value)
        }
        return labels.isEmpty ? .null : .object(labels)
    }
}

extension XMLTag {
    /// - Throws: ``GoogleError`` (400) for a document of another name.
    func named(_ name: String) throws -> XMLTag {
        guard self.name == name else { throw GoogleError.malformedXML("it is no '\(name)'") }
        return self
    }

    /// - Throws: ``GoogleError`` (400) for any other word.
    fileprivate func isOn(_ member: String, on: String, off: String) throws -> Bool {
        switch text(member)?.trimmed {
        case on: true
        case off: false
        default: throw GoogleError.malformedXML("'\(member)' is \(on) or \(off)")
        }
    }
}

extension String {
    var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}

extension CloudStorage {
    /// `GET`, `PUT` and `DELETE` of a part of a bucket: `/B?cors`
    func performSetting(
        _ subresource: String,
        _ verb: HTTPRequest.Method,
        _ input: XMLInput,
        _ call: Call
    ) async throws -> Response {
        if ["acl", "defaultobjectacl"].contains(subresource) {
            return try await performBucketAccess(verb, isDefault: subresource != "acl", input, call)
        }
        guard let setting = XMLSetting.all[subresource] else {
            throw GoogleError.lacking("\(verb) ?\(subresource) of the XML API")
        }
        switch verb {
        case .get:
            try await authorizer.authorize(call.caller, for: "storage.buckets.get", on: input.resource)
            let bucket = try await buckets.get(input.bucket)
            return XML.response(setting.render(bucket, XMLDialect(of: call)))
        case .put:
            guard let parse = setting.parse else { break }
            try await authorizer.authorize(call.caller, for: "storage.buckets.update", on: input.resource)
            let body = try XMLTag(parsing: try await call.bytes(upTo: Call.maximumJSONBytes))
            try await set(setting.member, to: try parse(body), input)
            return Response(status: .ok)
        case .delete where ["cors", "tagging", "website", "lifecycle"].contains(subresource):
            try await authorizer.authorize(call.caller, for: "storage.buckets.update", on: input.resource)
            try await set(setting.member, to: .null, input)
            return Response(status: .noContent)
        default: break
        }
        throw GoogleError.lacking("\(verb) ?\(subresource) of the XML API")
    }

    /// Sets a member of a bucket as a patch by the JSON API does; null removes it.
    private func set(_ member: String, to value: JSON, _ input: XMLInput) async throws {
        let setting = try BucketResource.settings(of: [member: value], creating: false)[member] ?? .null
        let time = Micros(now())
        _ = try await buckets.change(input.bucket, if: input.conditions, at: time) { bucket in
            var document = bucket.document
            document[member] = setting.isNull ? nil : setting
            bucket.document = try BucketResource.changed(bucket.document, to: document, of: bucket.name, at: time)
        }
    }
}
