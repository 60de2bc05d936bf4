import Workloads

/// Work that several callers may want at the same time: it is done once, and all of them hear of its progress.
///
/// It goes on when the caller who began it gives up: others may wait for it, and its result is kept.
actor SharedWork {
    private struct Running {
        var task: Task<Void, any Error>
        var listeners: [ProgressReport]
    }

    private var running: [String: Running] = [:]

    /// Does `body`, or waits for the one that runs under the same key.
    func share(
        _ key: String,
        progress: @escaping ProgressReport,
        body: @escaping @Sendable (@escaping ProgressReport) async throws -> Void
    ) async throws {
        if let present = running[key] {
            running[key]?.listeners.append(progress)
            return try await present.task.value
        }
        let lines = AsyncStream<String>.makeStream()
        let task = Task {
            defer { lines.continuation.finish() }
            try await body { lines.continuation.yield($0) }
        }
        running[key] = Running(task: task, listeners: [progress])
        let relay = Task {
            for await line in lines.stream { tell(line, of: key) }
        }
        let result = await task.result
        await relay.value
        running[key] = nil
        try result.get()
    }

    private func tell(_ line: String, of key: String) {
        for listener in running[key]?.listeners ?? [] { listener(line) }
    }
}
