package import APIServer
package import Foundation
package import GoogleAPI
import HTTPTypes
package import MetadataStore

/// Cloud Logging: what happened, kept in its order, and found again by the Logging query language.
///
/// See [the REST reference](https://docs.cloud.google.com/logging/docs/reference/v2/rest).
package struct CloudLogging: Sendable {
    private let entries: EntryMethods
    private let logs: LogMethods

    /// - Parameters:
    ///   - jobs: Tells clients that follow a training job when it is over.
    ///   - heartbeat: How often a held answer shows that it is alive; clients give up after 300 s of silence.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        jobs: any FollowedJobs,
        heartbeat: Duration = .seconds(30),
        now: @escaping @Sendable () -> Date
    ) {
        let rows = EntryStore(metadata: store, now: now)
        let waiters = EntryWaiters()
        entries = EntryMethods(
            store: rows,
            waiters: waiters,
            projects: projects,
            follower: LogFollower(store: rows, waiters: waiters, jobs: jobs, heartbeat: heartbeat)
        )
        logs = LogMethods(store: rows, projects: projects)
    }

    package func api(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        table.add(
            "logging.entries.write",
            .post,
            "/v2/entries:write",
            requires: "logging.logEntries.create",
            entries.write
        )
        table.add(
            "logging.entries.list",
            .post,
            "/v2/entries:list",
            requires: "logging.logEntries.list",
            entries.list
        )
        table.add(
            "logging.projects.logs.list",
            .get,
            "/v2/projects/{project}/logs",
            requires: "logging.logs.list",
            logs.list
        )
        table.add(
            "logging.projects.logs.delete",
            .delete,
            "/v2/projects/{project}/logs/{log}",
            requires: "logging.logs.delete",
            logs.delete
        )
        table.lacks("logging.entries.tail", .post, "/v2/entries:tail")
        table.lacks("logging.entries.copy", .post, "/v2/entries:copy")
        table.lacks("logging.monitoredResourceDescriptors.list", .get, "/v2/monitoredResourceDescriptors")
        for (collection, verb) in [("sinks", "sinks"), ("metrics", "metrics"), ("exclusions", "exclusions")] {
            table.lacks("logging.projects.\(verb).list", .get, "/v2/projects/{project}/\(collection)")
            table.lacks("logging.projects.\(verb).create", .post, "/v2/projects/{project}/\(collection)")
        }
        table.lacks(
            "logging.projects.locations.buckets.list",
            .get,
            "/v2/projects/{project}/locations/{location}/buckets"
        )
        return API(
            name: "logging",
            hosts: ["logging.googleapis.com"],
            prefix: "/logging",
            paths: ["/v2/entries:", "/v2/projects/", "/v2/monitoredResourceDescriptors"],
            table: table
        )
    }

    /// Keeps entries that a service has to tell, in their order, in one transaction; durable when it returns.
    package func write(_ entries: [LogEntry], project: String) async throws {
        try await self.entries.write(entries.map { $0.document(project: project) }, project: project)
    }

    /// Removes the entries of one log that are about one job, build or instance.
    package func delete(log: String, about subject: String, project: String) async throws {
        let name = LogName(project: project, id: log).text
        try await entries.store.delete(logName: name, about: subject.lowercased(), project: project)
    }

    /// Reads the project's newest entries that match, newest first.
    package func newest(_ filter: Filter, project: String, limit: Int) async throws -> [JSON] {
        try await entries.store.list(filter, project: project, descending: true, after: nil, limit: limit).entries
    }

    /// Waits until the project has entries that match, or until `timeout` has passed; then there are none.
    package func waitForEntries(_ filter: Filter, project: String, timeout: Duration) async throws -> [JSON] {
        let deadline = ContinuousClock.now + timeout
        while true {
            try Task.checkCancellation()
            let round = await entries.waiters.round(of: project)
            let page = try await entries.store.list(
                filter,
                project: project,
                descending: false,
                after: nil,
                limit: 1000
            )
            if !page.entries.isEmpty || ContinuousClock.now >= deadline { return page.entries }
            await entries.waiters.wait(for: project, since: round, timeout: deadline - ContinuousClock.now)
        }
    }
}
