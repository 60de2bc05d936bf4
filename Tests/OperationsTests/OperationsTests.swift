import BrumeTesting
import Foundation
import GRDB
import GoogleAPI
import Logging
import MetadataStore
import Operations
import Testing

@Suite("operations", .timeLimit(.minutes(1)))
struct OperationRunnerTests {
    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    static func operation(_ id: String) -> Operations.Operation {
        Operations.Operation(
            id: id,
            method: "fog.banks.insert",
            project: "demo",
            scope: "global",
            target: "banks/x",
            user: "me",
            input: ["density": 3],
            insertTime: Date(timeIntervalSince1970: 1)
        )
    }

    /// Runs `body` beside a running runner.
    static func withRunner(
        store: MetadataStore,
        handler: OperationRunner.Handler?,
        _ body: @escaping @Sendable (OperationRunner) async throws -> Void
    ) async throws {
        let runner = OperationRunner(store: store, logger: quiet, now: { Date(timeIntervalSince1970: 2) })
        if let handler { await runner.register("fog.banks.insert", handler: handler) }
        try await withThrowingTaskGroup { group in
            group.addTask { try await runner.run() }
            try await body(runner)
            group.cancelAll()
        }
    }

    @Test func `a finished operation carries its handler's response`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self])
        try await Self.withRunner(store: store, handler: { ["saw": $0.input["density"] ?? .null] }) { runner in
            try await store.database.write { try OperationRunner.insert(Self.operation("one"), in: $0) }
            runner.begin("one")
            let done = try await runner.wait(for: "one", timeout: .seconds(30))
            #expect(done.isDone && done.response == ["saw": 3] && done.error == nil && done.endTime != nil)
        }
    }

    @Test func `a refusal becomes the operation's error`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self])
        try await Self.withRunner(store: store, handler: { _ in throw GoogleError.notFound("no fog") }) { runner in
            try await store.database.write { try OperationRunner.insert(Self.operation("one"), in: $0) }
            runner.begin("one")
            let done = try await runner.wait(for: "one", timeout: .seconds(30))
            #expect(done.error?.status == .notFound && done.error?.message == "no fog" && done.response == nil)
        }
    }

    @Test func `an operation that a killed daemon left is taken up again`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self])
        var left = Self.operation("left")
        left.state = .running
        let unfinished = left
        try await store.database.write { try OperationRunner.insert(unfinished, in: $0) }
        try await Self.withRunner(store: store, handler: { _ in ["ok": true] }) { runner in
            let done = try await runner.wait(for: "left", timeout: .seconds(30))
            #expect(done.response == ["ok": true])
        }
    }

    @Test func `waiting ends at its timeout while the operation goes on`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self])
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        try await Self.withRunner(
            store: store,
            handler: { _ in
                for await _ in gate { break }
                return [:]
            }
        ) { runner in
            try await store.database.write { try OperationRunner.insert(Self.operation("slow"), in: $0) }
            runner.begin("slow")
            let early = try await runner.wait(for: "slow", timeout: .milliseconds(50))
            #expect(!early.isDone)
            open.yield()
            let late = try await runner.wait(for: "slow", timeout: .seconds(30))
            #expect(late.isDone)
        }
    }

    @Test func `an unknown operation is 404`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self])
        let runner = OperationRunner(store: store, logger: Self.quiet, now: { Date() })
        await #expect(throws: GoogleError.self) { try await runner.wait(for: "none", timeout: .seconds(1)) }
    }
}
