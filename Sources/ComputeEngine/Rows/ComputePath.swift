import APIServer
import HTTPTypes

/// Where Compute Engine's resources stand.
enum ComputePath {
    static let project = "/compute/v1/projects/{project}"
    static let global = project + "/global"
    static let region = project + "/regions/{region}"
    static let zone = project + "/zones/{zone}"
    static let aggregated = project + "/aggregated"
}

extension MethodTable {
    /// Adds a method whose permission has the method's own name, as most of Compute Engine's have.
    func add<Input: MethodInput, Output: Encodable & Sendable>(
        _ id: String,
        _ verb: HTTPRequest.Method,
        _ path: String,
        _ perform: @escaping @Sendable (Input, Caller) async throws -> Output
    ) {
        add(id, verb, path, requires: id, perform)
    }

    /// Names what Brume lacks of a resource: methods on one of its names, by their verbs.
    func lacks(_ collection: String, _ verbs: [String], on path: String) {
        for verb in verbs { lacks("\(collection).\(verb)", .post, "\(path)/\(verb)") }
    }
}
