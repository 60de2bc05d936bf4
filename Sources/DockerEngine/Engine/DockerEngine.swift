import Foundation
import GoogleAPI
import HostPrograms
package import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
package import Workloads

/// Runs workloads as containers of a Docker Engine: a private one that Brume starts, or one that is there.
package final class DockerEngine: WorkloadEngine, Service {
    /// Tells this cloud's containers from others': the value of the label `brume.cloud`.
    let cloud: String
    let host: any EngineHost
    let logger: Logger
    let hub: EventHub
    /// Where devices are described that the engine does not know by itself.
    let deviceFolders: [String]
    let drivers = StepDrivers()
    /// Nil: steps cannot ask the engine for anything.
    let sockets: StepSockets?
    let remembered = Mutex(Memory())
    /// Bytes of the engine's disk that builds and jobs leave free.
    private let keptFree: Int64

    /// What need not be asked twice.
    struct Memory {
        var facts: HostFacts?
        /// By image: the program that boots it, if it has one.
        var inits: [String: InitProgram?] = [:]
        /// By image: the certificates that it trusts.
        var bundles: [String: TrustStore] = [:]
        var steps: [WorkloadName: StepsRecord] = [:]
        /// Why workloads were ended that filled the disk.
        var endedForDisk: [WorkloadName: String] = [:]
        var hashes: [String: String] = [:]
        var bridges: Set<String> = []
        /// The last of those who make networks one after the other.
        var networkTurn: Task<JSON?, any Error>?
        var accelerators = AcceleratorClaims()
    }

    /// An engine of the cloud's own.
    ///
    /// - Parameter cloud: Lower-case letters and digits, 4 to 12 of them.
    package convenience init(
        managed: ManagedDockerd,
        cloud: String,
        keptFree: Int64 = usualKeptFree,
        logger: Logger
    ) {
        let folder = managed.runFolder + "/steps"
        self.init(host: managed, cloud: cloud, stepSockets: folder, keptFree: keptFree, logger: logger)
    }

    /// An engine that is there already, by its socket.
    ///
    /// - Parameters:
    ///   - runFolder: Where the sockets may lie that steps have; nil: steps have none.
    ///   - deviceFolders: Where accelerators are described that the engine does not find by itself.
    ///   - keptFree: Bytes of the engine's disk that builds and jobs leave free.
    package convenience init(
        socket path: String,
        cloud: String,
        runFolder: String? = nil,
        deviceFolders: [String] = DeviceSpecification.usualFolders,
        keptFree: Int64 = usualKeptFree,
        logger: Logger
    ) {
        let host = ExistingEngine(client: DockerClient(socketPath: path))
        let folder = runFolder.map { ManagedDockerd.Configuration.short($0) + "/steps" }
        self.init(
            host: host,
            cloud: cloud,
            stepSockets: folder,
            deviceFolders: deviceFolders,
            keptFree: keptFree,
            logger: logger
        )
    }

    init(
        host: any EngineHost,
        cloud: String,
        stepSockets: String?,
        deviceFolders: [String] = DeviceSpecification.usualFolders,
        keptFree: Int64,
        logger: Logger
    ) {
        self.host = host
        self.keptFree = keptFree
        self.deviceFolders = deviceFolders
        sockets = stepSockets.map { StepSockets(folder: $0) }
        self.cloud = cloud
        self.logger = logger
        hub = EventHub(host: host, cloud: cloud)
    }

    /// 1 GiB.
    package static let usualKeptFree: Int64 = 1 << 30

    /// Looks after the disk until the end of the daemon; containers live on. Call ``shutDown()`` to end them too.
    package func run() async throws {
        let watch = Task { await DiskGuard(engine: self, reserve: keptFree).watch() }
        try? await gracefulShutdown()
        watch.cancel()
        await drivers.cancelAll()
        await sockets?.closeAll()
        await hub.close()
        await host.leave()
    }

    /// Stops this cloud's containers (they are kept), takes back the doors, and ends a private engine.
    package func shutDown() async {
        await drivers.cancelAll()
        await host.shutDown(cloud: cloud)
    }

    package func capabilities() async throws -> EngineCapabilities {
        let facts = try await facts()
        return EngineCapabilities(
            description: "Docker Engine \(facts.version) (\(host.kind))",
            fixedAddresses: true,
            doors: facts.doors,
            containerSocket: sockets != nil,
            directRoute: facts.isLocal,
            volumeAccess: facts.volumeAccess,
            packetFilters: facts.packetFilters,
            virtualMachines: facts.virtualMachines,
            accelerators: Dictionary(grouping: try await acceleratorDevices(), by: \.kind).mapValues(\.count)
        )
    }

    /// The proxy through which the engine fetches images from HTTPS registries; nil when it goes there directly.
    package func imageProxy() async throws -> String? { try await facts().httpsProxy }

    func facts() async throws -> HostFacts {
        if let facts = remembered.withLock({ $0.facts }) { return facts }
        let docker = try await host.client()
        let info = try await docker.call(.GET, "/info")
        let bridge = try await docker.find("/networks/bridge")?["Options"]?["com.docker.network.bridge.name"]?.string
        let isLocal = FileManager.default.fileExists(atPath: "/sys/class/net/\(bridge ?? "docker0")")
        let isRoot = geteuid() == 0
        let devices = (info["DiscoveredDevices"]?.array ?? []).filter { $0["Source"]?.string == "cdi" }
        let facts = HostFacts(
            version: info["ServerVersion"]?.string ?? "",
            cpus: Int(info["NCPU"]?.integer ?? 1),
            hasNvidia: info["Runtimes"]?["nvidia"] != nil,
            knownDevices: devices.compactMap { $0["ID"]?.string },
            knownDeviceFolders: info["CDISpecDirs"]?.stringArray ?? [],
            isLocal: isLocal,
            dataFolder: isLocal ? info["DockerRootDir"]?.string : nil,
            doors: isLocal && isRoot && HostProgram.find("iptables") != nil,
            volumeAccess: isLocal && isRoot,
            packetFilters: isLocal && isRoot
                && ["nsenter", "iptables-restore"].allSatisfy { HostProgram.find($0) != nil },
            virtualMachines: isLocal && isRoot && VirtualMachine.isPossible,
            httpsProxy: info["HttpsProxy"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        )
        remembered.withLock { $0.facts = facts }
        return facts
    }
}

struct HostFacts: Sendable {
    var version: String
    var cpus: Int
    var hasNvidia: Bool
    /// The devices that the engine has found, `nvidia.com/gpu=0`; engines before 28.3 do not tell.
    var knownDevices: [String]
    /// Where the engine looks for specifications of devices; engines before 25 do not.
    var knownDeviceFolders: [String]
    /// Whether the engine's networks are this machine's.
    var isLocal: Bool
    /// Of the engine; nil: on another machine.
    var dataFolder: String?
    var doors: Bool
    var volumeAccess: Bool
    var packetFilters: Bool
    var virtualMachines: Bool
    var httpsProxy: String?

    /// Of the engine: 28 for `28.3.1`; 0 when it does not say.
    var majorVersion: Int { version.split(separator: ".").first.flatMap { Int($0) } ?? 0 }
}

/// Where an engine is, and how it comes to life.
protocol EngineHost: Sendable {
    var kind: String { get }
    /// The engine, started if need be.
    func client() async throws -> DockerClient
    /// Looks after the engine no more; what runs goes on.
    func leave() async
    /// Stops this cloud's containers, and the engine if it is the cloud's own.
    func shutDown(cloud: String) async
}

struct ExistingEngine: EngineHost {
    let client: DockerClient
    var kind: String { "existing" }

    func client() async throws -> DockerClient {
        guard FileManager.default.fileExists(atPath: client.socketPath) else {
            throw EngineError.unavailable(
                "There is no engine at \(client.socketPath). Start it, or unset BRUME_ENGINE to let Brume start its own."
            )
        }
        return client
    }

    func leave() async {}

    func shutDown(cloud: String) async {
        await client.stopContainers(label: "brume.cloud=\(cloud)")
        for bridge in await client.bridges(label: "brume.cloud=\(cloud)") { await Doors(bridge: bridge).removeAll() }
    }
}

extension DockerClient {
    /// Whether an engine answers.
    func answers() async -> Bool {
        (try? await stream(.GET, "/_ping") { chunks in _ = try await chunks.collect(upTo: 100) }) != nil
    }

    /// Stops all running containers at once, those with a label only when one is given.
    func stopContainers(label: String?) async {
        let filters: JSON = label.map { ["label": [.string($0)]] } ?? [:]
        guard let list = try? await call(.GET, "/containers/json", query: ["filters": filters.text]) else { return }
        await withTaskGroup { group in
            for id in (list.array ?? []).compactMap({ $0["Id"]?.string }) {
                group.addTask { _ = try? await self.call(.POST, "/containers/\(id)/stop", query: ["t": "10"]) }
            }
        }
    }

    func bridges(label: String) async -> [String] {
        let filters: JSON = ["label": [.string(label)]]
        guard let list = try? await call(.GET, "/networks", query: ["filters": filters.text]) else { return [] }
        return (list.array ?? []).compactMap(\.bridge)
    }
}

extension JSON {
    init(_ members: [String: String]) { self = .object(members.mapValues { .string($0) }) }
    init(_ elements: [String]) { self = .array(elements.map { .string($0) }) }

    var text: String { (try? data()).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// The bridge of a network's description.
    var bridge: String? {
        if let name = self["Options"]?["com.docker.network.bridge.name"]?.string { return name }
        return self["Driver"]?.string == "bridge" ? self["Id"]?.string.map { "br-" + $0.prefix(12) } : nil
    }

    var strings: [String: String] { (object ?? [:]).compactMapValues(\.string) }
    var stringArray: [String] { (array ?? []).compactMap(\.string) }
}
