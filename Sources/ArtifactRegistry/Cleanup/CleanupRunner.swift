import Foundation
import GoogleAPI
import Logging

/// Carries out the cleanup policies of all repositories.
struct CleanupRunner: Sendable {
    let repositories: RepositoryStore
    let formats: ArtifactFormats
    let logger: Logger
    let now: @Sendable () -> Date

    /// Deletes what policies say shall go; with `cleanupPolicyDryRun`, only the log tells what would.
    func run() async throws {
        for (place, document) in try await repositories.all() where document["cleanupPolicies"] != nil {
            let format = formats.format(of: document)
            let doomed = CleanupPlan.doomed(
                try await format.versions(in: place, nil),
                by: try CleanupPolicy.all(of: document),
                at: now()
            )
            let isDryRun = document["cleanupPolicyDryRun"]?.bool ?? false
            for version in doomed { try await remove(version, format, isDryRun: isDryRun) }
        }
    }

    private func remove(_ version: ArtifactVersion, _ format: any ArtifactFormat, isDryRun: Bool) async throws {
        let name: Logger.Metadata = ["version": "\(version.place.versionName(version.name))"]
        if isDryRun {
            logger.info("registry: a cleanup policy would delete a version (dry run)", metadata: name)
            return
        }
        do {
            try await format.delete(version: version.name, in: version.place, force: true)
            logger.info("registry: a cleanup policy deleted a version", metadata: name)
        } catch let error as GoogleError {
            // Gone meanwhile, or held by an index that was pushed meanwhile.
            logger.debug("registry: a cleanup policy left a version: \(error.message)", metadata: name)
        }
    }
}
