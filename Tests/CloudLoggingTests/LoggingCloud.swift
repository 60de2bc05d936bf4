import APIServer
import BrumeTesting
import CloudLogging
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import Synchronization

/// A Cloud Logging in memory.
struct LoggingCloud: Sendable {
    final class Jobs: FollowedJobs {
        let running = Mutex<Set<String>>([])
        func isOver(_ jobID: String) async throws -> Bool { running.withLock { !$0.contains(jobID) } }
        func begin(_ jobID: String) { running.withLock { _ = $0.insert(jobID) } }
        func end(_ jobID: String) { running.withLock { _ = $0.remove(jobID) } }
    }

    let logging: CloudLogging
    let api: TestAPI
    let jobs = Jobs()

    init(heartbeat: Duration = .seconds(30), now: @escaping @Sendable () -> Date = { Date() }) throws {
        let store = try MetadataStore(inMemoryWith: [CloudLoggingSchema.self])
        logging = CloudLogging(store: store, projects: DemoProject(), jobs: jobs, heartbeat: heartbeat, now: now)
        api = TestAPI([logging.api(authorizer: FixedIdentity())])
    }

    func list(_ filter: String, more: JSON = [:], userAgent: String = "test") async throws -> TestReply {
        var body: JSON = ["resourceNames": ["projects/demo"], "filter": .string(filter)]
        body.merge(more)
        return try await api.send(
            .post,
            "/logging/v2/entries:list",
            headers: [.userAgent: userAgent],
            body: body.data()
        )
    }

    func texts(_ filter: String, more: JSON = [:]) async throws -> [String] {
        try await list(filter, more: more).json["entries"]?.array?.compactMap { $0["textPayload"]?.string } ?? []
    }

    func jobLine(_ text: String, job: String = "42") -> LogEntry {
        LogEntry(
            log: "workerpool0-0",
            resource: ["type": "ml_job", "labels": ["job_id": .string(job), "task_name": "workerpool0-0"]],
            severity: .info,
            payload: .text(text)
        )
    }
}

/// Counts up from 0.
final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}
