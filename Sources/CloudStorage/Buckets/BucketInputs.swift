import APIServer
import BlobStore
import GoogleAPI
import HTTPTypes

/// A method of a bucket.
struct BucketInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var conditions: Preconditions
    var isFull: Bool

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        resource = .bucket(bucket)
        conditions = try Preconditions(call)
        isFull = call.query("projection")?.lowercased() == "full"
    }
}

/// A method of a project's buckets.
struct ProjectInput: MethodInput {
    var resource: ResourceName
    var project: String

    init(from call: Call) async throws {
        if let inPath = try? call.parameter("project") {
            project = inPath
        } else if let inQuery = call.query("project"), !inQuery.isEmpty {
            project = inQuery
        } else {
            throw GoogleError.required("project")
        }
        resource = .project(project)
    }
}

/// A method of an object.
struct ObjectInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var object: String
    var generation: Int64?
    var conditions: Preconditions
    var isFull: Bool
    /// The caller's own, of the object or of its copy, and of the source.
    var key: BlobKey?
    var sourceKey: BlobKey?

    init(from call: Call) async throws {
        (key, sourceKey) = (try call.customerKey(), try call.customerKey(ofSource: true))
        bucket = try call.parameter("bucket")
        object = try call.parameter("object")
        generation = try call.number("generation")
        resource = .object(object, generation: try generation ?? call.number("sourceGeneration"), in: bucket)
        conditions = try Preconditions(call)
        isFull = call.query("projection")?.lowercased() == "full"
    }
}
