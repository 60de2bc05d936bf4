import DockerEngine
import Foundation
import Logging
import ServiceLifecycle
import SimulatedEngine
import Workloads

/// The engine that the configuration names, and its life with the daemon.
struct ChosenEngine: Service {
    let workloads: any WorkloadEngine
    /// Where the docker client finds the engine; nil when there is none to be found.
    let socket: String?
    private let docker: DockerEngine?
    private let managed: ManagedDockerd?
    private let logger: Logger

    init(_ configuration: CloudConfiguration, trustBundle: String, logger: Logger) throws {
        let data = configuration.data
        let keptFree = Int64(configuration.keptFreeMiB) << 20
        self.logger = logger
        switch configuration.engine {
        case .simulated:
            workloads = SimulatedEngine()
            socket = nil
            docker = nil
            managed = nil
        case .socket(let path):
            let cloud = try Self.cloudID(in: data)
            let engine = DockerEngine(
                socket: path,
                cloud: cloud,
                runFolder: data.run,
                keptFree: keptFree,
                logger: logger
            )
            workloads = engine
            socket = path
            docker = engine
            managed = nil
        case .managed:
            var settings = ManagedDockerd.Configuration(
                dataFolder: data.engine,
                runFolder: data.run + "/engine",
                logFile: data.logs + "/docker.log"
            )
            settings.usesGateway(port: configuration.port, trustBundle: trustBundle)
            let dockerd = ManagedDockerd(settings, logger: logger)
            let cloud = try Self.cloudID(in: data)
            let engine = DockerEngine(managed: dockerd, cloud: cloud, keptFree: keptFree, logger: logger)
            workloads = engine
            socket = dockerd.socketPath
            docker = engine
            managed = dockerd
        }
    }

    /// Ends with the daemon: what runs is stopped, in order, and kept.
    func run() async throws {
        guard let docker else {
            try? await gracefulShutdown()
            return
        }
        try await withThrowingTaskGroup { group in
            group.addTask { await warmUp() }
            try await docker.run()
            group.cancelAll()
        }
        await docker.shutDown()
    }

    /// Starts a private engine beside the APIs: the docker client talks to it without asking the daemon first.
    private func warmUp() async {
        do {
            try await managed?.warmUp()
        } catch {
            logger.warning("no engine: instances, builds and jobs cannot run. \(error)")
        }
    }

    /// What tells this cloud's containers from another's; it moves with the data folder.
    static func cloudID(in data: DataFolder) throws -> String {
        let file = data.engine + "/cloud-id"
        if let id = FileManager.default.contents(atPath: file) { return String(decoding: id, as: UTF8.self) }
        let id = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
        try Data(id.utf8).write(to: URL(filePath: file), options: .atomic)
        return id
    }
}
