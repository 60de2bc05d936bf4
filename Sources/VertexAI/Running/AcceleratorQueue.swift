/// The order in which jobs get accelerators: that of their coming. One that waits for many is not overtaken by those that
/// need few, or it might wait for ever.
actor AcceleratorQueue {
    private var line: [(job: String, turn: AsyncStream<Void>.Continuation)] = []

    /// Runs `body` when all who came earlier have theirs.
    ///
    /// - Throws: `CancellationError` for who gives up while waiting.
    func take(_ job: String, _ body: @Sendable () async throws -> Void) async throws {
        let (untilTurn, turn) = AsyncStream.makeStream(of: Void.self)
        line.append((job, turn))
        defer {
            line.removeAll { $0.job == job }
            line.first?.turn.finish()
        }
        line.first?.turn.finish()
        for await _ in untilTurn {}
        try Task.checkCancellation()
        try await body()
    }
}
