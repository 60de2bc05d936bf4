import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A method on one instance; `body` is what it says beyond the name.
struct InstanceInput: MethodInput {
    var resource: ResourceName
    var project: String
    var zone: String
    var name: String
    var body: JSON
    var query: [String: String]

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try call.parameter("zone")
        name = try call.parameter("name")
        resource = .project(project)
        body = call.request.method == .get ? [:] : try await call.body()
        query = [:]
        for key in ["start", "port", "queryPath", "autoDelete", "deviceName", "deletionProtection"] {
            query[key] = call.query(key)
        }
    }
}

struct InsertInstanceInput: MethodInput {
    var resource: ResourceName
    var project: String
    var zone: String
    var body: JSON

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try call.parameter("zone")
        resource = .project(project)
        body = try await call.body()
    }
}
