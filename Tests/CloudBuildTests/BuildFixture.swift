import APIServer
import BrumeTesting
import CloudBuild
import Foundation
import GoogleAPI
import Logging
import MetadataStore
import NIOCore
import ServiceLifecycle
import SimulatedEngine
import Synchronization
import Workloads

/// Cloud Build in memory, on a scripted engine.
struct TestBuilds {
    let api: TestAPI
    let engine: SimulatedEngine
    let neighbours: TestNeighbours
    let store: MetadataStore
    let events: BuildEvents

    /// Creates a build; returns its ID.
    func create(_ json: String) async throws -> String {
        let reply = try await api.post("/cloudbuild/v1/projects/demo/locations/global/builds", json: json)
        guard let id = reply.json["metadata"]?["build"]?["id"]?.string else {
            throw GoogleError.invalid("not created: \(reply.text)")
        }
        return id
    }

    func get(_ id: String) async throws -> JSON {
        try await api.get("/cloudbuild/v1/projects/demo/locations/global/builds/\(id)").json
    }

    /// Waits for the row to say that the build has ended.
    func ended(_ id: String) async throws -> JSON {
        while true {
            let build = try await get(id)
            if !["QUEUED", "WORKING"].contains(build["status"]?.string) { return build }
            await Task.yield()
        }
    }

    func log(_ id: String) -> String { neighbours.log(id) }
}

/// Everything a build needs of the cloud, in memory.
final class TestNeighbours: SourceArchives, BuildLogs, BuildLogEntries, BuildOutputs, BuildAccounts, BuilderImages,
    BuildSurroundings,
    BuildSecrets
{
    let engine: SimulatedEngine
    let maximumOutputBytes = 50_000_000
    private let objects = Mutex<[String: String]>([:])
    private let sources = Mutex<[String: ByteBuffer]>([:])
    private let lines = Mutex<[String: [String]]>([:])

    /// Whether sources and images of steps come only when nobody waits for them any more.
    let isSlow = Mutex(false)

    init(engine: SimulatedEngine) { self.engine = engine }

    private func beSlow() async throws {
        guard isSlow.withLock(\.self) else { return }
        for await _ in AsyncStream<Never>.makeStream().stream {}
        throw CancellationError()
    }

    func log(_ id: String) -> String {
        objects.withLock { $0.first { $0.key.hasSuffix("log-\(id).txt") }?.value ?? "" }
    }
    func addSource(_ text: String, at place: String) { addSource(Array(text.utf8), at: place) }
    func addSource(_ bytes: [UInt8], at place: String) { sources.withLock { $0[place] = ByteBuffer(bytes: bytes) } }

    func open(bucket: String, object: String, generation: Int64?, as account: String) async throws -> ByteStream {
        try await beSlow()
        guard let bytes = sources.withLock({ $0["\(bucket)/\(object)"] }) else {
            throw GoogleError.notFound("No such object: \(bucket)/\(object)")
        }
        return ByteStream { stream in
            stream.yield(bytes)
            stream.finish()
        }
    }

    func ensureBucket(_ name: String, project: ProjectIdentity) async throws {}

    func begin(bucket: String, object: String) async throws -> any GrowingLog {
        GrowingText { text in
            guard bucket != "full" else { throw GoogleError.diskFull }
            self.objects.withLock { $0["\(bucket)/\(object)"] = text }
        }
    }

    /// What Cloud Logging was told of a build.
    func told(_ id: String) -> [String] { lines.withLock { $0[id] ?? [] } }

    func write(_ lines: [String], of build: ToldBuild) async throws {
        self.lines.withLock { $0[build.id, default: []] += lines }
    }

    func clear(_ build: ToldBuild) async throws { lines.withLock { $0[build.id] = nil } }

    /// What was kept, by its place: `gs://bucket/object`, `https://…/file`.
    func kept(_ place: String) -> String? { objects.withLock { $0[place] } }

    func store(_ content: ByteStream, bucket: String, object: String, as account: String) async throws -> KeptObject {
        guard bucket != "closed" else { throw GoogleError.forbidden("\(account) may not write to \(bucket).") }
        let text = try await text(content)
        objects.withLock { $0["gs://\(bucket)/\(object)"] = text }
        return KeptObject(generation: 7, md5: Data([1, 2]))
    }

    func store(
        _ content: ByteStream,
        package fileName: String,
        in repository: PackageRepository,
        as account: String
    ) async throws -> KeptPackage {
        let text = try await text(content)
        objects.withLock { $0["\(repository.address)/\(fileName)"] = text }
        return KeptPackage(name: "package/\(fileName)", sha256: Data([3, 4]))
    }

    private func text(_ content: ByteStream) async throws -> String {
        var whole = ByteBuffer()
        for try await chunk in content { whole.writeImmutableBuffer(chunk) }
        return String(buffer: whole)
    }

    func defaultAccount(of project: ProjectIdentity) async throws -> String {
        "\(project.number)@cloudbuild.gserviceaccount.com"
    }

    func accessToken(for account: String, lifetime: Duration) async throws -> String { "token" }

    var reserved: Set<String> { [] }

    func ensure(_ image: ImageReference, credential: RegistryCredential, progress: @escaping ProgressReport)
        async throws
    {
        try await beSlow()
        try await engine.pull(image, credential: credential, progress: progress)
    }

    func admit(_ guest: BuildGuest) async throws -> [@Sendable (inout ProcessSpec) -> Void] {
        guest.steps.map { name in { $0.environment["STEP"] = name } }
    }

    func release(_ guest: BuildGuest) async throws {}

    func value(of version: String, as account: String) async throws -> Data {
        switch version {
        case "projects/demo/secrets/hook/versions/1": return Data("open sesame".utf8)
        case "projects/demo/secrets/raw/versions/1": return Data([0xff, 0x00])
        case "projects/demo/secrets/closed/versions/1":
            throw GoogleError.forbidden("Permission 'secretmanager.versions.access' denied on resource '\(version)'.")
        default: throw GoogleError.notFound("Secret [\(version)] not found.")
        }
    }
}

