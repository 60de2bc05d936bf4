import APIServer
import Foundation
import GoogleAPI
import Hummingbird

/// The rules of entries.
struct EntryMethods: Sendable {
    let store: EntryStore
    let waiters: EntryWaiters
    let projects: any ProjectDirectory
    let follower: LogFollower

    /// Keeps entries; `{}` when they are durable.
    ///
    /// See [entries.write](https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/write).
    func write(_ input: WriteEntriesInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        guard !input.isDryRun else { return [:] }
        let documents = try input.documents.map { document in
            var document = document
            let name = try LogName(parsing: document["logName"]?.string ?? "")
            document["logName"] = .string(LogName(project: project.id, id: name.id).text)
            var labels = document["resource"]?["labels"]?.object ?? [:]
            labels["project_id"] = labels["project_id"] ?? .string(project.id)
            document["resource"]?["labels"] = .object(labels)
            return document
        }
        try await write(documents, project: project.id)
        return [:]
    }

    func write(_ documents: [JSON], project: String) async throws {
        try await store.insert(documents, project: project)
        await waiters.announce(project)
    }

    /// Reads entries, oldest first unless asked otherwise.
    ///
    /// See [entries.list](https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list).
    func list(_ input: ListEntriesInput, _ call: Call) async throws -> Response {
        let project = try await projects.project(input.resource.last)
        if let job = input.followedJob {
            return follower.response(input, of: job, project: project.id)
        }
        let page = try await store.list(
            input.filter,
            project: project.id,
            descending: input.isDescending,
            after: input.position,
            limit: input.pageSize
        )
        return try JSONResponse.make(ListEntriesReply(page).document, for: call)
    }
}

struct ListEntriesReply {
    var document: JSON = [:]

    /// - Parameter isHeld: A client that follows a log asks anew after a page, and needs no token.
    init(_ page: EntryStore.Page, isHeld: Bool = false) throws {
        if !page.entries.isEmpty { document["entries"] = .array(page.entries) }
        if let next = page.next, !isHeld {
            document["nextPageToken"] = .string(try JSONCoding.encoder.encode(next).base64EncodedString())
        }
    }

    func data() throws -> Data { try document.data() }
}
