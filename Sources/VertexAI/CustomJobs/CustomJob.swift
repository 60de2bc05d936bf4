import Foundation
import GoogleAPI

/// A training job: the document as on the wire, read through ``FieldShape/customJob``.
///
/// See [CustomJob](https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs).
struct CustomJob: Sendable, Equatable {
    enum State: String, Sendable, Codable {
        case pending = "JOB_STATE_PENDING"
        case running = "JOB_STATE_RUNNING"
        case succeeded = "JOB_STATE_SUCCEEDED"
        case failed = "JOB_STATE_FAILED"
        case cancelling = "JOB_STATE_CANCELLING"
        case cancelled = "JOB_STATE_CANCELLED"

        var isEnd: Bool { [.succeeded, .failed, .cancelled].contains(self) }
    }

    /// 19 digits.
    var id: String
    /// The project's ID.
    var project: String
    var location: String
    var state: State
    var createTime: Date
    var document: JSON
    var isCancelled = false

    var name: String { document["name"]?.string ?? "" }
    var spec: JSON { document["jobSpec"] ?? [:] }
    var pools: [JSON] { spec["workerPoolSpecs"]?.array ?? [] }

    /// The document with what the server says of the job.
    var wire: JSON {
        var wire = document
        wire["state"] = .string(state.rawValue)
        return wire
    }
}

/// One container of a job.
struct Replica: Sendable, Equatable {
    var pool: Int
    var index: Int

    /// `workerpool1-0`.
    var name: String { "workerpool\(pool)-\(index)" }
}

extension CustomJob {
    /// Every replica, the primary first.
    var replicas: [Replica] {
        pools.indices.flatMap { pool in (0..<replicaCount(pool)).map { Replica(pool: pool, index: $0) } }
    }

    /// 1 when it is not said; a pool without a task has none.
    func replicaCount(_ pool: Int) -> Int {
        guard pools[pool]["containerSpec"] != nil || pools[pool]["pythonPackageSpec"] != nil else { return 0 }
        return Int(pools[pool]["replicaCount"]?.integer ?? 1)
    }

    func machine(_ pool: Int) -> MachineType? {
        pools[pool]["machineSpec"]?["machineType"]?.string.flatMap(MachineType.named)
    }

    /// The task of a pool: `containerSpec` or `pythonPackageSpec`.
    func task(_ pool: Int) -> JSON? { pools[pool]["containerSpec"] ?? pools[pool]["pythonPackageSpec"] }

    func image(_ pool: Int) -> String {
        pools[pool]["containerSpec"]?["imageUri"]?.string
            ?? pools[pool]["pythonPackageSpec"]?["executorImageUri"]?.string ?? ""
    }

    /// 7 days when it is not said.
    var timeout: Duration {
        .seconds(spec["scheduling"]?["timeout"]?.string.flatMap(WireDuration.seconds) ?? 604_800)
    }
}
