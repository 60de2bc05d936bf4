package import APIServer
package import Foundation
package import Guests
import HTTPTypes
package import ImageCatalogue
package import Logging
package import MetadataStore
package import Operations
package import ServiceLifecycle
package import Workloads

/// Compute Engine: instances and what is around them.
///
/// See the [REST reference](https://docs.cloud.google.com/compute/docs/reference/rest/v1).
package struct ComputeEngine: Sendable {
    private let places: PlaceMethods
    private let images: ImageMethods
    private let snapshots: SnapshotMethods
    private let projectMethods: ProjectMethods
    private let networks: NetworkMethods
    private let firewalls: FirewallMethods
    private let addresses: AddressMethods
    private let instances: InstanceMethods
    private let templates: InstanceTemplateMethods
    private let groups: GroupMethods
    private let groupKeeper: GroupKeeper
    private let disks: DiskMethods
    private let changes: ChangeLog
    private let policyMethods: [PolicyMethods]
    /// Whose policies decide on single resources.
    package let policies: any PolicySource
    let life: InstanceLife
    private let sessions = MachineSessions()
    private let spares: SpareMachines
    private let bursts = MachineBursts()
    private let burstLength: Duration
    let authorizer: any Authorizer
    private let logger: Logger

    /// - Parameters:
    ///   - simulatesAccelerators: Instances run without the accelerators that they ask for, and say so.
    ///   - prefersVirtualMachines: Instances have a kernel of their own when they do not say it.
    ///   - keepsSpareMachines: A machine of the kind that was wanted last is started ahead of the next one.
    ///   - preemptionNotice: How long a Spot instance that is to be deleted is still there, from its preemption on. See
    ///     [the preemption process](https://docs.cloud.google.com/compute/docs/instances/spot#preemption-process).
    package init(
        store: MetadataStore,
        operations: OperationRunner,
        projects: any ProjectDirectory,
        authorizer: any Authorizer,
        engine: any WorkloadEngine,
        guests: Guests,
        catalogue: ImageCatalogue,
        tools: any MachineTools,
        credentials: any ImageCredentials,
        logins: any MachineLogins,
        simulatesAccelerators: Bool = false,
        prefersVirtualMachines: Bool = false,
        keepsSpareMachines: Bool = false,
        preemptionNotice: Duration = .seconds(30),
        burstLength: Duration = BurstKeeper.usualLength,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) async {
        let store = ResourceStore(database: store.database)
        let changes = ChangeLog(store: store, runner: operations, projects: projects, now: now)
        func rows(_ collection: String, _ kind: String) -> Rows {
            Rows(collection: collection, kind: kind, store: store, projects: projects, changes: changes)
        }
        self.logger = logger
        self.authorizer = authorizer
        self.changes = changes
        policies = ResourcePolicies(store: store, projects: projects)
        places = PlaceMethods(store: store, projects: projects)
        let defaults = DefaultNetwork(store: store, now: now)
        projectMethods = ProjectMethods(store: store, projects: projects, changes: changes, defaults: defaults)
        let walls = Walls(store: store, engine: engine, guests: guests, defaults: defaults, logger: logger)
        self.burstLength = burstLength
        spares = SpareMachines(engine: engine, guests: guests, isWanted: keepsSpareMachines, logger: logger)
        networks = NetworkMethods(
            rows: rows("networks", "network"),
            subnetworks: rows("subnetworks", "subnetwork"),
            defaults: defaults,
            guests: guests,
            spares: spares
        )
        firewalls = FirewallMethods(rows: rows("firewalls", "firewall"), defaults: defaults, walls: walls)
        addresses = AddressMethods(rows: rows("addresses", "address"), defaults: defaults)
        let sources = DiskSources(store: store, projects: projects, authorizer: authorizer, catalogue: catalogue)
        let contents = DiskContents(store: store, engine: engine, catalogue: catalogue, logger: logger)
        images = ImageMethods(
            rows: rows("images", "image"),
            sources: sources,
            contents: contents,
            authorizer: authorizer,
            catalogue: catalogue
        )
        snapshots = SnapshotMethods(rows: rows("snapshots", "snapshot"), sources: sources, contents: contents)
        disks = DiskMethods(rows: rows("disks", "disk"), sources: sources, contents: contents, snapshots: snapshots)
        life = InstanceLife(
            store: store,
            projects: projects,
            contents: contents,
            catalogue: catalogue,
            tools: tools,
            guests: guests,
            engine: engine,
            credentials: credentials,
            logins: logins,
            projectMetadata: projectMethods,
            changes: changes,
            sessions: sessions,
            walls: walls,
            spares: spares,
            bursts: bursts,
            simulatesAccelerators: simulatesAccelerators,
            prefersVirtualMachines: prefersVirtualMachines,
            preemptionNotice: preemptionNotice,
            logger: logger
        )
        let maker = InstanceMaker(
            rows: rows("instances", "instance"),
            authorizer: authorizer,
            sources: sources,
            defaults: defaults,
            life: life
        )
        instances = InstanceMethods(
            rows: rows("instances", "instance"),
            authorizer: authorizer,
            maker: maker,
            life: life
        )
        templates = InstanceTemplateMethods(rows: rows("instanceTemplates", "instanceTemplate"))
        groups = GroupMethods(
            rows: rows("instanceGroupManagers", "instanceGroupManager"),
            unmanaged: rows("instanceGroups", "instanceGroup"),
            maker: maker
        )
        policyMethods = ResourcePolicies.collections.map { [life] collection in
            PolicyMethods(rows: rows(collection, String(collection.dropLast())), authorizer: authorizer) { key in
                guard key.collection == "instances" else { return }
                try await life.refreshLogins(of: key)
            }
        }
        groupKeeper = GroupKeeper(store: store, maker: maker, logger: logger)
        await life.register()
        await instances.register()
        await templates.register()
        await groups.register()
        await disks.register()
        await images.register()
        await snapshots.register()
        await networks.register()
        await firewalls.register()
        await addresses.register()
    }

    /// Lets running machines with OS Login know who may log in now: a project's, or all.
    package func refreshLogins(of project: String? = nil) async throws {
        try await life.refreshLogins(of: project)
    }

    /// Keep instances and groups what their rows say; they run as long as the daemon.
    package var keepers: [any Service] {
        [
            InstanceKeeper(life: life, sessions: sessions, logger: logger), groupKeeper,
            RunLimitKeeper(life: life, logger: logger),
            BurstKeeper(life: life, length: burstLength),
            SpareKeeper(life: life, spares: spares, patience: SpareKeeper.usualPatience, logger: logger),
        ]
    }

    package var api: API {
        let table = MethodTable(authorizer: authorizer)
        projectMethods.add(to: table)
        places.add(to: table)
        networks.add(to: table)
        RouteMethods(networks: networks).add(to: table)
        firewalls.add(to: table)
        addresses.add(to: table)
        instances.add(to: table)
        disks.add(to: table)
        images.add(to: table)
        snapshots.add(to: table)
        changes.add(to: table)
        templates.add(to: table)
        groups.add(to: table)
        LackingMethods.add(to: table)
        for methods in policyMethods {
            let isZonal = ["instances", "disks"].contains(methods.rows.collection)
            methods.add(to: table, in: isZonal ? ComputePath.zone : ComputePath.global)
        }
        return API(
            name: "compute",
            hosts: ["compute.googleapis.com", "www.googleapis.com"],
            paths: ["/compute/"],
            aliases: ["/compute/beta/": "/compute/v1/", "/compute/alpha/": "/compute/v1/"],
            errors: .errors,
            table: table
        )
    }
}
