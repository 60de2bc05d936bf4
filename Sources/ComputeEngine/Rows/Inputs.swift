import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A method on one named resource without a body.
struct NamedInput: PlacedInput {
    var resource: ResourceName
    var project: String
    var zone: String?
    var region: String?
    var name: String

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try? call.parameter("zone")
        region = try? call.parameter("region")
        name = try call.parameter("name")
        resource = .project(project)
    }
}

/// A method that makes or changes a resource; `body` is what it says, and names the resource where the path does not.
struct ChangeInput: PlacedInput {
    var resource: ResourceName
    var project: String
    var zone: String?
    var region: String?
    var name: String
    var body: JSON
    var query: [String: String]

    private static let queries = [
        "start", "port", "queryPath", "autoDelete", "deviceName", "deletionProtection", "forceCreate",
        "sourceInstanceTemplate", "size", "networkInterface", "accessConfig",
        "minimalAction", "mostDisruptiveAllowedAction",
    ]

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try? call.parameter("zone")
        region = try? call.parameter("region")
        body = call.request.method == .get ? [:] : try await call.body()
        name = (try? call.parameter("name")) ?? body["name"]?.string ?? ""
        resource = .project(project)
        query = [:]
        for key in Self.queries { query[key] = call.query(key) }
    }

    /// Whether a query says yes.
    func says(_ key: String) -> Bool { query[key]?.lowercased() == "true" }
}

/// A method on a resource in a zone, in a region, or of the whole project.
protocol PlacedInput: MethodInput {
    var project: String { get }
    var zone: String? { get }
    var region: String? { get }
    var name: String { get }
}
