import ArtifactRegistry
import BlobStore
import Foundation
import IAM
import ImageCatalogue
import Logging
import ServiceLifecycle
import Workloads

extension IAM: RegistryAccounts {}

/// The catalogue's images as the registry offers them: made in the engine when they are first pulled, then pushed.
struct CatalogueUpstream: UpstreamImages {
    let catalogue: ImageCatalogue
    let engine: any WorkloadEngine
    let system: RegistrySystemAccount

    func knows(_ name: String) -> Bool { repositories.contains(name) }

    func names(under prefix: String) -> [String] { repositories.filter { $0.hasPrefix(prefix + "/") } }

    func provide(_ reference: String) async throws -> Bool {
        let image = ImageReference(reference)
        guard catalogue.entry(for: image) != nil else { return false }
        try await catalogue.ensure(image)
        let credential = RegistryCredential(user: RegistrySystemAccount.user, password: system.password)
        _ = try await engine.push(image, credential: credential) { _ in }
        return true
    }

    /// The names of Google's registries only: Docker Hub's are not the cloud's.
    private var repositories: [String] {
        catalogue.entries.flatMap(\.references).map(\.repository).filter { name in
            let host = name.prefix { $0 != "/" }
            return host == "gcr.io" || host.hasSuffix(".gcr.io") || host.hasSuffix("-docker.pkg.dev")
        }
    }
}

/// Has the registry remove what nothing names any more, every ten minutes.
struct RegistrySweeper: Service {
    let registry: ArtifactRegistry
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: .seconds(600))
                do {
                    try await registry.sweep()
                } catch let error where !(error is CancellationError) {
                    logger.error("the registry's sweep failed: \(error)")
                }
            }
        }
    }
}
