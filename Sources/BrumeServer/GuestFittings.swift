import APIServer
import CloudBuild
import ComputeEngine
import Foundation
import Gateway
import GoogleAPI
import Guests
import Hummingbird
import IAM
import ImageCatalogue
import Logging
import Synchronization
import VertexAI
import OSLogin
import Workloads

/// Tokens of service accounts: for guests, and as registry credentials.
struct AccountTokens: TokenIssuer, ImageCredentials {
    let iam: IAM

    func accessToken(for email: String, scopes: [String], lifetime: Duration) async throws -> String {
        try await iam.accessToken(for: email, scopes: scopes, lifetime: lifetime)
    }

    func identityToken(for email: String, audience: String, claims: JSON) async throws -> String {
        try await iam.identityToken(for: email, audience: audience, claims: claims)
    }

    /// Google's registries are this cloud's own; others are read without a credential.
    func credential(for image: ImageReference, account: String?) async throws -> RegistryCredential? {
        guard let account, image.isGoogleRegistry else { return nil }
        let scope = "https://www.googleapis.com/auth/cloud-platform"
        let token = try await iam.accessToken(for: account, scopes: [scope], lifetime: .seconds(3600))
        return RegistryCredential(user: "oauth2accesstoken", password: token)
    }
}

extension ImageReference {
    /// Whether the image's registry is one of Google's, and so this cloud's.
    var isGoogleRegistry: Bool {
        guard let registry else { return false }
        return registry == "gcr.io" || registry.hasSuffix(".gcr.io") || registry.hasSuffix(".pkg.dev")
    }
}

/// The gateway as guests reach it, at the daemon's address in each network.
final class GuestDoor: Sendable {
    private let gateway: Gateway
    private let logger: Logger
    private let edge = Mutex<Edge?>(nil)

    init(gateway: Gateway, logger: Logger) {
        self.gateway = gateway
        self.logger = logger
    }

    /// Says who answers; called once all services are joined.
    func open(to edge: Edge) { self.edge.withLock { $0 = edge } }

    /// Serves at an address until cancelled.
    @Sendable func serve(address: String, port: Int, onListening: @escaping @Sendable () -> Void) async throws {
        guard let edge = edge.withLock({ $0 }) else { return }
        try await Application(
            responder: edge,
            server: .gateway(gateway),
            configuration: .init(address: .hostname(address, port: port), serverName: nil),
            onServerRunning: { _ in onListening() },
            logger: logger.quietened
        ).run()
    }
}

/// The network of builds: steps find Google's names and their build's service account in it.
struct BuildNetwork: BuildSurroundings {
    let guests: Guests
    let catalogue: ImageCatalogue
    private let unnamed: CommonGuest

    /// `docker build --network cloudbuild` in a step asks for exactly this name.
    private static let network = "cloudbuild"

    init(guests: Guests, catalogue: ImageCatalogue) {
        self.guests = guests
        self.catalogue = catalogue
        unnamed = CommonGuest(guests, network: Self.network)
    }

    func admit(_ build: BuildGuest) async throws -> [@Sendable (inout ProcessSpec) -> Void] {
        _ = try await guests.ensureNetwork(Self.network)
        let guest = Guest(
            projectID: build.project.id,
            projectNumber: build.project.number,
            serviceAccount: build.serviceAccount,
            instance: [
                "attributes": [:], "hostname": "build",
                "zone": .string("projects/\(build.project.number)/zones/us-central1-a"),
            ]
        )
        // Containers that a step starts itself have addresses that nobody gave.
        try await unnamed.enter(guest, as: build.workload.text)
        var dressings: [@Sendable (inout ProcessSpec) -> Void] = []
        for step in build.steps {
            let place = try await guests.admit(guest, to: Self.network, owner: Self.owner(build, step))
            dressings.append { [guests, catalogue] process in
                guests.surround(&process, as: guest, at: place)
                process.mounts += catalogue.hostMounts(for: process.image)
            }
        }
        return dressings
    }

    func release(_ build: BuildGuest) async throws {
        try await unnamed.leave(build.workload.text)
        for step in build.steps { try await guests.release(owner: Self.owner(build, step)) }
    }

    private static func owner(_ build: BuildGuest, _ step: String) -> String { "\(build.workload)/\(step)" }
}

/// The network of training jobs: replicas find each other, Google's names and the job's service account in it.
struct TrainingNetwork: JobSurroundings {
    let guests: Guests
    let catalogue: ImageCatalogue

    private static let network = "vertex"

    func surround(
        _ process: ProcessSpec,
        of owner: String,
        project: ProjectIdentity,
        serviceAccount: String?
    ) async throws -> ProcessSpec {
        _ = try await guests.ensureNetwork(Self.network)
        let guest = Guest(
            projectID: project.id,
            projectNumber: project.number,
            serviceAccount: serviceAccount ?? "\(project.number)-compute@developer.gserviceaccount.com",
            instance: ["attributes": [:], "zone": .string("projects/\(project.number)/zones/us-central1-a")]
        )
        let place = try await guests.admit(guest, to: Self.network, owner: owner)
        var process = process
        guests.surround(&process, as: guest, at: place)
        process.mounts += catalogue.hostMounts(for: process.image)
        return process
    }

    func release(_ owner: String) async throws { try await guests.release(owner: owner) }
}

extension OSLogin: MachineLogins {}
