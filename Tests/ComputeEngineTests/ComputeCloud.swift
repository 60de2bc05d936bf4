import APIServer
import BrumeTesting
import ComputeEngine
import Foundation
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import MetadataStore
import Operations
import ServiceLifecycle
import SimulatedEngine
import Workloads

/// A Compute Engine in memory, on the simulated engine; `debian-12` is made already.
struct ComputeCloud: Sendable {
    let engine: SimulatedEngine
    let api: TestAPI

    static let zone = "/compute/v1/projects/demo/zones/europe-west1-b"
    static let instances = zone + "/instances"

    static func makeStore() throws -> MetadataStore {
        try MetadataStore(inMemoryWith: [OperationsSchema.self, GuestsSchema.self, ComputeEngineSchema.self])
    }

    /// Runs a cloud while `body` does; a second run with the same engine and store is a restarted daemon.
    static func run(
        engine: SimulatedEngine = SimulatedEngine(),
        store: MetadataStore? = nil,
        _ body: @escaping @Sendable (ComputeCloud) async throws -> Void
    ) async throws {
        let store = try store ?? makeStore()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let catalogue = ImageCatalogue(
            engine: engine,
            entries: CatalogueEntry.table,
            workshop: ClosedWorkshop(),
            pullsUpstream: false,
            logger: logger
        )
        if let entry = catalogue.entry(named: "debian-12"), let kept = catalogue.keptReference(of: entry) {
            await engine.add(kept)
        }
        let guests = Guests(
            engine: engine,
            store: store,
            networks: KnownNetworks(),
            ports: .init(gateway: 4850, metadata: 4851, names: 4852),
            authorityPEM: "PEM",
            tokens: Tokens(),
            isServedName: { $0.hasSuffix("googleapis.com") },
            gateway: { _, _, onListening in onListening() },
            logger: logger
        )
        let operations = OperationRunner(store: store, logger: logger, now: { Date() })
        let compute = await ComputeEngine(
            store: store,
            operations: operations,
            projects: DemoProject(),
            engine: engine,
            guests: guests,
            catalogue: catalogue,
            tools: Tools(),
            credentials: NoCredentials(),
            logger: logger,
            now: { Date() }
        )
        let cloud = ComputeCloud(engine: engine, api: TestAPI([compute.api(authorizer: FixedIdentity())]))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await operations.run() }
            group.addTask { try await compute.keeper.run() }
            try await body(cloud)
            group.cancelAll()
        }
    }

    // MARK: Calls

    static func body(
        _ name: String,
        family: String = "debian-12",
        type: String = "e2-small",
        and more: String = ""
    ) -> String {
        """
        {"name": "\(name)", "machineType": "zones/europe-west1-b/machineTypes/\(type)", \(more)
         "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
         "disks": [{"boot": true, "autoDelete": true, "initializeParams":
            {"sourceImage": "projects/debian-cloud/global/images/family/\(family)"}}]}
        """
    }

    /// Inserts an instance and waits until it is there.
    @discardableResult
    func insert(_ name: String, and more: String = "") async throws -> JSON {
        try await finished(api.post(Self.instances, json: Self.body(name, and: more)))
        return try await instance(name)
    }

    /// Waits for the end of the operation that a call answered with.
    @discardableResult
    func finished(_ reply: TestReply) async throws -> JSON {
        guard let link = reply.json["selfLink"]?.string else { return reply.json }
        return try await api.post(link + "/wait").json
    }

    /// Makes a call on an instance, and waits for its end.
    @discardableResult
    func perform(_ verb: String, _ name: String, _ json: String = "{}") async throws -> JSON {
        try await finished(api.post("\(Self.instances)/\(name)/\(verb)", json: json))
    }

    func instance(_ name: String) async throws -> JSON { try await api.get("\(Self.instances)/\(name)").json }

    func workload(_ name: String) async throws -> WorkloadName {
        WorkloadName("instance-\(try await instance(name)["id"]?.string ?? "")")
    }

    /// Looks until something is so; the suite's time limit ends it otherwise.
    func until(_ isSo: () async throws -> Bool) async throws {
        while try await !isSo() { await Task.yield() }
    }
}

/// Nothing is made in a test: what is asked for must be there.
private struct ClosedWorkshop: Workshop {
    func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String { throw closed }

    func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        parents: [String],
        progress: @escaping ProgressReport
    ) async throws -> String? { throw closed }

    func forget(name: String, version: String) async throws {}

    private var closed: WorkshopError { .failed("any", output: "The workshop is closed.") }
}

private struct Tools: MachineTools {
    func mount() async throws -> Mount { Mount(.tools("/tools"), at: "/.brume", isReadOnly: true) }
}

private struct NoCredentials: ImageCredentials {
    func credential(for image: ImageReference, account: String?) async throws -> RegistryCredential? { nil }
}

private struct Tokens: TokenIssuer {
    func accessToken(for email: String, scopes: [String], lifetime: Duration) async throws -> String { email }
    func identityToken(for email: String, audience: String) async throws -> String { audience }
}
