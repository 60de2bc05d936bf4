import Foundation
import GoogleAPI

/// A bucket as the JSON API shows it, and what a client may set of one.
enum BucketResource {
    private static let settable: Set = [
        "acl", "autoclass", "billing", "cors", "customPlacementConfig", "defaultEventBasedHold", "defaultObjectAcl",
        "encryption", "iamConfiguration", "ipFilter", "labels", "lifecycle", "logging", "retentionPolicy", "rpo",
        "softDeletePolicy", "storageClass", "versioning", "website",
    ]
    private static let settableOnce: Set = ["hierarchicalNamespace", "location", "objectRetention"]

    /// Keeps what clients may set, in the form in which it is stored.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func settings(of body: JSON, creating: Bool) throws -> JSON {
        var document: [String: JSON] = [:]
        for (key, value) in body.object ?? [:]
        where settable.contains(key) || (creating && settableOnce.contains(key)) {
            document[key] = value
        }
        if let text = document["storageClass"]?.string {
            document["storageClass"] = .string(try StorageClass.canonical(text))
        }
        if let configuration = document["iamConfiguration"], configuration.object != nil {
            var configuration = configuration
            let uniform = configuration["uniformBucketLevelAccess"] ?? configuration["bucketPolicyOnly"]
            configuration["bucketPolicyOnly"] = nil
            if let uniform, let enabled = uniform["enabled"]?.bool {
                configuration["uniformBucketLevelAccess"] = ["enabled": .bool(enabled)]
            }
            document["iamConfiguration"] = configuration
        }
        try SoftDeletePolicy.check(document["softDeletePolicy"])
        _ = try LifecycleRule.rules(of: document["lifecycle"])
        if let policy = document["retentionPolicy"] {
            document["retentionPolicy"] = try RetentionPolicy.setting(policy)
        }
        return .object(document)
    }

    /// What follows from a change: since when policies hold, and what locks forbid.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403).
    static func changed(_ old: JSON, to new: JSON, of bucket: String, at now: Micros) throws -> JSON {
        var document = new
        document["retentionPolicy"] = try RetentionPolicy.changed(
            old["retentionPolicy"],
            to: new["retentionPolicy"],
            of: bucket,
            at: now
        )
        if new["hierarchicalNamespace"]?["enabled"]?.bool == true {
            guard new["iamConfiguration"]?["uniformBucketLevelAccess"]?["enabled"]?.bool == true else {
                throw GoogleError.invalid(
                    "Hierarchical namespace buckets must use uniform bucket-level access: bucket '\(bucket)'."
                )
            }
            guard new["versioning"]?["enabled"]?.bool != true else {
                throw GoogleError.invalid("Hierarchical namespace buckets keep no versions: bucket '\(bucket)'.")
            }
        }
        if new["softDeletePolicy"]?.object != nil, new["softDeletePolicy"] != old["softDeletePolicy"] {
            document["softDeletePolicy"]?["effectiveTime"] = .string(now.text)
        }
        return document
    }

    /// What a new bucket has unless its creator says otherwise.
    static func completed(_ settings: JSON) -> JSON {
        var document = settings
        let location = (document["location"]?.string ?? "US").uppercased()
        document["location"] = .string(location)
        document["storageClass"] = document["storageClass"] ?? "STANDARD"
        return document
    }

    static func locationType(_ location: String) -> String {
        if ["US", "EU", "ASIA"].contains(location) { return "multi-region" }
        if ["NAM4", "EUR4", "EUR5", "EUR7", "EUR8", "ASIA1"].contains(location) { return "dual-region" }
        return "region"
    }

    static func render(_ record: BucketRecord, origin: String, full: Bool) -> JSON {
        var json = record.document.object ?? [:]
        json["kind"] = "storage#bucket"
        json["id"] = .string(record.name)
        json["name"] = .string(record.name)
        json["selfLink"] = .string("\(origin)/storage/v1/b/\(record.name)")
        json["projectNumber"] = .string(String(record.projectNumber))
        json["metageneration"] = .string(String(record.metageneration))
        json["generation"] = .string(String(record.created))
        json["etag"] = .string(record.etag)
        json["timeCreated"] = .string(record.created.text)
        json["updated"] = .string(record.updated.text)
        let location = json["location"]?.string ?? "US"
        json["locationType"] = .string(locationType(location))
        if locationType(location) != "region" { json["rpo"] = json["rpo"] ?? "DEFAULT" }
        // Unless asked otherwise, what is deleted makes room on the disk at once (docs/decisions/soft-delete.md).
        json["softDeletePolicy"] = json["softDeletePolicy"] ?? ["retentionDurationSeconds": "0"]
        var uniform: JSON = ["enabled": .bool(record.isUniform)]
        if record.isUniform { uniform["lockedTime"] = .string((record.created + 90 * 86400 * 1_000_000).text) }
        json["iamConfiguration"] = [
            "uniformBucketLevelAccess": uniform,
            "bucketPolicyOnly": uniform,
            "publicAccessPrevention": record.document["iamConfiguration"]?["publicAccessPrevention"] ?? "inherited",
        ]
        if full, !record.isUniform {
            json["acl"] = .array(
                BucketACL.entries(of: record).map { BucketACL.render($0, bucket: record, origin: origin) }
            )
            json["defaultObjectAcl"] = .array(
                ObjectACL.defaults(of: record).map { ObjectACL.renderDefault($0, bucket: record) }
            )
            json["owner"] = ["entity": .string("project-owners-\(record.projectNumber)")]
        } else {
            json["acl"] = nil
            json["defaultObjectAcl"] = nil
        }
        return .object(json)
    }
}

/// The rules for [bucket names](https://docs.cloud.google.com/storage/docs/buckets#naming).
enum BucketName {
    static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard bytes.count >= 3, bytes.count <= (name.contains(".") ? 222 : 63) else { return false }
        guard bytes.allSatisfy({ isLetterOrDigit($0) || "-_.".utf8.contains($0) }) else { return false }
        guard let first = bytes.first, let last = bytes.last, isLetterOrDigit(first), isLetterOrDigit(last) else {
            return false
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ (1...63).contains($0.utf8.count) }) else { return false }
        let looksLikeAddress = parts.count == 4 && parts.allSatisfy { Int($0) != nil }
        // First path segments of the JSON API: as buckets they could not be reached by the XML API.
        let isReserved = ["storage", "upload", "resumable", "download", "batch"].contains(name)
        return !looksLikeAddress && !isReserved && !name.hasPrefix("goog")
    }
}
