package import APIServer
package import Foundation
import GoogleAPI
import HTTPTypes
package import Logging
package import MetadataStore
package import Operations
package import ServiceLifecycle
package import Workloads

/// Vertex AI training: custom jobs that really train.
///
/// See [the REST reference](https://docs.cloud.google.com/vertex-ai/docs/reference/rest).
package struct VertexAI: Sendable {
    private let customJobs: CustomJobMethods
    private let operations: OperationMethods
    private let authorizer: any Authorizer
    /// Carries the jobs out; runs as long as the daemon.
    package let runner: any Service

    /// - Parameter simulatesAccelerators: Jobs run without the accelerators that they ask for, and say so.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        authorizer: any Authorizer,
        operations: OperationRunner,
        engine: any WorkloadEngine,
        images: any JobImages,
        surroundings: any JobSurroundings,
        logs: any JobLogs,
        simulatesAccelerators: Bool = false,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String = VertexAI.makeID
    ) {
        let jobs = CustomJobStore(metadata: store)
        let runner = CustomJobRunner(
            store: jobs,
            projects: projects,
            engine: engine,
            images: images,
            surroundings: surroundings,
            logs: logs,
            simulatesAccelerators: simulatesAccelerators,
            logger: logger,
            now: now
        )
        self.runner = runner
        self.authorizer = authorizer
        customJobs = CustomJobMethods(
            store: jobs,
            projects: projects,
            authorizer: authorizer,
            runner: runner,
            now: now,
            makeID: makeID
        )
        self.operations = OperationMethods(operations: operations, projects: projects)
    }

    /// 19 digits, as Google's.
    @Sendable package static func makeID() -> String {
        String(Int64.random(in: 1_000_000_000_000_000_000...Int64.max))
    }

    package var api: API {
        let table = MethodTable(authorizer: authorizer)
        let base = "/v1/projects/{project}/locations/{location}"
        addCustomJobs(to: table, base + "/customJobs")
        addOperations(to: table, base + "/operations")
        for lack in Self.lacks { table.lacks("aiplatform.projects.locations.\(lack.0)", lack.1, base + lack.2) }
        return API(
            name: "aiplatform",
            hosts: ["aiplatform.googleapis.com", "*-aiplatform.googleapis.com"],
            prefix: "/aiplatform",
            aliases: ["/v1beta1/": "/v1/", "/ui/": "/v1/"],
            table: table
        )
    }

    private func addCustomJobs(to table: MethodTable, _ path: String) {
        let id = "aiplatform.projects.locations.customJobs"
        let permission = "aiplatform.customJobs"
        table.add("\(id).create", .post, path, requires: "\(permission).create", customJobs.create)
        table.add("\(id).list", .get, path, requires: "\(permission).list", customJobs.list)
        table.add("\(id).get", .get, path + "/{job}", requires: "\(permission).get", customJobs.get)
        table.add("\(id).cancel", .post, path + "/{job}:cancel", requires: "\(permission).cancel", customJobs.cancel)
        table.add("\(id).delete", .delete, path + "/{job}", requires: "\(permission).delete", customJobs.delete)
    }

    private func addOperations(to table: MethodTable, _ path: String) {
        let id = "aiplatform.projects.locations.operations"
        let permission = "aiplatform.operations"
        let one = path + "/{operation}"
        table.add("\(id).list", .get, path, requires: "\(permission).list", operations.list)
        table.add("\(id).get", .get, one, requires: "\(permission).get", operations.get)
        table.add("\(id).wait", .post, one + ":wait", requires: "\(permission).get", operations.get)
        table.add("\(id).cancel", .post, one + ":cancel", requires: "\(permission).cancel", operations.leave)
        table.add("\(id).delete", .delete, one, requires: "\(permission).delete", operations.leave)
    }

    private static let lacks: [(String, HTTPRequest.Method, String)] = [
        ("hyperparameterTuningJobs.create", .post, "/hyperparameterTuningJobs"),
        ("hyperparameterTuningJobs.list", .get, "/hyperparameterTuningJobs"),
        ("trainingPipelines.create", .post, "/trainingPipelines"),
        ("trainingPipelines.list", .get, "/trainingPipelines"),
        ("models.upload", .post, "/models:upload"), ("models.list", .get, "/models"),
        ("endpoints.create", .post, "/endpoints"), ("endpoints.list", .get, "/endpoints"),
        ("tensorboards.create", .post, "/tensorboards"), ("tensorboards.list", .get, "/tensorboards"),
        ("persistentResources.create", .post, "/persistentResources"),
        ("persistentResources.list", .get, "/persistentResources"),
        ("metadataStores.create", .post, "/metadataStores"), ("metadataStores.list", .get, "/metadataStores"),
        ("datasets.create", .post, "/datasets"), ("datasets.list", .get, "/datasets"),
        ("pipelineJobs.create", .post, "/pipelineJobs"), ("pipelineJobs.list", .get, "/pipelineJobs"),
        ("batchPredictionJobs.create", .post, "/batchPredictionJobs"),
        ("batchPredictionJobs.list", .get, "/batchPredictionJobs"),
    ]
}

/// What others may ask about jobs, by their rows alone.
package struct TrainingJobs: Sendable {
    private let store: CustomJobStore

    package init(store: MetadataStore) { self.store = CustomJobStore(metadata: store) }

    /// Whether a job has ended, or does not exist.
    package func isOver(_ jobID: String) async throws -> Bool {
        try await store.find(jobID)?.state.isEnd ?? true
    }
}
