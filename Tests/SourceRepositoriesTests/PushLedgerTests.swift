import APIServer
import BrumeTesting
import Foundation
import GRDB
import GoogleAPI
import HTTPTypes
import Logging
import MetadataStore
import ServiceLifecycle
import SourceRepositories
import Synchronization
import Testing

/// Keeps what it hears, and says when a comparison is over.
private final class Recorder: PushRecorder {
    private let heard = Mutex<[Push]>([])
    private let (rings, ring) = AsyncStream.makeStream(of: Void.self)

    func record(_ pushes: [Push], in db: Database) throws {
        heard.withLock { $0 += pushes }
    }

    func wake() { ring.yield() }

    func untilCompared() async { for await _ in rings { return } }

    /// What was heard since the last time: reference, before, after.
    func take() -> [[String]] {
        heard.withLock { pushes in
            defer { pushes = [] }
            return pushes.map { [$0.reference, $0.old ?? "-", $0.new ?? "-"] }
        }
    }
}

private struct Nobody: SourceAccounts {
    func identity(ofAccessToken token: String) async throws -> Caller.Identity { .anonymous }
}

/// A host of repositories whose references are moved from outside, as by a daemon that was killed in a push.
private struct Host {
    let folder: URL
    let store: MetadataStore
    let recorder = Recorder()

    private var sources: SourceRepositories {
        SourceRepositories(
            store: store,
            folder: folder,
            projects: DemoProject(),
            accounts: Nobody(),
            signIn: FixedIdentity(),
            authorizer: FixedIdentity(),
            pushes: recorder,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            now: { Date(timeIntervalSince1970: 1_800_000_000) },
            makeID: { UUID().uuidString.lowercased() }
        )
    }

    /// Makes a repository; its folder.
    func create(_ name: String) async throws -> URL {
        let api = TestAPI(sources.apis(authorizer: FixedIdentity()))
        let made = try await api.send(
            .post,
            "/v1/projects/demo/repos",
            host: "sourcerepo.googleapis.com",
            headers: [.contentType: "application/json"],
            body: Data(#"{"name": "projects/demo/repos/\#(name)"}"#.utf8)
        )
        try #require(made.status == 200, "\(made.text)")
        let id = try await store.database.read { db in
            try String.fetchOne(db, sql: "SELECT id FROM source_repositories WHERE name = ?", arguments: [name])
        }
        return folder.appending(path: "\(try #require(id)).git")
    }

    /// One run of the daemon: what it tells of at its start.
    func run() async throws -> [[String]] {
        let keeper = sources.keeper
        let running = Task { try await keeper.run() }
        await recorder.untilCompared()
        running.cancel()
        _ = await running.result
        return recorder.take()
    }

    static func git(_ arguments: String..., in folder: URL) throws -> String {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"] + arguments
        process.currentDirectoryURL = folder
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// Adds a commit without files, that no branch names yet.
    static func commit(_ message: String, in folder: URL) throws -> String {
        let tree = try git("hash-object", "-t", "tree", "-w", "/dev/null", in: folder)
        return try git("commit-tree", tree, "-m", message, in: folder)
    }
}

@Suite("sourcerepo: the ledger of pushes", .timeLimit(.minutes(1)))
struct PushLedgerTests {
    private func withHost(_ body: (Host) async throws -> Void) async throws {
        try await withScratchFolder { folder in
            let store = try MetadataStore(inMemoryWith: [SourceRepositoriesSchema.self])
            try await body(Host(folder: folder, store: store))
        }
    }

    @Test func `what moved while nobody looked is told once, with what was there before`() async throws {
        try await withHost { host in
            let folder = try await host.create("app")
            let (one, two) = (try Host.commit("one", in: folder), try Host.commit("two", in: folder))
            _ = try Host.git("update-ref", "refs/heads/main", one, in: folder)
            _ = try Host.git("update-ref", "refs/tags/v1", one, in: folder)
            #expect(try await host.run() == [["refs/heads/main", "-", one], ["refs/tags/v1", "-", one]])
            #expect(try await host.run() == [])
            _ = try Host.git("update-ref", "refs/heads/main", two, in: folder)
            _ = try Host.git("update-ref", "-d", "refs/tags/v1", in: folder)
            #expect(try await host.run() == [["refs/heads/main", one, two], ["refs/tags/v1", one, "-"]])
            #expect(try await host.run() == [])
        }
    }

    @Test func `a branch that went and came back the same meanwhile is no push`() async throws {
        try await withHost { host in
            let folder = try await host.create("app")
            let one = try Host.commit("one", in: folder)
            _ = try Host.git("update-ref", "refs/heads/main", one, in: folder)
            _ = try await host.run()
            _ = try Host.git("update-ref", "-d", "refs/heads/main", in: folder)
            _ = try Host.git("update-ref", "refs/heads/main", one, in: folder)
            #expect(try await host.run() == [])
        }
    }

    @Test func `a folder that no row names is removed, and a missing one does not keep the others from their turn`()
        async throws
    {
        try await withHost { host in
            let lost = try await host.create("lost")
            try FileManager.default.moveItem(at: lost, to: host.folder.appending(path: "stranger.git"))
            let folder = try await host.create("app")
            let one = try Host.commit("one", in: folder)
            _ = try Host.git("update-ref", "refs/heads/main", one, in: folder)
            #expect(try await host.run() == [["refs/heads/main", "-", one]])
            #expect(!FileManager.default.fileExists(atPath: host.folder.appending(path: "stranger.git").path))
        }
    }
}
