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
        resource = try call.computeResource()
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
        resource = try call.computeResource()
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

extension Call {
    /// The resource of Compute Engine that the path names, whatever is done with it; the project where it names none.
    func computeResource() throws -> ResourceName {
        let project = ResourceName.project(try parameter("project"))
        guard context.parameters.get("name") != nil else { return project }
        let path = request.uri.path.split(separator: "/").map(String.init)
        let zone = context.parameters.get("zone") == nil ? nil : try parameter("zone")
        let region = context.parameters.get("region") == nil ? nil : try parameter("region")
        let place = zone.map { ["zones", $0] } ?? region.map { ["regions", $0] } ?? ["global"]
        // compute, v1, projects, P, zones, Z, and then the collection.
        let index = 4 + place.count
        guard path.indices.contains(index) else { return project }
        return ResourceName(project.segments + place + [path[index], try parameter("name")])
    }
}

extension JSON {
    /// Whether a field of this value says no more than one that is left out.
    var saysNothing: Bool {
        if let members = object { return members.values.allSatisfy(\.saysNothing) }
        // Terraform writes a list of nothing as one of null.
        if let elements = array { return elements.allSatisfy(\.saysNothing) }
        return [.null, .bool(false), .integer(0), .string("")].contains(self)
    }
}
