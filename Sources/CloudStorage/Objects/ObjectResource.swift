import BlobStore
import Foundation
import GoogleAPI

/// An object as the JSON API shows it.
enum ObjectResource {
    /// What clients may set; everything else in a body is ignored, since clients send whole resources back.
    static let settable: Set = [
        "acl", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "contexts",
        "customTime", "eventBasedHold", "metadata", "retention", "storageClass", "temporaryHold",
    ]

    /// The most that custom metadata may take, keys and values together, in bytes.
    static let maximumMetadataBytes = 8 << 10

    /// Keeps what clients may set, and checks it.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func settings(of body: JSON) throws -> JSON {
        var document: [String: JSON] = [:]
        for (key, value) in body.object ?? [:] where settable.contains(key) { document[key] = value }
        if let metadata = document["metadata"], !metadata.isNull {
            guard let members = metadata.object else { throw GoogleError.invalid("Invalid value for 'metadata'.") }
            var size = 0
            for (key, value) in members where !value.isNull {
                guard let text = value.string else {
                    throw GoogleError.invalid("Invalid value for 'metadata.\(key)': it must be a string.")
                }
                size += key.utf8.count + text.utf8.count
            }
            guard size <= maximumMetadataBytes else {
                throw GoogleError(
                    .invalidArgument,
                    reason: "metadataTooLarge",
                    message: "The object's custom metadata has \(size) bytes, and \(maximumMetadataBytes) are allowed."
                )
            }
        }
        for key in ["customTime"] {
            if let text = document[key]?.string, Timestamp.date(text) == nil {
                throw GoogleError.invalid("Invalid value for '\(key)': '\(text)' is no RFC 3339 time.")
            }
        }
        if let storageClass = document["storageClass"]?.string {
            document["storageClass"] = .string(try StorageClass.canonical(storageClass))
        }
        return .object(document)
    }

    /// - Parameters:
    ///   - key: That of the caller; who has not the key of an encrypted object does not see its checksums.
    ///   - wanted: The members to make; nil: all. In long lists, those that nobody asked for cost the most.
    static func render(
        _ record: ObjectRecord,
        bucket: BucketRecord,
        origin: String,
        full: Bool,
        key: BlobKey? = nil,
        only wanted: Set<String>? = nil
    ) -> JSON {
        let shown = Shown(record: record, bucket: bucket, origin: origin, isFull: full, key: key)
        var json = record.document.object ?? [:]
        json.reserveCapacity(wanted == nil ? 32 : json.count)
        json["acl"] = nil
        for (name, value) in members where wanted?.contains(name) ?? true {
            if let value = value(shown) { json[name] = value }
        }
        return .object(json)
    }

    /// What a member is made of.
    private struct Shown {
        var record: ObjectRecord
        var bucket: BucketRecord
        var origin: String
        var isFull: Bool
        var key: BlobKey?

        var path: String { "b/\(bucket.name)/o/\(ObjectName.segment(record.name))" }
        var showsChecksums: Bool { record.showsChecksums(to: key) }
        var showsAccess: Bool { isFull && !bucket.isUniform }
    }

    /// The members that are not as clients set them.
    private static let members: [(name: String, value: @Sendable (Shown) -> JSON?)] = [
        ("kind", { _ in "storage#object" }),
        ("id", { .string("\($0.bucket.name)/\($0.record.name)/\($0.record.generation)") }),
        ("selfLink", { .string("\($0.origin)/storage/v1/\($0.path)") }),
        (
            "mediaLink",
            { .string("\($0.origin)/download/storage/v1/\($0.path)?generation=\($0.record.generation)&alt=media") }
        ),
        ("name", { .string($0.record.name) }),
        ("bucket", { .string($0.bucket.name) }),
        ("generation", { .string(String($0.record.generation)) }),
        ("metageneration", { .string(String($0.record.metageneration)) }),
        ("size", { .string(String($0.record.size)) }),
        ("crc32c", { $0.showsChecksums ? .string(Base64.text($0.record.crc32c)) : nil as JSON? }),
        (
            "md5Hash",
            { shown in shown.showsChecksums ? shown.record.md5.map { .string($0.base64EncodedString()) } : .none }
        ),
        (
            "customerEncryption",
            { shown in
                shown.record.seal.map { seal in
                    ["encryptionAlgorithm": "AES256", "keySha256": .string(seal.keySHA256.base64EncodedString())]
                }
            }
        ),
        ("componentCount", { $0.record.componentCount.map(JSON.integer) }),
        ("etag", { .string($0.record.etag) }),
        ("timeCreated", { .string($0.record.created.text) }),
        ("timeFinalized", { .string($0.record.created.text) }),
        ("updated", { .string($0.record.updated.text) }),
        ("timeDeleted", { $0.record.deleted.map { .string($0.text) } }),
        ("softDeleteTime", { $0.record.softDeleted.map { .string($0.text) } }),
        ("hardDeleteTime", { $0.record.hardDelete.map { .string($0.text) } }),
        ("storageClass", { .string($0.record.storageClass(in: $0.bucket)) }),
        (
            "timeStorageClassUpdated",
            { $0.record.document["timeStorageClassUpdated"] ?? .string($0.record.created.text) }
        ),
        (
            "acl",
            { shown in
                guard shown.showsAccess else { return nil }
                let (record, bucket) = (shown.record, shown.bucket)
                return .array(
                    ObjectACL.entries(of: record, in: bucket).map {
                        ObjectACL.render($0, record: record, bucket: bucket, origin: shown.origin)
                    }
                )
            }
        ),
        (
            "owner",
            { $0.showsAccess ? ["entity": .string("project-owners-\($0.bucket.projectNumber)")] : nil as JSON? }
        ),
        ("retentionExpirationTime", { $0.bucket.retentionExpiry(of: $0.record).map { .string($0.text) } }),
    ]
}

/// Storage classes, by any case.
enum StorageClass {
    static let all: Set = [
        "STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY",
    ]

    /// How cold a class is: rules move objects only towards higher numbers.
    static func rank(_ name: String) -> Int {
        switch name {
        case "NEARLINE": 1
        case "COLDLINE": 2
        case "ARCHIVE": 3
        default: 0
        }
    }

    /// - Throws: ``GoogleError`` `invalid` (400).
    static func canonical(_ text: String) throws -> String {
        let name = text.uppercased()
        guard all.contains(name) else {
            throw GoogleError.invalid("Invalid storage class: '\(text)'. Use STANDARD, NEARLINE, COLDLINE or ARCHIVE.")
        }
        return name
    }
}

/// Checksums as they travel.
enum Base64 {
    /// A CRC as four or eight bytes, highest first, in base 64.
    static func text(_ crc: some FixedWidthInteger) -> String {
        withUnsafeBytes(of: crc.bigEndian) { Data($0).base64EncodedString() }
    }
}
