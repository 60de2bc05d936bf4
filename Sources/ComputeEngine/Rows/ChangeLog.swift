import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import Operations
import Workloads

/// Compute Engine's operations: made, begun, shown in the API's own form.
struct ChangeLog: Sendable {
    let store: ResourceStore
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

    /// Changes rows and inserts the operation that carries the change out, in one transaction; begins the operation.
    ///
    /// - Parameters:
    ///   - scope: Where the operation stands; nil: where its target does.
    ///   - change: Changes rows; returns the target's.
    func change(
        _ method: String,
        _ key: ResourceKey,
        by caller: Caller,
        scope: String? = nil,
        input: JSON = [:],
        _ change: @escaping @Sendable (Database) throws -> JSON
    ) async throws -> JSON {
        try await self.change(method, key, by: caller, scope: scope) { db, given in
            given = input
            return try change(db)
        }
    }

    /// The same for a change that finds out in its transaction what is left to the operation.
    ///
    /// - Parameters:
    ///   - earlier: Where the resource stood before; nil: where it stands.
    ///   - change: Changes rows, and says in its second argument what the operation is to do.
    func change(
        _ method: String,
        _ key: ResourceKey,
        by caller: Caller,
        scope: String? = nil,
        earlier: ResourceKey? = nil,
        _ change: @escaping @Sendable (Database, inout JSON) throws -> JSON
    ) async throws -> JSON {
        let new = operation(
            method,
            on: key.resourceName,
            project: key.project,
            scope: scope ?? key.scope,
            by: caller
        )
        let operation = try await store.database.write { db in
            var operation = new
            let before = try ResourceStore.fetch(earlier ?? key, in: db)
            let resource = try change(db, &operation.input)
            try Quota.check(resource, at: key, before: before, in: db)
            operation.metadata["targetId"] = resource["id"]
            try OperationRunner.insert(operation, in: db)
            return operation
        }
        return begin(operation, for: caller)
    }

    /// Starts an operation whose row is committed, and shows it.
    func begin(_ operation: Operations.Operation, for caller: Caller) -> JSON {
        runner.begin(operation.id)
        return show(operation, for: caller)
    }

    /// Names who carries out operations of a method; called before the runner runs.
    func register(
        _ method: String,
        _ perform: @escaping @Sendable (ResourceKey, Operations.Operation) async throws -> Void
    ) async {
        await runner.register(method) { operation in
            do {
                try await perform(ResourceKey(ResourceName(parsing: operation.target)), operation)
            } catch let error as EngineError {
                throw error.asGoogleError
            }
            return [:]
        }
    }

    /// Names methods that are carried out when their rows are changed.
    func register(rowsOnly methods: [String]) async {
        for method in methods { await runner.register(method) { _ in [:] } }
    }

    // MARK: Methods

    func add(to api: MethodTable) {
        let kinds = [
            ("zoneOperations", ComputePath.zone), ("regionOperations", ComputePath.region),
            ("globalOperations", ComputePath.global),
        ]
        for (kind, place) in kinds {
            let path = place + "/operations"
            api.add("compute.\(kind).get", .get, path + "/{name}", get)
            api.add("compute.\(kind).wait", .post, path + "/{name}/wait", requires: "compute.\(kind).get", wait)
            api.add("compute.\(kind).list", .get, path, list)
        }
        api.add(
            "compute.globalOperations.aggregatedList",
            .get,
            ComputePath.aggregated + "/operations",
            requires: "compute.globalOperations.list",
            aggregatedList
        )
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
        if let event = SystemEvent(method: operation.method) { document["statusMessage"] = .string(event.message) }
        if let group = operation.input["operationGroupId"] { document["operationGroupId"] = group }
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

    /// What gcloud tells the user by: `insert` is "Created", `delete` "Deleted", anything else "Updated". What happens
    /// by itself has its whole name.
    private static func type(of method: String) -> String {
        SystemEvent(method: method)?.method ?? String(method.split(separator: ".").last ?? "update")
    }
}

extension Operations.Operation {
    fileprivate var isCompute: Bool { method.hasPrefix("compute.") }
}
