import APIServer
import Foundation
import Logging
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps the rows of references in step with the repositories, and tells of every difference once.
///
/// Git moves references, rows say what was told of them. After each push the two are compared, and the differences are
/// recorded in the transaction that moves the rows; at the start of the daemon all repositories are compared, for an
/// earlier run may have ended in between.
actor PushLedger: Service {
    private let store: RepositoryStore
    private let git: Git
    private let recorder: any PushRecorder
    private let logger: Logger
    private let now: @Sendable () -> Date
    /// Repositories in which references move now, and who waits for them.
    private var turns: [String: [CheckedContinuation<Void, Never>]] = [:]

    init(
        store: RepositoryStore,
        git: Git,
        recorder: any PushRecorder,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.store = store
        self.git = git
        self.recorder = recorder
        self.logger = logger
        self.now = now
    }

    func run() async throws {
        do {
            let repositories = try await store.all()
            for orphan in Set(try git.folders()).subtracting(repositories.map(\.id)) { try git.remove(orphan) }
            for repository in repositories { try await takeUp(repository) }
        } catch {
            logger.error("source repositories cannot be looked through: \(error)")
        }
        try? await gracefulShutdown()
    }

    /// Carries a push out, and tells of what it moved, however it ended.
    ///
    /// - Parameter push: Gets git's standard error, and waits for its turn before references can move.
    nonisolated func taking<Result: Sendable>(
        _ repository: Repository,
        _ push: @Sendable (_ lock: FileHandle, _ turn: @escaping @Sendable () async -> Void) async throws -> Result
    ) async throws -> Result {
        let lock = try PushLock(git.path(repository.id))
        defer { lock.release() }
        let turn = Turn(ledger: self, id: repository.id)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await push(lock.handle) { await turn.take() })
        } catch {
            result = .failure(error)
        }
        // Also when the client has gone meanwhile: what moved has moved.
        try await Task {
            await turn.take()
            do {
                try await self.compare(repository)
                await turn.leave()
            } catch {
                await turn.leave()
                throw error
            }
        }.value
        return try result.get()
    }

    /// Compares a repository with its rows.
    private nonisolated func compare(_ repository: Repository) async throws {
        let references = try await git.references(repository.id)
        try await git.setHead(repository.id, among: references)
        let time = now()
        let recorder = recorder
        try await store.move(repository.id, to: references) { changes, db in
            let pushes = changes.map { change in
                Push(
                    project: repository.project,
                    repository: repository.name,
                    reference: change.name,
                    old: change.old,
                    new: change.new,
                    time: time
                )
            }
            try recorder.record(pushes, in: db)
        }
        recorder.wake()
    }

    /// Compares a repository at the start, once no git of an earlier run is at work in it any more.
    private func takeUp(_ repository: Repository) async throws {
        let path = git.path(repository.id)
        guard FileManager.default.fileExists(atPath: path) else {
            return logger.error("a repository's folder is missing", metadata: ["repository": "\(repository.name)"])
        }
        await PushLock.waitUntilFree(path)
        await take(repository.id)
        defer { leave(repository.id) }
        try await compare(repository)
    }

    // MARK: Turns

    fileprivate func take(_ id: String) async {
        guard turns[id] != nil else { return turns[id] = [] }
        await withCheckedContinuation { turns[id]?.append($0) }
    }

    fileprivate func leave(_ id: String) {
        guard var waiting = turns[id], !waiting.isEmpty else { return turns[id] = nil }
        let next = waiting.removeFirst()
        turns[id] = waiting
        next.resume()
    }
}

/// One push's turn; taken once, however often it is asked for.
private actor Turn {
    private let ledger: PushLedger
    private let id: String
    private var isTaken = false

    init(ledger: PushLedger, id: String) {
        self.ledger = ledger
        self.id = id
    }

    func take() async {
        guard !isTaken else { return }
        isTaken = true
        await ledger.take(id)
    }

    func leave() async { await ledger.leave(id) }
}

/// A lock that lives as long as any process that was given its file.
///
/// Git gets the file as its standard error. So when the daemon is killed in the middle of a push, the lock is held
/// until the git that it left behind has ended, and the next daemon waits for that before it looks at the repository.
private struct PushLock {
    let handle: FileHandle

    init(_ repository: String) throws {
        let descriptor = open(repository + "/pushes.lock", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        // Shared: pushes do not wait for each other here.
        _ = flock(descriptor, LOCK_SH)
    }

    func release() { try? handle.close() }

    static func waitUntilFree(_ repository: String) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let descriptor = open(repository + "/pushes.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
                while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
                ftruncate(descriptor, 0)
                close(descriptor)
                continuation.resume()
            }
        }
    }
}
