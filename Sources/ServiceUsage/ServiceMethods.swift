import APIServer
import GoogleAPI

/// The rules of services: [Service Usage v1](https://docs.cloud.google.com/service-usage/docs/reference/rest).
///
/// Brume never refuses a call because its service is off: the state is kept and shown.
struct ServiceMethods: Sendable {
    let store: ServiceStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let makeID: @Sendable () -> String

    func list(_ input: ListServicesInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        let changes = try await store.changes(of: project.id)
        let services = ServedService.all.filter { service in
            let isEnabled = changes[service.name] ?? service.isDefault
            return service.name > input.pageToken && (input.isEnabled == nil || input.isEnabled == isEnabled)
        }
        let page = services.prefix(input.pageSize)
        var document: JSON = [:]
        if !page.isEmpty { document["services"] = .array(page.map { Self.document($0, project, changes) }) }
        if services.count > page.count, let last = page.last { document["nextPageToken"] = .string(last.name) }
        return document
    }

    func get(_ input: ServiceInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        return Self.document(try Self.find(input.service), project, try await store.changes(of: project.id))
    }

    func batchGet(_ input: ServicesInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        let changes = try await store.changes(of: project.id)
        return ["services": .array(try input.services.map { Self.document(try Self.find($0), project, changes) })]
    }

    func enable(_ input: ServiceInput, as caller: Caller) async throws -> JSON {
        try await set([input.service], true, input.resource, response: "EnableServiceResponse") { documents in
            ["service": documents[0]]
        }
    }

    func batchEnable(_ input: ServicesInput, as caller: Caller) async throws -> JSON {
        try await set(input.services, true, input.resource, response: "BatchEnableServicesResponse") { documents in
            ["services": .array(documents)]
        }
    }

    func disable(_ input: ServiceInput, as caller: Caller) async throws -> JSON {
        try await set([input.service], false, input.resource, response: "DisableServiceResponse") { documents in
            ["service": documents[0]]
        }
    }

    /// A switch is thrown at once, so its operation is done from the start.
    private func set(
        _ names: [String],
        _ isEnabled: Bool,
        _ resource: ResourceName,
        response type: String,
        _ render: ([JSON]) -> JSON
    ) async throws -> JSON {
        let project = try await projects.project(resource.last)
        let services = try names.map(Self.find)
        var changes = try await store.changes(of: project.id)
        for service in services { changes[service.name] = isEnabled }
        var response = render(services.map { Self.document($0, project, changes) })
        response["@type"] = .string("type.googleapis.com/google.api.serviceusage.v1.\(type)")
        let operation: JSON = [
            "name": .string("operations/acf.p2-\(project.number)-\(makeID())"), "done": true, "response": response,
        ]
        try await store.set(services.map(\.name), isEnabled: isEnabled, project: project.id, operation: operation)
        return operation
    }

    func operation(_ input: OperationInput, as caller: Caller) async throws -> JSON {
        guard let (project, document) = try await store.operation(input.name),
            try await !authorizer.held(["serviceusage.operations.get"], by: caller, on: .project(project)).isEmpty
        else { throw GoogleError.operationMissing(input.name) }
        return document
    }

    private static func find(_ name: String) throws -> ServedService {
        guard let service = ServedService.named(name) else { throw GoogleError.serviceMissing(name) }
        return service
    }

    private static func document(
        _ service: ServedService,
        _ project: ProjectIdentity,
        _ changes: [String: Bool]
    ) -> JSON {
        let parent = "projects/\(project.number)"
        return [
            "name": .string("\(parent)/services/\(service.name)"),
            "parent": .string(parent),
            "state": (changes[service.name] ?? service.isDefault) ? "ENABLED" : "DISABLED",
            "config": ["name": .string(service.name), "title": .string(service.title)],
        ]
    }
}
