package import Foundation
package import GRDB
package import GoogleAPI

/// A long-running operation: a row that says what was asked for, how far it is, and how it ended.
///
/// Each API renders it in its own form (`compute#operation`, `google.longrunning.Operation`).
package struct Operation: Sendable, Equatable, Identifiable {
    package enum State: String, Sendable, Codable {
        case pending, running, done
    }

    /// Unique in the cloud; the last segment of the operation's name.
    package var id: String
    /// The handler that does the work: `compute.instances.insert`. It is the method's ID.
    package var method: String
    package var project: String
    /// Where the operation is listed: `zones/europe-west1-b`, `regions/…`, `global`, `locations/…`.
    package var scope: String
    /// The relative name of the resource that the operation changes.
    package var target: String
    /// The e-mail address of the caller.
    package var user: String
    /// What the handler needs to know; also after a restart.
    package var input: JSON
    /// What a poller may see of an unfinished operation.
    package var metadata: JSON
    package var state: State
    /// The result of a successful operation.
    package var response: JSON?
    /// Why the operation failed.
    package var error: OperationError?
    package var insertTime: Date
    package var startTime: Date?
    package var endTime: Date?

    package init(
        id: String,
        method: String,
        project: String,
        scope: String,
        target: String,
        user: String,
        input: JSON = [:],
        metadata: JSON = [:],
        insertTime: Date
    ) {
        self.id = id
        self.method = method
        self.project = project
        self.scope = scope
        self.target = target
        self.user = user
        self.input = input
        self.metadata = metadata
        self.insertTime = insertTime
        state = .pending
    }

    package var isDone: Bool { state == .done }
}

/// A failure as it is kept in a row.
package struct OperationError: Sendable, Equatable, Codable {
    package var status: GoogleError.Status
    package var reason: String
    package var message: String
    package var httpStatus: Int

    package init(_ error: GoogleError) {
        status = error.status
        reason = error.reason
        message = error.message
        httpStatus = error.code
    }

    package var asGoogleError: GoogleError {
        GoogleError(status, reason: reason, message: message, httpStatus: httpStatus)
    }
}

extension Operation: FetchableRecord, PersistableRecord {
    package static let databaseTableName = "operations"

    package init(row: Row) throws {
        id = row["id"]
        method = row["method"]
        project = row["project"]
        scope = row["scope"]
        target = row["target"]
        user = row["user"]
        input = try JSON(parsing: row["input"])
        metadata = try JSON(parsing: row["metadata"])
        state = State(rawValue: row["state"]) ?? .pending
        response = try (row["response"] as Data?).map(JSON.init(parsing:))
        error = try (row["error"] as Data?).map { try JSONCoding.decoder.decode(OperationError.self, from: $0) }
        insertTime = row["insertTime"]
        startTime = row["startTime"]
        endTime = row["endTime"]
    }

    package func encode(to container: inout PersistenceContainer) throws {
        container["id"] = id
        container["method"] = method
        container["project"] = project
        container["scope"] = scope
        container["target"] = target
        container["user"] = user
        container["input"] = try input.data()
        container["metadata"] = try metadata.data()
        container["state"] = state.rawValue
        container["response"] = try response?.data()
        container["error"] = try error.map { try JSONCoding.encoder.encode($0) }
        container["insertTime"] = insertTime
        container["startTime"] = startTime
        container["endTime"] = endTime
    }
}
