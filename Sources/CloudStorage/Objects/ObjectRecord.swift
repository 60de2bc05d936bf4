import BlobStore
import Foundation
import GRDB
import GoogleAPI

/// One generation of an object, as a row.
struct ObjectRecord: Sendable, Equatable {
    var id: Int64?
    var bucket: Int64
    var name: String
    var generation: Int64
    var metageneration: Int64 = 1
    var isLive = true
    /// The blob that holds the content; copies share it.
    var blob: String
    var size: Int64
    var crc32c: UInt32
    var md5: Data?
    var componentCount: Int64?
    /// Of content that is encrypted with a customer's key; size and checksums are those of what was sent.
    var seal: BlobSeal?
    /// What clients may set: `contentType`, `metadata`, `acl`, …
    var document: JSON
    var created: Micros
    var updated: Micros
    /// When it stopped being the live one.
    var deleted: Micros?
    /// When it was deleted in a way that can be undone, and until when.
    var softDeleted: Micros?
    var hardDelete: Micros?

    var etag: String { Etag.make(generation, metageneration) }

    /// Its own class, else its bucket's.
    func storageClass(in bucket: BucketRecord) -> String {
        document["storageClass"]?.string ?? bucket.document["storageClass"]?.string ?? "STANDARD"
    }
}

/// Microseconds since 1970.
typealias Micros = Int64

extension Micros {
    init(_ date: Date) { self = Int64(date.timeIntervalSince1970 * 1_000_000) }
    var date: Date { Date(timeIntervalSince1970: Double(self) / 1_000_000) }
    var text: String { Timestamp.text(date) }
}

/// Opaque to clients; changes with content and metadata.
///
/// Clients read it as base 64 and write it again in whichever of the two alphabets they know: that of digits and slashes
/// is the same in both.
enum Etag {
    static func make(_ numbers: Int64...) -> String {
        Data(numbers.map(String.init).joined(separator: "/").utf8).base64EncodedString()
    }
}

extension ObjectRecord: FetchableRecord, PersistableRecord {
    static let databaseTableName = "storage_objects"

    init(row: Row) throws {
        id = row["id"]
        bucket = row["bucket"]
        name = String(decoding: row["name"] as Data, as: UTF8.self)
        generation = row["generation"]
        metageneration = row["metageneration"]
        isLive = row["isLive"]
        blob = row["blob"]
        size = row["size"]
        crc32c = UInt32(truncatingIfNeeded: row["crc32c"] as Int64)
        md5 = row["md5"]
        componentCount = row["componentCount"]
        if let key = row["keySHA256"] as Data?, let crc32c = row["sealedCRC32C"] as Int64? {
            seal = BlobSeal(keySHA256: key, crc32c: UInt32(truncatingIfNeeded: crc32c))
        }
        document = try JSON(parsing: row["document"])
        created = row["created"]
        updated = row["updated"]
        deleted = row["deleted"]
        softDeleted = row["softDeleted"]
        hardDelete = row["hardDelete"]
    }

    func encode(to container: inout PersistenceContainer) throws {
        container["id"] = id
        container["bucket"] = bucket
        container["name"] = Data(name.utf8)
        container["generation"] = generation
        container["metageneration"] = metageneration
        container["isLive"] = isLive
        container["blob"] = blob
        container["size"] = size
        container["crc32c"] = Int64(crc32c)
        container["md5"] = md5
        container["componentCount"] = componentCount
        container["keySHA256"] = seal?.keySHA256
        container["sealedCRC32C"] = seal.map { Int64($0.crc32c) }
        container["document"] = try document.data()
        container["created"] = created
        container["updated"] = updated
        container["deleted"] = deleted
        container["softDeleted"] = softDeleted
        container["hardDelete"] = hardDelete
    }
}
