import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What Cloud Logging asks about training jobs, for clients that follow one.
package protocol FollowedJobs: Sendable {
    /// Whether nothing more will be logged for a job; true for a job that does not exist.
    func isOver(_ jobID: String) async throws -> Bool
}

/// Holds a poll of a client that follows a job's log until there is something to say.
///
/// `gcloud ai custom-jobs stream-logs` polls, shows entries five seconds late at best, and stops only after polls
/// without entries of a job that had ended when it began. Held polls let it show each line as it comes and end with
/// the job. While a poll is held, blanks are sent: JSON may begin with them, and no time-out of the client strikes.
struct LogFollower: Sendable {
    let store: EntryStore
    let waiters: EntryWaiters
    let jobs: any FollowedJobs
    let heartbeat: Duration

    /// Whether a request is such a poll: the client names its command in the header.
    static func isFollower(userAgent: String) -> Bool {
        userAgent.contains("jobs.stream-logs")
    }

    /// Waits for entries, or for the end of the job.
    ///
    /// - Parameter whileWaiting: Called every ``heartbeat``; what it throws ends the wait.
    func entries(
        _ filter: Filter,
        of job: String,
        project: String,
        limit: Int,
        whileWaiting: () async throws -> Void
    ) async throws -> EntryStore.Page {
        let clock = ContinuousClock()
        var beat = clock.now + heartbeat
        while true {
            try Task.checkCancellation()
            let round = await waiters.round(of: project)
            // Asked before the look at the entries: what a job logs last is there when it is over.
            let isOver = try await jobs.isOver(job)
            let page = try await store.list(filter, project: project, descending: false, after: nil, limit: limit)
            if isOver || !page.entries.isEmpty { return page }
            await waiters.wait(for: project, since: round, timeout: beat - clock.now)
            if clock.now >= beat {
                try await whileWaiting()
                beat = clock.now + heartbeat
            }
        }
    }

    /// A 200 answer whose body begins at once and is completed when there is something to say.
    func response(_ input: ListEntriesInput, of job: String, project: String) -> Response {
        let filter = input.filter.asFollowed
        let limit = input.pageSize
        return Response(
            status: .ok,
            headers: [.contentType: "application/json; charset=UTF-8"],
            body: ResponseBody { writer in
                let page = try await entries(filter, of: job, project: project, limit: limit) {
                    try await writer.write(ByteBuffer(string: " "))
                }
                try await writer.write(ByteBuffer(bytes: ListEntriesReply(page, isHeld: true).data()))
                try await writer.finish(nil)
            }
        )
    }
}
