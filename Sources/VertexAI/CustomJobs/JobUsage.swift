package import Billing
package import Foundation
import GRDB
import GoogleAPI
package import MetadataStore

/// What custom jobs used.
package struct JobUsage: Sendable {
    private let store: MetadataStore

    package init(store: MetadataStore) { self.store = store }

    /// Jobs that were running at some time between two moments; of all projects.
    ///
    /// A job that failed costs nothing; one that was cancelled costs what it used.
    package func between(_ from: Date, _ to: Date) async throws -> [Usage] {
        let jobs = try await store.database.read { db in
            try CustomJob.filter(Column("createTime") < to).order(Column("createTime")).fetchAll(db)
        }
        return jobs.compactMap { job in
            let document = job.document
            guard job.state != .failed, let start = document["startTime"]?.string.flatMap(Timestamp.date) else {
                return nil
            }
            let end = document["endTime"]?.string.flatMap(Timestamp.date)
            if let end, end < from { return nil }
            let replicas = job.pools.indices.compactMap { pool -> Usage.Replicas? in
                let spec = job.pools[pool]["machineSpec"]
                guard let type = MachineType.named(spec?["machineType"]?.string ?? "") else { return nil }
                var machine = Usage.Machine(type: type.name, vCPUs: Double(type.vCPUs), gibibytes: type.memoryGB)
                let count = Int(spec?["acceleratorCount"]?.integer ?? 0)
                if count > 0 {
                    machine.accelerators = [.init(type: spec?["acceleratorType"]?.string ?? "", count: count)]
                }
                return Usage.Replicas(machine, count: job.replicaCount(pool))
            }
            return Usage(
                project: job.project,
                resource: "customJobs/\(document["displayName"]?.string ?? job.id) (\(job.location))",
                region: job.location,
                kind: .training(replicas),
                start: start,
                end: end
            )
        }
    }
}
