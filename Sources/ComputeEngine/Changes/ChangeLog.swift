import APIServer
import Foundation
import GoogleAPI
import Operations

/// Compute Engine's operations: made, begun, shown in the API's own form.
struct ChangeLog: Sendable {
    let runner: OperationRunner
    let projects: any ProjectDirectory
    let now: @Sendable () -> Date

    /// A new operation, to be inserted in the transaction of the change that it stands for.
    func operation(
        _ method: String,
        on target: ResourceName,
        project: String,
        scope: String,
        by caller: Caller,
        input: JSON = [:]
    ) -> Operations.Operation {
        Operations.Operation(
            id: "operation-\(Int(now().timeIntervalSince1970 * 1000))-\(Token.id().prefix(8))",
            method: method,
            project: project,
            scope: scope,
            target: target.description,
            user: caller.email ?? "",
            input: input,
            metadata: ["id": .string(Token.id())],
            insertTime: now()
        )
    }

    /// Starts an operation whose row is committed, and shows it.
    func begin(_ operation: Operations.Operation, for caller: Caller) async throws -> JSON {
        runner.begin(operation.id)
        return show(operation, for: caller)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        show(try await find(input), for: caller)
    }

    /// Waits for an operation's end, two minutes at most.
    func wait(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let operation = try await find(input)
        return show(try await runner.wait(for: operation.id, timeout: .seconds(120)), for: caller)
    }

    /// An operation of the project that was asked for: another project's is not there.
    private func find(_ input: NamedInput) async throws -> Operations.Operation {
        let project = try await projects.project(input.project).id
        do {
            let operation = try await runner.get(input.name)
            if operation.project == project, operation.isCompute { return operation }
        } catch let error as GoogleError where error.status == .notFound {}
        let scope = input.zone.map { ["zones", $0] } ?? ["global"]
        throw GoogleError.resourceMissing(ResourceName(["projects", project] + scope + ["operations", input.name]))
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let scope = input.zone.map { "zones/\($0)" } ?? input.region.map { "regions/\($0)" } ?? "global"
        let operations = try await runner.list(project: project, scope: scope).filter(\.isCompute)
        return try input.page(operations.map { show($0, for: caller) }, kind: "operation", for: caller)
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let operations = try await runner.list(project: project).filter(\.isCompute)
        let scopes = Dictionary(grouping: operations, by: \.scope).sorted { $0.key < $1.key }.map { scope, operations in
            (scope, operations.map { show($0, for: caller) })
        }
        return try input.aggregate(scopes, collection: "operations", kind: "operation", for: caller)
    }

    private func show(_ operation: Operations.Operation, for caller: Caller) -> JSON {
        let project = operation.project
        var document: JSON = [
            "kind": "compute#operation", "id": operation.metadata["id"] ?? "0", "name": .string(operation.id),
            "operationType": .string(Self.type(of: operation.method)), "user": .string(operation.user),
            "targetLink": .string(Link.to(operation.target)),
            "selfLink": .string(Link.to("projects/\(project)/\(operation.scope)/operations/\(operation.id)")),
            "status": .string(operation.state.rawValue.uppercased()), "progress": operation.isDone ? 100 : 0,
            "insertTime": .string(Timestamp.text(operation.insertTime)),
        ]
        if let target = operation.metadata["targetId"] { document["targetId"] = target }
        if let start = operation.startTime { document["startTime"] = .string(Timestamp.text(start)) }
        if let end = operation.endTime { document["endTime"] = .string(Timestamp.text(end)) }
        let scope = operation.scope.split(separator: "/")
        if scope.count == 2 {
            document[scope[0] == "zones" ? "zone" : "region"] = .string(
                Link.to("projects/\(project)/\(operation.scope)")
            )
        }
        if let error = operation.error {
            document["httpErrorStatusCode"] = .integer(Int64(error.httpStatus))
            document["httpErrorMessage"] = .string(error.status.rawValue.replacing("_", with: " "))
            document["error"] = ["errors": [["code": .string(error.reason), "message": .string(error.message)]]]
        }
        return Link.render(document, for: caller.origin)
    }

    /// What gcloud tells the user by: `insert` is "Created", `delete` "Deleted", anything else "Updated".
    private static func type(of method: String) -> String {
        String(method.split(separator: ".").last ?? "update")
    }
}

extension Operations.Operation {
    fileprivate var isCompute: Bool { method.hasPrefix("compute.") }
}
