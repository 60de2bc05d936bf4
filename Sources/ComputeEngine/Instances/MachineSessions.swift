import NIOCore
import Workloads

/// Commands that run on inside machines (ssh servers, startup scripts): their output is read so that they never block.
final class MachineSessions: Sendable {
    private struct Kept: Sendable {
        var session: any ExecSession
        var mark: String
        var isSeen: AsyncStream<Void>.Continuation
    }

    private let sessions: AsyncStream<Kept>
    private let add: AsyncStream<Kept>.Continuation
    private let first: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    init() {
        (sessions, add) = AsyncStream.makeStream()
        (first, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads a session to its end.
    ///
    /// - Returns: A stream that ends once the session has printed `mark`, or has ended without it.
    @discardableResult
    func keep(_ session: any ExecSession, until mark: String = "") -> AsyncStream<Void> {
        let (seen, isSeen) = AsyncStream.makeStream(of: Void.self)
        if mark.isEmpty { isSeen.finish() }
        announce.yield()
        if case .terminated = add.yield(Kept(session: session, mark: mark, isSeen: isSeen)) { isSeen.finish() }
        return seen
    }

    /// Returns once a machine has been started in this run of the daemon.
    func firstMachine() async throws {
        for await _ in first { return }
        throw CancellationError()
    }

    /// Reads all sessions until cancelled.
    func drain() async {
        await withDiscardingTaskGroup { group in
            for await kept in sessions { group.addTask { await Self.read(kept) } }
            group.cancelAll()
        }
        add.finish()
    }

    private static func read(_ kept: Kept) async {
        defer { kept.isSeen.finish() }
        var text = ""
        var isWaiting = !kept.mark.isEmpty
        do {
            for try await chunk in kept.session.output where isWaiting {
                text += String(buffer: chunk.bytes)
                guard text.contains(kept.mark) else { continue }
                isWaiting = false
                kept.isSeen.finish()
            }
        } catch {}  // The session went with its machine, or with the engine.
    }
}
