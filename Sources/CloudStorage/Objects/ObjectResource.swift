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

    /// - Parameter key: That of the caller; who has not the key of an encrypted object does not see its checksums.
    static func render(
        _ record: ObjectRecord,
        bucket: BucketRecord,
        origin: String,
        full: Bool,
        key: BlobKey? = nil
    ) -> JSON {
        var json = record.document.object ?? [:]
        json.reserveCapacity(32)
        let segment = ObjectName.segment(record.name)
        let path = "b/\(bucket.name)/o/\(segment)"
        json["kind"] = "storage#object"
        json["id"] = .string("\(bucket.name)/\(record.name)/\(record.generation)")
        json["selfLink"] = .string("\(origin)/storage/v1/\(path)")
        json["mediaLink"] = .string(
            "\(origin)/download/storage/v1/\(path)?generation=\(record.generation)&alt=media"
        )
        json["name"] = .string(record.name)
        json["bucket"] = .string(bucket.name)
        json["generation"] = .string(String(record.generation))
        json["metageneration"] = .string(String(record.metageneration))
        json["size"] = .string(String(record.size))
        if record.showsChecksums(to: key) {
            json["crc32c"] = .string(Base64.text(record.crc32c))
            if let md5 = record.md5 { json["md5Hash"] = .string(md5.base64EncodedString()) }
        }
        if let seal = record.seal {
            json["customerEncryption"] = [
                "encryptionAlgorithm": "AES256", "keySha256": .string(seal.keySHA256.base64EncodedString()),
            ]
        }
        if let count = record.componentCount { json["componentCount"] = .integer(count) }
        json["etag"] = .string(record.etag)
        json["timeCreated"] = .string(record.created.text)
        json["timeFinalized"] = .string(record.created.text)
        json["updated"] = .string(record.updated.text)
        if let deleted = record.deleted { json["timeDeleted"] = .string(deleted.text) }
        if let deleted = record.softDeleted { json["softDeleteTime"] = .string(deleted.text) }
        if let end = record.hardDelete { json["hardDeleteTime"] = .string(end.text) }
        json["storageClass"] = .string(record.storageClass(in: bucket))
        json["timeStorageClassUpdated"] = json["timeStorageClassUpdated"] ?? .string(record.created.text)
        if full, !bucket.isUniform {
            json["acl"] = .array(
                ObjectACL.entries(of: record, in: bucket).map {
                    ObjectACL.render($0, record: record, bucket: bucket, origin: origin)
                }
            )
            json["owner"] = ["entity": .string("project-owners-\(bucket.projectNumber)")]
        } else {
            json["acl"] = nil
        }
        if let expiry = bucket.retentionExpiry(of: record) { json["retentionExpirationTime"] = .string(expiry.text) }
        return .object(json)
    }
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
