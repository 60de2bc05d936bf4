import ArtifactRegistry
import BlobStore
import Foundation
import IAM
import ImageCatalogue
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Workloads

extension IAM: RegistryAccounts {}

/// The catalogue's images as the registry offers them: made in the engine when they are first pulled, then pushed.
///
/// Docker Hub's own images (`python:3.11-slim`) are offered as `mirror.gcr.io/library/…`, where the private engine looks
/// first, but only while Docker Hub itself cannot be reached.
struct CatalogueUpstream: UpstreamImages {
    let catalogue: ImageCatalogue
    let engine: any WorkloadEngine
    let system: RegistrySystemAccount
    let hub: HubReach

    private static let mirror = "mirror.gcr.io/library/"

    func knows(_ name: String) -> Bool { repositories.contains(name) }

    func names(under prefix: String) -> [String] { repositories.filter { $0.hasPrefix(prefix + "/") } }

    func provide(_ reference: String) async throws -> Bool {
        let image = ImageReference(reference)
        if reference.hasPrefix(Self.mirror) {
            let original = ImageReference(String(reference.dropFirst(Self.mirror.count)))
            guard let entry = catalogue.entry(for: original), await !hub.isReachable() else { return false }
            // By its recipe: fetching the original would lead the engine back here.
            try await engine.tag(try await catalogue.ensure(entry), as: image)
        } else {
            guard catalogue.entry(for: image) != nil else { return false }
            try await catalogue.ensure(image)
        }
        let credential = RegistryCredential(user: RegistrySystemAccount.user, password: system.password)
        _ = try await engine.push(image, credential: credential) { _ in }
        return true
    }

    private var repositories: [String] {
        catalogue.entries.flatMap(\.references).compactMap { reference in
            guard reference.registry != nil else { return Self.mirror + reference.repository }
            return reference.isGoogleRegistry ? reference.repository : nil
        }
    }
}

/// Whether Docker Hub can be reached from here; asked again after a minute.
actor HubReach {
    private var known: (answer: Bool, at: ContinuousClock.Instant)?

    func isReachable() async -> Bool {
        if let known, known.at.duration(to: .now) < .seconds(60) { return known.answer }
        let answer = await Self.connects(to: "registry-1.docker.io", port: 443)
        known = (answer, .now)
        return answer
    }

    private static func connects(to host: String, port: Int) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(3))
                .connect(host: host, port: port)
                .get()
            try await channel.close()
            return true
        } catch {
            return false
        }
    }
}
