import APIServer
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

    init(from call: Call) async throws {
        try call.refuseCustomerKeys()
        bucket = try call.parameter("bucket")
        object = try call.parameter("object")
        generation = try call.number("generation")
        resource = .object(object, generation: try generation ?? call.number("sourceGeneration"), in: bucket)
        conditions = try Preconditions(call)
        isFull = call.query("projection")?.lowercased() == "full"
    }
}

extension Call {
    /// Refuses what asks for encryption with the caller's own key, for reading as for writing.
    ///
    /// See [customer-supplied keys](https://docs.cloud.google.com/storage/docs/encryption/customer-supplied-keys).
    func refuseCustomerKeys() throws {
        let prefixes = ["x-goog-encryption-", "x-goog-copy-source-encryption-"]
        let asksForKeys = headers.contains { field in prefixes.contains { field.name.canonicalName.hasPrefix($0) } }
        if asksForKeys { throw GoogleError.customerKeys }
    }
}
