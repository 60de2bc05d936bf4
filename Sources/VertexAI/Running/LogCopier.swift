import Workloads

/// Copies what one replica prints into the log, as it comes.
///
/// Reading and writing go side by side: what was printed during one write is the next write, so that a burst of lines
/// costs few transactions and a lone line none of the waiting.
actor LogCopier {
    private let replica: String
    private let job: CustomJob
    private let logs: any JobLogs
    private let store: CustomJobStore
    private var pending: [JobLogLine] = []
    private var hasEnded = false
    private var writer: CheckedContinuation<Void, Never>?
    /// The last lines of the error stream, for the message of a failure.
    private(set) var tail: [String] = []

    init(replica: String, job: CustomJob, logs: any JobLogs, store: CustomJobStore) {
        self.replica = replica
        self.job = job
        self.logs = logs
        self.store = store
    }

    /// Copies until the replica ends; lines that an earlier daemon has copied are left out.
    func copy(_ chunks: AsyncThrowingStream<LogChunk, any Error>) async throws {
        let copied = try await store.copiedLines(job.id, replica: replica)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.write(after: copied) }
            do {
                var splitter = LineSplitter(task: replica)
                var skipped = 0
                func take(_ lines: [JobLogLine]) {
                    let old = min(copied - skipped, lines.count)
                    skipped += old
                    add(Array(lines.dropFirst(old)))
                }
                for try await chunk in chunks { take(splitter.lines(of: chunk)) }
                take(splitter.finish())
                end()
            } catch {
                end()
                try await group.waitForAll()
                throw error
            }
            try await group.waitForAll()
        }
    }

    private func add(_ lines: [JobLogLine]) {
        guard !lines.isEmpty else { return }
        pending += lines
        tail = (tail + lines.lazy.filter { $0.severity == "ERROR" }.map(\.text)).suffix(20)
        wake()
    }

    private func end() {
        hasEnded = true
        wake()
    }

    private func wake() {
        writer?.resume()
        writer = nil
    }

    private func write(after copied: Int) async throws {
        var count = copied
        while true {
            if pending.isEmpty, !hasEnded { await withCheckedContinuation { writer = $0 } }
            let lines = pending
            pending = []
            guard !lines.isEmpty else {
                if hasEnded { return }
                continue
            }
            try await logs.write(lines, of: job.id, project: job.project)
            count += lines.count
            // Lines that are written must count, also when the daemon ends just now.
            try await Task { [count] in try await store.setCopiedLines(job.id, replica: replica, to: count) }.value
        }
    }
}
