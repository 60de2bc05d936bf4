import APIServer
import GoogleAPI

/// The rules of logs: a log is there while it has entries.
struct LogMethods: Sendable {
    let store: EntryStore
    let projects: any ProjectDirectory

    /// The names of the logs that have entries.
    func list(_ input: ListLogsInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        let names = try await store.logNames(project: project.id)
        return names.isEmpty ? [:] : ["logNames": .array(names.map(JSON.string))]
    }

    /// Deletes all entries of a log.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) for a log without entries.
    func delete(_ input: DeleteLogInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        let name = LogName(project: project.id, id: input.log).text
        guard try await store.delete(logName: name, project: project.id) > 0 else {
            throw GoogleError.logNotFound(name)
        }
        return [:]
    }
}
