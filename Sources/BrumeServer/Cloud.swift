package import APIServer
import ArtifactRegistry
import BlobStore
import CloudBilling
import CloudBuild
import CloudLogging
import CloudStorage
import ComputeEngine
import Foundation
import Gateway
import GoogleAPI
import Guests
import IAM
import ImageCatalogue
package import Logging
import MetadataStore
import NIOCore
import OSLogin
import Operations
import ResourceManager
import SecretManager
package import ServiceLifecycle
import ServiceUsage
import SourceRepositories
import VertexAI
import Workloads

/// All parts of one cloud, joined.
///
/// The order is the order of need: rows, doors, identity, the engine, then the services that use them.
package struct Cloud: Sendable {
    /// Everything that runs long; started in this order, stopped in the reverse.
    package let services: [any Service]
    let edge: Edge
    let gateway: Gateway
    let engineSocket: String?
    let tunnels: any PortTunnels

    /// The tables of all services.
    static var schemas: [any Schema.Type] {
        [
            OperationsSchema.self, IAMSchema.self, ResourceManagerSchema.self, ServiceUsageSchema.self,
            ArtifactRegistrySchema.self, CloudLoggingSchema.self, VertexAISchema.self, CloudStorageSchema.self,
            GuestsSchema.self, ComputeEngineSchema.self, CloudBuildSchema.self, SourceRepositoriesSchema.self,
            SecretManagerSchema.self, CloudBillingSchema.self, OSLoginSchema.self,
        ]
    }

    /// Joins the parts of a cloud on a data folder that this process holds.
    package init(_ configuration: CloudConfiguration, logger: Logger) async throws {
        let data = configuration.data
        let now: @Sendable () -> Date = { Date() }

        // Rows
        let store = try MetadataStore(path: data.database, schemas: Self.schemas)
        let operations = OperationRunner(store: store, logger: logger, now: now)

        // Door 1: what vouches for Google's names, and whom it lets through
        let authority = try CertificateAuthority(folder: data.authority, now: now)
        let guestNetworks = KnownNetworks()
        let gateway = Gateway(
            authority: authority,
            environment: ProcessInfo.processInfo.environment,
            now: now,
            mayPass: { Gateway.isLoopback($0) || guestNetworks.contain($0.ipAddress ?? "") }
        )

        // Identity: who calls, and what they may do
        let iam = try IAM(store: store, keys: URL(filePath: data.keys), now: now)
        let resourceManager = ResourceManager(store: store, access: iam, now: now)
        let authorizer = AccessControl(iam, projects: resourceManager)
        let owner = try await resourceManager.bootstrap(project: configuration.project)
        let clients = ClientFolder(data)
        let ownerSignIn = OwnerSignIn(owner: owner, iam: iam, clients: clients, hold: try data.holdClients())
        let signIn = SignIn(iam, openOwner: configuration.isOpen ? owner : nil)
        try clients.writeTrust(authorityPEM: authority.pem)

        // The engine, its images, and door 3: what workloads see
        let engine = try ChosenEngine(configuration, trustBundle: clients.bundle, logger: logger)
        let catalogue = ImageCatalogue(engine: engine.workloads, logger: logger)
        let tokens = AccountTokens(iam: iam)
        let guestDoor = GuestDoor(gateway: gateway, logger: logger)
        let guests = Guests(
            engine: engine.workloads,
            store: store,
            networks: guestNetworks,
            ports: .init(gateway: configuration.port, metadata: configuration.port + 1, names: configuration.port + 2),
            authorityPEM: authority.pem,
            tokens: tokens,
            isServedName: ServedNames.google.contain,
            gateway: guestDoor.serve,
            logger: logger
        )

        // Services, each one block: what it needs, and its API
        var apis: [API] = []
        apis += iam.apis(authorizer: authorizer, projects: resourceManager)
        apis.append(
            ServiceUsage(store: store, projects: resourceManager, makeID: RequestID.make).api(authorizer: authorizer)
        )
        let billing = CloudBilling(store: store, projects: resourceManager, machine: ComputeUsage.machine(asked:))
        apis.append(billing.api(authorizer: authorizer))

        let storage = CloudStorage(
            store: store,
            blobs: try data.blobs(of: "storage"),
            projects: resourceManager,
            accounts: iam,
            authorizer: authorizer,
            now: now
        )

        let secretManager = SecretManager(
            store: store,
            projects: resourceManager,
            authorizer: authorizer,
            now: now,
            makeID: { UUID().uuidString.lowercased() }
        )
        authorizer.consult(secretManager.policies)
        apis.append(secretManager.api(authorizer: authorizer))

        let fetcher = RemoteRegistryFetcher(gateway: gateway)
        let registrySystem = RegistrySystemAccount(password: RequestID.make() + RequestID.make())
        let registry = ArtifactRegistry(
            store: store,
            blobs: try data.blobs(of: "registry"),
            projects: resourceManager,
            accounts: iam,
            authorizer: authorizer,
            upstream: CatalogueUpstream(
                catalogue: catalogue,
                engine: engine.workloads,
                system: registrySystem,
                hub: HubReach()
            ),
            fetcher: fetcher,
            secrets: SecretsOfSecretManager(secrets: secretManager),
            system: registrySystem,
            logger: logger,
            now: now,
            makeID: { UUID().uuidString.lowercased() }
        )
        authorizer.consult(registry.policies)
        apis += [
            registry.pythonAPI(authorizer: authorizer), registry.registryAPI(), registry.api(authorizer: authorizer),
        ]

        let osLogin = OSLogin(store: store, projects: resourceManager, authorizer: authorizer)
        let compute = await ComputeEngine(
            store: store,
            operations: operations,
            projects: resourceManager,
            authorizer: authorizer,
            engine: engine.workloads,
            guests: guests,
            catalogue: catalogue,
            tools: GuestTools(folder: data.tools),
            credentials: tokens,
            logins: osLogin,
            simulatesAccelerators: configuration.simulatesAccelerators,
            prefersVirtualMachines: configuration.prefersVirtualMachines,
            keepsSpareMachines: configuration.keepsSpareMachines,
            logger: logger,
            now: now
        )
        authorizer.consult(compute.policies)
        apis.append(compute.api)
        // Both tell Compute Engine's machines of changes.
        apis.append(osLogin.api { try await compute.refreshLogins() })
        apis.append(resourceManager.api(authorizer: authorizer) { try await compute.refreshLogins(of: $0) })

        let cloudLogging = CloudLogging(
            store: store,
            projects: resourceManager,
            jobs: TrainingJobs(store: store),
            now: now
        )
        apis.append(cloudLogging.api(authorizer: authorizer))

        let buildEvents = BuildEvents(store: store)
        let sources = SourceRepositories(
            store: store,
            folder: URL(filePath: data.repositories),
            projects: resourceManager,
            accounts: iam,
            signIn: signIn,
            authorizer: authorizer,
            pushes: PushesAsBuildEvents(events: buildEvents),
            logger: logger,
            now: now,
            makeID: { UUID().uuidString.lowercased() }
        )
        authorizer.consult(sources.policies)
        apis += sources.apis(authorizer: authorizer)

        let builds = CloudBuild(
            store: store,
            projects: resourceManager,
            authorizer: authorizer,
            neighbours: .init(
                engine: engine.workloads,
                sources: BuildObjectsOfStorage(storage: storage),
                logs: BuildObjectsOfStorage(storage: storage),
                entries: BuildLogEntriesOfCloudLogging(logging: cloudLogging),
                outputs: BuildOutputsOfServices(storage: storage, registry: registry),
                accounts: BuildAccountsOfIAM(iam: iam),
                images: BuilderImagesOfCatalogue(catalogue: catalogue),
                surroundings: BuildNetwork(guests: guests, catalogue: catalogue),
                code: HostedSourceCode(sources: sources),
                secrets: SecretsOfSecretManager(secrets: secretManager)
            ),
            events: buildEvents,
            concurrentBuilds: 4,
            logger: logger,
            now: now,
            makeID: { UUID().uuidString.lowercased() }
        )
        apis.append(builds.api(authorizer: authorizer))

        let vertexAI = VertexAI(
            store: store,
            projects: resourceManager,
            authorizer: authorizer,
            operations: operations,
            engine: engine.workloads,
            images: JobImagesOfCatalogue(catalogue: catalogue, tokens: tokens),
            surroundings: TrainingNetwork(guests: guests, catalogue: catalogue),
            logs: JobLogsOfCloudLogging(logging: cloudLogging),
            simulatesAccelerators: configuration.simulatesAccelerators,
            logger: logger,
            now: now
        )
        apis.append(vertexAI.api)

        // Last, for its XML API takes what no other takes.
        apis += storage.apis(
            signIn: signIn,
            isOpen: configuration.isOpen,
            faults: configuration.hasTestFaults ? FaultInjection(makeID: RequestID.make) : nil
        )

        let housekeeping = Housekeeping(
            chores: [
                .init(name: "registry", recover: registry.recover, sweep: registry.sweep),
                .init(name: "storage", recover: storage.recover, sweep: storage.sweep),
            ],
            interval: .seconds(600),
            logger: logger
        )
        self.gateway = gateway
        tunnels = TunnelsToInstances(
            compute: compute,
            iam: iam,
            openOwner: configuration.isOpen ? owner : nil
        )
        edge = Edge(apis: apis, authenticator: signIn, makeRequestID: RequestID.make)
        guestDoor.open(to: edge)
        engineSocket = engine.socket
        services =
            [
                ownerSignIn, engine, guests, operations, housekeeping, builds.runner,
                sources.keeper, builds.trigger,
                vertexAI.runner, fetcher,
            ] + compute.keepers
    }

    /// Every method of every API, implemented or not: what the coverage page prints.
    package var methods: [(api: String, methods: [MethodDescription])] { edge.methods }
}

extension IAM: ProjectAccess {}
extension IAM: StorageAccounts {}

enum RequestID {
    /// 16 hexadecimal digits.
    @Sendable static func make() -> String {
        String(UInt64.random(in: .min ... .max), radix: 16)
    }
}
