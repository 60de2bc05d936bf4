import Foundation
import GRDB
import GoogleAPI

/// A bucket, as a row.
struct BucketRecord: Sendable, Equatable {
    var id: Int64?
    var name: String
    /// The project's ID.
    var project: String
    var projectNumber: Int64
    var metageneration: Int64 = 1
    /// What clients may set.
    var document: JSON
    /// The IAM policy; nil until one is set.
    var policy: JSON?
    var created: Micros
    var updated: Micros

    var etag: String { Etag.make(metageneration) }
    var isVersioned: Bool { document["versioning"]?["enabled"]?.bool ?? false }
    /// Whether folders are resources of their own.
    var isHierarchical: Bool { document["hierarchicalNamespace"]?["enabled"]?.bool ?? false }
    /// Whether IAM alone decides, and ACLs are off.
    var isUniform: Bool {
        document["iamConfiguration"]?["uniformBucketLevelAccess"]?["enabled"]?.bool ?? false
    }
    /// Whether grants to everybody are without effect.
    var preventsPublicAccess: Bool {
        document["iamConfiguration"]?["publicAccessPrevention"]?.string == "enforced"
    }

    /// When the bucket's retention policy lets go of an object; nil without one.
    func retentionExpiry(of record: ObjectRecord) -> Micros? {
        guard let seconds = document["retentionPolicy"]?["retentionPeriod"]?.integer else { return nil }
        return record.created + seconds * 1_000_000
    }
}

extension BucketRecord: FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "storage_buckets"

    init(row: Row) throws {
        id = row["id"]
        name = row["name"]
        project = row["project"]
        projectNumber = row["projectNumber"]
        metageneration = row["metageneration"]
        document = try JSON(parsing: row["document"])
        policy = try (row["policy"] as Data?).map(JSON.init(parsing:))
        created = row["created"]
        updated = row["updated"]
    }

    func encode(to container: inout PersistenceContainer) throws {
        container["id"] = id
        container["name"] = name
        container["project"] = project
        container["projectNumber"] = projectNumber
        container["metageneration"] = metageneration
        container["document"] = try document.data()
        container["policy"] = try policy?.data()
        container["created"] = created
        container["updated"] = updated
    }

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}
