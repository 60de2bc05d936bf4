package import Billing
package import Foundation
import GRDB
import GoogleAPI
package import MetadataStore

/// What builds used.
package struct BuildUsage: Sendable {
    private let store: MetadataStore

    package init(store: MetadataStore) { self.store = store }

    /// Builds that were being carried out at some time between two moments; of all projects.
    package func between(_ from: Date, _ to: Date) async throws -> [Usage] {
        let builds = try await store.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT project, location, document FROM builds WHERE createTime < ? ORDER BY createTime",
                arguments: [to]
            )
            .map {
                (
                    project: $0["project"] as String, location: $0["location"] as String,
                    try JSON(parsing: $0["document"])
                )
            }
        }
        return builds.compactMap { project, location, build in
            guard let start = build["startTime"]?.string.flatMap(Timestamp.date) else { return nil }
            let end = build["finishTime"]?.string.flatMap(Timestamp.date)
            if let end, end < from { return nil }
            return Usage(
                project: project,
                resource: "builds (\(location))",
                region: location == "global" ? "us-central1" : location,
                kind: .build(machine: build["options"]?["machineType"]?.string ?? "UNSPECIFIED"),
                start: start,
                end: end
            )
        }
    }
}
