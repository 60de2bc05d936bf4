import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Logging
import MetadataStore
import Operations
import ServiceLifecycle
import SimulatedEngine
import Synchronization
import VertexAI
import Workloads

/// A Vertex AI in memory, on the simulated engine.
struct TrainingCloud: Sendable {
    let engine: SimulatedEngine
    let logs: Recorder
    let api: TestAPI

    static let image: ImageReference = "gcr.io/demo/trainer:latest"
    static let path = "/aiplatform/v1/projects/demo/locations/europe-west1/customJobs"
    static let spec =
        #"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4"},"containerSpec":{"imageUri":"gcr.io/demo/trainer"}}]}"#

    /// Runs a cloud while `body` does.
    static func run(
        engine: SimulatedEngine = SimulatedEngine(images: [image]),
        store: MetadataStore? = nil,
        simulatesAccelerators: Bool = false,
        authorizer: any Authorizer = FixedIdentity(),
        _ body: @escaping @Sendable (TrainingCloud) async throws -> Void
    ) async throws {
        let store = try store ?? MetadataStore(inMemoryWith: [OperationsSchema.self, VertexAISchema.self])
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let logs = Recorder()
        let operations = OperationRunner(store: store, logger: logger, now: { Date() })
        let vertex = VertexAI(
            store: store,
            projects: DemoProject(),
            authorizer: authorizer,
            operations: operations,
            engine: engine,
            images: Images(engine: engine),
            surroundings: Surroundings(),
            logs: logs,
            simulatesAccelerators: simulatesAccelerators,
            logger: logger,
            now: { Date() }
        )
        let cloud = TrainingCloud(
            engine: engine,
            logs: logs,
            api: TestAPI([vertex.api])
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await vertex.runner.run() }
            try await body(cloud)
            group.cancelAll()
        }
    }

    private init(engine: SimulatedEngine, logs: Recorder, api: TestAPI) {
        self.engine = engine
        self.logs = logs
        self.api = api
    }

    func create(_ spec: String = spec) async throws -> JSON {
        try await api.post(Self.path, json: #"{"displayName":"t","jobSpec":\#(spec)}"#).json
    }

    func job(_ created: JSON) async throws -> JSON {
        try await api.get("/aiplatform/v1/\(created["name"]?.string ?? "")").json
    }

    /// Waits until a job is in a state.
    func job(_ created: JSON, in state: String) async throws -> JSON {
        for await _ in logs.news {
            let job = try await job(created)
            if job["state"]?.string == state { return job }
            if job["endTime"] != nil { return job }
        }
        return try await job(created)
    }
}

/// Keeps what jobs print.
final class Recorder: JobLogs {
    private let kept = Mutex<[JobLogLine]>([])
    let news: AsyncStream<Void>
    private let tell: AsyncStream<Void>.Continuation

    init() { (news, tell) = AsyncStream.makeStream(of: Void.self) }

    var lines: [JobLogLine] { kept.withLock { $0 } }

    func write(_ lines: [JobLogLine], of jobID: String, project: String) async throws {
        kept.withLock { $0 += lines }
        tell.yield()
    }

    /// What a task printed, with its severities.
    func said(_ task: String) -> [String] { lines.filter { $0.task == task }.map { "\($0.severity) \($0.text)" } }
}

private struct Images: JobImages {
    let engine: SimulatedEngine

    func ensure(_ image: ImageReference, project: ProjectIdentity) async throws -> ImageReference {
        guard try await engine.image(image) == nil else { return image }
        try await engine.pull(image, credential: nil, progress: { _ in })
        return image
    }
}

private struct Surroundings: JobSurroundings {
    func surround(
        _ process: ProcessSpec,
        of owner: String,
        project: ProjectIdentity,
        serviceAccount: String?
    ) async throws -> ProcessSpec {
        process
    }

    func release(_ owner: String) async throws {}
}
