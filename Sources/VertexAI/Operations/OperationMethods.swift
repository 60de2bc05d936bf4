import APIServer
import Foundation
import GoogleAPI
import Operations

struct OperationInput: MethodInput {
    var place: Place
    var id: String
    var resource: ResourceName { .project(place.project) }

    init(from call: Call) async throws {
        place = try Place(call)
        id = (try? call.parameter("operation")) ?? ""
    }
}

/// The rules of long-running operations; those of Vertex AI are done when they are made.
struct OperationMethods: Sendable {
    let operations: OperationRunner
    let projects: any ProjectDirectory

    func get(_ input: OperationInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.place.project)
        let name = "\(input.place.resource)/operations/\(input.id)"
        guard let operation = try? await operations.get(input.id), operation.project == project.id,
            operation.method.hasPrefix("aiplatform.")
        else { throw GoogleError.operationNotFound(name) }
        return Self.wire(operation, project: project)
    }

    func list(_ input: OperationInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.place.project)
        let found = try await operations.list(project: project.id, scope: "locations/\(input.place.location)")
            .filter { $0.method.hasPrefix("aiplatform.") }
        return found.isEmpty ? [:] : ["operations": .array(found.map { Self.wire($0, project: project) })]
    }

    /// Cancelling and deleting what is done changes nothing.
    func leave(_ input: OperationInput, as caller: Caller) async throws -> JSON {
        _ = try await get(input, as: caller)
        return [:]
    }

    static func wire(_ operation: Operations.Operation, project: ProjectIdentity) -> JSON {
        let time = JSON.string(Timestamp.text(operation.endTime ?? operation.insertTime))
        var wire: JSON = [
            "name": .string("projects/\(project.number)/\(operation.scope)/operations/\(operation.id)"),
            "metadata": [
                "@type": "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata",
                "genericMetadata": [
                    "createTime": .string(Timestamp.text(operation.insertTime)), "updateTime": time,
                ],
            ],
        ]
        if operation.isDone {
            wire["done"] = true
            wire["response"] = operation.response
        }
        return wire
    }
}