/// A log in memory; readers see what was published.
actor GrowingText: GrowingLog {
    private let show: @Sendable (String) throws -> Void
    private var text = ByteBuffer()

    init(show: @escaping @Sendable (String) throws -> Void) { self.show = show }

    func append(_ bytes: ByteBuffer) { text.writeImmutableBuffer(bytes) }
    func publish() throws { try show(String(buffer: text)) }
    func close() {}
}

func withBuilds(concurrent: Int = 4, _ body: (TestBuilds) async throws -> Void) async throws {
    let engine = SimulatedEngine(images: ["gcr.io/cloud-builders/docker", "alpine"])
    let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
    try await withBuilds(on: engine, store, concurrent: concurrent, body)
}

/// One run of the daemon: leaving `body` ends it, whatever builds still run.
func withBuilds(
    on engine: SimulatedEngine,
    _ store: MetadataStore,
    concurrent: Int = 4,
    code: ScriptedSource = ScriptedSource(),
    authorizer: any Authorizer = FixedIdentity(),
    _ body: (TestBuilds) async throws -> Void
) async throws {
    let events = BuildEvents(store: store)
    let neighbours = TestNeighbours(engine: engine)
    let cloudBuild = CloudBuild(
        store: store,
        projects: DemoProject(),
        authorizer: authorizer,
        neighbours: .init(
            engine: engine,
            sources: neighbours,
            logs: neighbours,
            entries: neighbours,
            outputs: neighbours,
            accounts: neighbours,
            images: neighbours,
            surroundings: neighbours,
            code: code,
            secrets: neighbours
        ),
        events: events,
        concurrentBuilds: concurrent,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        now: { Date() },
        makeID: { UUID().uuidString.lowercased() }
    )
    let runner = cloudBuild.runner
    let trigger = cloudBuild.trigger
    let running = Task {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            group.addTask { try await trigger.run() }
            try await group.waitForAll()
        }
    }
    let api = TestAPI([cloudBuild.api(authorizer: FixedIdentity())])
    let result = await Result<Void, any Error> {
        try await body(TestBuilds(api: api, engine: engine, neighbours: neighbours, store: store, events: events))
    }
    running.cancel()
    _ = await running.result
    try result.get()
}

extension Result where Failure == any Error {
    init(catching body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
