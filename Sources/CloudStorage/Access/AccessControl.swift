import GoogleAPI

/// One line of an access control list: who, and as what (`READER`, `WRITER`, `OWNER`).
struct AccessEntry: Sendable, Equatable, Codable {
    var entity: String
    var role: String

    /// Reads lines as clients write them: other members are ignored.
    ///
    /// - Throws: ``GoogleError`` `required` (400).
    static func entries(from json: JSON?) throws -> [AccessEntry]? {
        guard let lines = json?.array else { return nil }
        return try lines.map { line in
            guard let entity = line["entity"]?.string else { throw GoogleError.required("entity") }
            guard let role = line["role"]?.string?.uppercased(), ["READER", "WRITER", "OWNER"].contains(role) else {
                throw GoogleError.required("role")
            }
            return AccessEntry(entity: entity, role: role)
        }
    }

    static func json(_ entries: [AccessEntry]) -> JSON {
        .array(entries.map { ["entity": .string($0.entity), "role": .string($0.role)] })
    }

    /// The lists that Google names: `publicRead`, `private`, …
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func predefined(_ name: String, project: Int64, forBucket: Bool) throws -> [AccessEntry] {
        let owners = AccessEntry(entity: "project-owners-\(project)", role: "OWNER")
        let team = [
            owners, AccessEntry(entity: "project-editors-\(project)", role: "OWNER"),
            AccessEntry(entity: "project-viewers-\(project)", role: "READER"),
        ]
        return switch name {
        case "private", "bucketOwnerFullControl", "bucketOwnerRead": [owners]
        case "projectPrivate": team
        case "publicRead": (forBucket ? team : [owners]) + [AccessEntry(entity: "allUsers", role: "READER")]
        case "publicReadWrite" where forBucket: team + [AccessEntry(entity: "allUsers", role: "WRITER")]
        case "authenticatedRead":
            (forBucket ? team : [owners]) + [AccessEntry(entity: "allAuthenticatedUsers", role: "READER")]
        default: throw GoogleError.invalid("Invalid predefined ACL: '\(name)'.")
        }
    }

    fileprivate var shared: [String: JSON] {
        var json: [String: JSON] = ["entity": .string(entity), "role": .string(role)]
        let parts = entity.split(separator: "-", maxSplits: 2).map(String.init)
        if parts.count == 3, parts[0] == "project" {
            json["projectTeam"] = ["team": .string(parts[1]), "projectNumber": .string(parts[2])]
        }
        for kind in ["user-", "group-"] where entity.hasPrefix(kind) && entity.contains("@") {
            json["email"] = .string(String(entity.dropFirst(kind.count)))
        }
        return json
    }
}

/// The list of an object.
enum ObjectACL {
    static func defaults(of bucket: BucketRecord) -> [AccessEntry] {
        if let own = try? AccessEntry.entries(from: bucket.document["defaultObjectAcl"]) { return own }
        return (try? AccessEntry.predefined("projectPrivate", project: bucket.projectNumber, forBucket: false)) ?? []
    }

    static func entries(of record: ObjectRecord, in bucket: BucketRecord) -> [AccessEntry] {
        (try? AccessEntry.entries(from: record.document["acl"])) ?? defaults(of: bucket)
    }

    static func render(_ entry: AccessEntry, record: ObjectRecord, bucket: BucketRecord, origin: String) -> JSON {
        var json = entry.shared
        json["kind"] = "storage#objectAccessControl"
        json["bucket"] = .string(bucket.name)
        json["object"] = .string(record.name)
        json["generation"] = .string(String(record.generation))
        json["id"] = .string("\(bucket.name)/\(record.name)/\(record.generation)/\(entry.entity)")
        json["etag"] = .string(record.etag)
        let segment = ObjectName.segment(record.name)
        json["selfLink"] = .string("\(origin)/storage/v1/b/\(bucket.name)/o/\(segment)/acl/\(entry.entity)")
        return .object(json)
    }

    static func renderDefault(_ entry: AccessEntry, bucket: BucketRecord) -> JSON {
        var json = entry.shared
        json["kind"] = "storage#objectAccessControl"
        json["etag"] = .string(bucket.etag)
        return .object(json)
    }
}

/// The list of a bucket.
enum BucketACL {
    static func entries(of bucket: BucketRecord) -> [AccessEntry] {
        if let own = try? AccessEntry.entries(from: bucket.document["acl"]) { return own }
        return (try? AccessEntry.predefined("projectPrivate", project: bucket.projectNumber, forBucket: true)) ?? []
    }

    static func render(_ entry: AccessEntry, bucket: BucketRecord, origin: String) -> JSON {
        var json = entry.shared
        json["kind"] = "storage#bucketAccessControl"
        json["bucket"] = .string(bucket.name)
        json["id"] = .string("\(bucket.name)/\(entry.entity)")
        json["etag"] = .string(bucket.etag)
        json["selfLink"] = .string("\(origin)/storage/v1/b/\(bucket.name)/acl/\(entry.entity)")
        return .object(json)
    }
}
