import Foundation
import Gateway
import Guests
import Hummingbird
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// One cloud, served on its port until it is asked to stop.
package struct Daemon: Sendable {
    package static let version = "0.1.0"

    private let configuration: CloudConfiguration
    private let logger: Logger

    package init(_ configuration: CloudConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter onReady: Called once the port answers.
    /// - Throws: ``SettingError`` when the port is taken or the folder cannot be used.
    package func run(onReady: @escaping @Sendable () -> Void) async throws {
        FreedMemory.giveBack()
        OpenFileLimit.raise()
        let data = configuration.data
        try data.create()
        try data.takeLock()
        let cloud = try await Cloud(configuration, logger: logger)
        let state = DaemonState(
            pid: ProcessInfo.processInfo.processIdentifier,
            port: configuration.port,
            version: Self.version,
            startTime: Date(),
            engineSocket: cloud.engineSocket
        )
        let application = Application(
            responder: cloud.edge,
            server: .gateway(cloud.gateway, tunnels: cloud.tunnels),
            configuration: .init(address: .hostname("127.0.0.1", port: configuration.port), serverName: nil),
            onServerRunning: { [logger] _ in
                do {
                    try state.write(to: data)
                    logger.info("serving", metadata: ["port": "\(state.port)", "data": "\(data.path)"])
                    onReady()
                } catch {
                    logger.error("cannot write the daemon's state: \(error)")
                }
            },
            logger: logger.quietened
        )
        let group = ServiceGroup(
            configuration: .init(
                services: (cloud.services + [application]).map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger.quietened
            )
        )
        do {
            try await group.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw SettingError(
                "port: \(configuration.port) is already used on this machine: "
                    + "stop what uses it, or give another with --port N (BRUME_PORT)"
            )
        }
    }
}
