import APIServer
import GoogleAPI

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

    init(from call: Call) async throws {
        bucket = try call.parameter("bucket")
        object = try call.parameter("object")
        resource = .object(object, in: bucket)
        generation = try call.number("generation")
        conditions = try Preconditions(call)
        isFull = call.query("projection")?.lowercased() == "full"
    }
}
