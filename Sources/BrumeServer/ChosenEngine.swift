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

    init(_ configuration: CloudConfiguration, trustBundle: String, logger: Logger) throws {
        let data = configuration.data
        switch configuration.engine {
        case .simulated:
            workloads = SimulatedEngine()
            socket = nil
            docker = nil
        case .socket(let path):
            let engine = DockerEngine(socket: path, cloud: try Self.cloudID(in: data), logger: logger)
            workloads = engine
            socket = path
            docker = engine
        case .managed:
            var settings = ManagedDockerd.Configuration(
                dataFolder: data.engine,
                runFolder: data.run + "/engine",
                logFile: data.logs + "/docker.log"
            )
            settings.usesGateway(port: configuration.port, trustBundle: trustBundle)
            let managed = ManagedDockerd(settings, logger: logger)
            let engine = DockerEngine(managed: managed, cloud: try Self.cloudID(in: data), logger: logger)
            workloads = engine
            socket = managed.socketPath
            docker = engine
        }
    }

    /// Ends with the daemon: what runs is stopped, in order, and kept.
    func run() async throws {
        guard let docker else {
            try? await gracefulShutdown()
            return
        }
        try await docker.run()
        await docker.shutDown()
    }

    /// What tells this cloud's containers from another's; it moves with the data folder.
    private static func cloudID(in data: DataFolder) throws -> String {
        let file = data.engine + "/cloud-id"
        if let id = FileManager.default.contents(atPath: file) { return String(decoding: id, as: UTF8.self) }
        let id = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
        try Data(id.utf8).write(to: URL(filePath: file), options: .atomic)
        return id
    }
}
