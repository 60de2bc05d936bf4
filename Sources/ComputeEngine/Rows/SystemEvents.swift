import Foundation
import GRDB
import GoogleAPI
import Operations

/// What happens to instances without anybody asking for it.
///
/// Each is told by an operation whose type is the whole name and whose user is `system`. See
/// [Spot VMs](https://docs.cloud.google.com/compute/docs/instances/create-use-spot).
enum SystemEvent: String, Sendable {
    case automaticRestart, guestTerminate, hostError, migrateOnHostMaintenance, preempted, terminateOnHostMaintenance

    init?(method: String) { self.init(rawValue: String(method.split(separator: ".").last ?? "")) }

    var method: String { "compute.instances.\(rawValue)" }

    var message: String {
        switch self {
        case .automaticRestart: "Instance automatically restarted by Compute Engine."
        case .guestTerminate: "Instance terminated by guest OS shutdown."
        case .hostError: "Instance terminated by Compute Engine."
        case .migrateOnHostMaintenance: "Instance migrated during Compute Engine maintenance."
        case .preempted: "Instance was preempted."
        case .terminateOnHostMaintenance: "Instance terminated during Compute Engine maintenance."
        }
    }
}

extension ChangeLog {
    /// An operation that nobody has asked for.
    ///
    /// - Parameter occasion: What it came of: the same event of the same occasion is one operation.
    func systemOperation(
        _ method: String,
        on instance: JSON,
        at key: ResourceKey,
        occasion: String = Token.id()
    ) -> Operations.Operation {
        Operations.Operation(
            id: "systemevent-\(occasion)-\(method.split(separator: ".").last ?? "")",
            method: method,
            project: key.project,
            scope: key.scope,
            target: key.resourceName.description,
            user: "system",
            metadata: ["id": .string(Token.id()), "targetId": instance["id"] ?? ""],
            insertTime: now()
        )
    }

    /// Notes what has happened to an instance, once.
    func note(_ event: SystemEvent, of instance: JSON, at key: ResourceKey, occasion: String = Token.id()) async throws
    {
        try await note(done: systemOperation(event.method, on: instance, at: key, occasion: occasion))
    }

    func isNoted(_ event: SystemEvent, of instance: JSON, at key: ResourceKey, occasion: String) async throws -> Bool {
        let id = systemOperation(event.method, on: instance, at: key, occasion: occasion).id
        return try await store.database.read { try Operations.Operation.exists($0, key: id) }
    }

    /// Notes an operation that is over, unless it is noted already.
    private func note(done operation: Operations.Operation) async throws {
        var operation = operation
        operation.state = .done
        operation.startTime = operation.insertTime
        operation.endTime = now()
        operation.response = [:]
        let noted = operation
        try await store.database.write { db in
            guard try !Operations.Operation.exists(db, key: noted.id) else { return }
            try OperationRunner.insert(noted, in: db)
        }
    }
}
