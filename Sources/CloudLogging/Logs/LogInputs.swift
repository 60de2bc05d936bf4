import APIServer
import GoogleAPI

/// A project's logs.
struct ListLogsInput: MethodInput {
    var resource: ResourceName

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
    }
}

/// One log.
struct DeleteLogInput: MethodInput {
    var resource: ResourceName
    var log: String

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        log = try call.parameter("log")
    }
}
