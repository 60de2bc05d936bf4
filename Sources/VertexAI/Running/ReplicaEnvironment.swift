import APIServer
import Foundation
import GoogleAPI

/// The variables that training code finds.
///
/// See [environment variables](https://docs.cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables)
/// and [CLUSTER_SPEC](https://docs.cloud.google.com/vertex-ai/docs/training/distributed-training#cluster-variables).
struct ReplicaEnvironment {
    let job: CustomJob
    let project: ProjectIdentity

    /// Ten digits that are the same for all replicas of a job.
    private var suffix: String {
        let digits = String(UInt64(job.id) ?? 0, radix: 16)
        return String((String(repeating: "0", count: 10) + digits).suffix(10))
    }

    /// The name by which the others reach a replica, known before anything runs.
    func hostname(_ replica: Replica) -> String { "cmle-training-workerpool\(replica.pool)-\(suffix)-\(replica.index)" }

    func variables(_ replica: Replica) throws -> [String: String] {
        var variables = [
            "CLOUD_ML_PROJECT_ID": String(project.number),
            "CLOUD_ML_JOB_ID": job.id,
            "CLOUD_ML_REGION": job.location,
            "CLUSTER_SPEC": try text(clusterSpec(replica)),
        ]
        let replicas = job.replicas
        if replicas.count > 1 { variables["TF_CONFIG"] = try text(tfConfig(replica)) }
        if var base = job.spec["baseOutputDirectory"]?["outputUriPrefix"]?.string, !base.isEmpty {
            if !base.hasSuffix("/") { base += "/" }
            variables["AIP_MODEL_DIR"] = base + "model/"
            variables["AIP_CHECKPOINT_DIR"] = base + "checkpoints/"
            variables["AIP_TENSORBOARD_LOG_DIR"] = base + "logs/"
        }
        if let tensorboard = job.spec["tensorboard"]?.string {
            variables["AIP_TENSORBOARD_RESOURCE_NAME"] = tensorboard
            variables["AIP_TENSORBOARD_API_URI"] = "https://\(job.location)-aiplatform.googleapis.com/"
        }
        variables["MASTER_ADDR"] = replicas.first.map(hostname) ?? ""
        variables["MASTER_PORT"] = "3333"
        variables["WORLD_SIZE"] = String(replicas.count)
        variables["RANK"] = String(replicas.firstIndex(of: replica) ?? 0)
        for variable in job.task(replica.pool)?["env"]?.array ?? [] {
            guard let name = variable["name"]?.string else { continue }
            variables[name] = Self.expand(variable["value"]?.string ?? "", with: variables)
        }
        return variables
    }

    /// Puts variables for `$(NAME)`; unknown ones stay, `$$(NAME)` is `$(NAME)`.
    static func expand(_ text: String, with variables: [String: String]) -> String {
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$$") {
                result += "$"
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("$("), let end = rest.firstIndex(of: ")") {
                let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
                result += variables[name] ?? "$(\(name))"
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    private func clusterSpec(_ replica: Replica) -> JSON {
        var cluster: JSON = [:]
        for pool in job.pools.indices where job.replicaCount(pool) > 0 {
            cluster["workerpool\(pool)"] = addresses(pool)
        }
        return [
            "cluster": cluster,
            "environment": "cloud",
            "task": ["type": .string("workerpool\(replica.pool)"), "index": .integer(Int64(replica.index))],
            "job": job.spec,
        ]
    }

    /// Evaluators (pool 3) have a role, but no place in the cluster.
    private func tfConfig(_ replica: Replica) -> JSON {
        let roles = ["chief", "worker", "ps", "evaluator"]
        var cluster: JSON = [:]
        for pool in job.pools.indices where pool < 3 && job.replicaCount(pool) > 0 {
            cluster[roles[pool]] = addresses(pool)
        }
        return [
            "cluster": cluster,
            "environment": "cloud",
            "task": ["type": .string(roles[replica.pool]), "index": .integer(Int64(replica.index))],
            "job": job.spec,
        ]
    }

    private func addresses(_ pool: Int) -> JSON {
        .array(
            job.replicas.filter { $0.pool == pool }.map { .string("\(hostname($0)):2222") }
        )
    }

    private func text(_ document: JSON) throws -> String { String(decoding: try document.data(), as: UTF8.self) }
}
