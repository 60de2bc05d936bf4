import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

struct ServiceInput: MethodInput {
    var resource: ResourceName
    var service: String

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        service = try call.parameter("service")
    }
}

struct ServicesInput: MethodInput {
    var resource: ResourceName
    var services: [String]

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        if call.request.method == .get {
            services = call.queries("names").map { String($0.split(separator: "/").last ?? "") }
        } else {
            let body: JSON = try await call.body()
            services = body["serviceIds"]?.array?.compactMap(\.string) ?? []
        }
        guard !services.isEmpty else { throw GoogleError.noServices }
    }
}

struct ListServicesInput: MethodInput {
    var resource: ResourceName
    /// nil: both.
    var isEnabled: Bool?
    var pageSize: Int
    var pageToken: String

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        switch call.query("filter") {
        case nil, "": isEnabled = nil
        case "state:ENABLED": isEnabled = true
        case "state:DISABLED": isEnabled = false
        case .some(let text): throw GoogleError.badServiceFilter(text)
        }
        pageSize = min(max(call.query("pageSize").flatMap { Int($0) } ?? 50, 1), 200)
        pageToken = call.query("pageToken") ?? ""
    }
}

struct OperationInput: MethodInput {
    let resource = ResourceName([])
    var name: String

    init(from call: Call) async throws { name = "operations/" + (try call.parameter("operation")) }
}
