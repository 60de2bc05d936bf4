import Foundation
import GoogleAPI
import HostPrograms
import NIOHTTP1
package import Logging
import Workloads

/// A private Docker engine: started on first need, found again after a crash of the daemon, started again when it dies.
package actor ManagedDockerd: EngineHost {
    package struct Configuration: Sendable {
        /// Where images and containers live; everything else is derived from it.
        package var dataFolder: String
        /// Short, because sockets lie in it.
        package var runFolder: String
        /// Environment of the engine: the proxy that leads registries' names to Brume, the authorities to trust.
        package var environment: [String: String]
        /// Registries that only the gateway serves. The engine is told not to look their names up, which would wait for
        /// a name server in vain where there is none; the gateway's certificate is Brume's own all the same.
        package var gatewayRegistries: [String] = []
        /// Where images of Docker Hub are looked for first.
        package var registryMirror: String?
        /// Who resolves names for containers that do not say it themselves, such as those of `docker build`.
        package var nameServers: [String]
        package var logFile: String

        package init(dataFolder: String, runFolder: String, logFile: String) {
            self.dataFolder = dataFolder
            self.runFolder = Self.short(runFolder)
            self.logFile = logFile
            environment = [:]
            nameServers = []
        }

        /// Leads `gcr.io` and `*.pkg.dev` to the gateway, which is trusted by `trustBundle` (system's and Brume's own).
        package mutating func usesGateway(port: Int, trustBundle: String) {
            let proxy = "http://127.0.0.1:\(port)"
            environment["HTTPS_PROXY"] = proxy
            environment["NO_PROXY"] = "localhost,127.0.0.1"
            environment["SSL_CERT_FILE"] = trustBundle
            registryMirror = "https://mirror.gcr.io"
            gatewayRegistries = GoogleRegistries.hosts
        }

        /// The longest socket in a folder has 60 characters more than its path, and the kernel allows 107.
        static func short(_ folder: String) -> String {
            folder.utf8.count <= 45 ? folder : "/run/brume-\(hash(folder))"
        }

        fileprivate static func hash(_ text: String) -> String {
            var hash: UInt32 = 0x811c_9dc5
            for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            return String(hash, radix: 36)
        }

        var bridge: String { "brume\(Self.hash(dataFolder))" }
    }

    nonisolated let kind = "managed"
    package nonisolated let socketPath: String
    nonisolated var runFolder: String { configuration.runFolder }
    private let configuration: Configuration
    private let logger: Logger
    private var starting: Task<Void, any Error>?
    private var watch: Task<Void, Never>?
    private var isUp = false
    private var isEnding = false

    package init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        socketPath = configuration.runFolder + "/docker.sock"
    }

    private nonisolated var docker: DockerClient { DockerClient(socketPath: socketPath) }
    private nonisolated var pidFile: String { configuration.runFolder + "/docker.pid" }

    func client() async throws -> DockerClient {
        guard !isEnding else { throw EngineError.unreachable }
        // One that died a moment ago is started again for whoever needs it, before the watch has noticed.
        if isUp, runningProcess() == nil {
            logger.warning("The engine died; starting it again")
            isUp = false
            starting = nil
        }
        let task = starting ?? Task { try await self.bringUp() }
        starting = task
        do {
            try await task.value
            isUp = true
        } catch {
            starting = nil
            throw error
        }
        return docker
    }

    /// Starts the engine before anybody needs it.
    package func warmUp() async throws { _ = try await client() }

    func shutDown(cloud: String) async {
        isEnding = true
        watch?.cancel()
        guard await docker.answers() else { return }
        await docker.stopContainers(label: nil)
        let bridges = await docker.bridges(label: "brume.cloud=\(cloud)") + [configuration.bridge]
        guard let process = runningProcess() else { return }
        kill(process, SIGTERM)
        for _ in 0..<150 where isAlive(process) { try? await Task.sleep(for: .milliseconds(100)) }
        await unmountDataFolder()
        for bridge in bridges {
            // The engine leaves its rules and bridges behind; it makes them again at its next start.
            await Doors(bridge: bridge).removeEverything()
            _ = try? await HostProgram.run("ip", ["link", "del", bridge])
        }
    }

    /// The engine mounts its folder upon itself; one that was killed has not taken that back.
    private func unmountDataFolder() async {
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        let isMounted = mounts.split(separator: "\n").contains { line in
            line.split(separator: " ").dropFirst().first.map(String.init) == configuration.dataFolder
        }
        if isMounted { _ = try? await HostProgram.run("umount", ["--lazy", configuration.dataFolder]) }
    }

    /// Looks after the engine no more; it and its containers live on.
    func leave() {
        isEnding = true
        watch?.cancel()
    }

    // MARK: Start

    private func bringUp() async throws {
        if await docker.answers() {
            logger.info("The engine of before is still there", metadata: ["socket": "\(socketPath)"])
        } else {
            try await launch()
        }
        if watch == nil { watch = Task { await self.watchOver() } }
    }

    private func launch() async throws {
        guard geteuid() == 0 else {
            throw EngineError.unavailable(
                """
                Brume's own engine needs root. Start Brume as root, or let it use an engine that is there: \
                BRUME_ENGINE=unix:///var/run/docker.sock
                """
            )
        }
        guard let program = HostProgram.find("dockerd") else {
            throw EngineError.unavailable(
                """
                dockerd is not installed. Install it (apt-get install docker.io), or let BRUME_ENGINE name the socket of \
                an engine: BRUME_ENGINE=unix:///var/run/docker.sock
                """
            )
        }
        let files = FileManager.default
        for folder in [configuration.dataFolder, configuration.runFolder] {
            try files.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o711]
            )
        }
        Self.raiseWatchLimit()
        let base = AddressRange("172.24.0.0/16")?.free(of: HostRoutes.current(besides: configuration.bridge))
        guard let base else { throw EngineError.unavailable("No private range of addresses is free on this machine.") }
        try await makeBridge(in: base)
        let config = configuration.runFolder + "/daemon.json"
        var settings: JSON = [:]
        if !configuration.nameServers.isEmpty { settings["dns"] = JSON(configuration.nameServers) }
        // Both lists are asked for before a name is looked up, each for a question of its own.
        for list in ["insecure-registries", "allow-nondistributable-artifacts"] {
            settings[list] = JSON(configuration.gatewayRegistries)
        }
        if let mirror = configuration.registryMirror { settings["registry-mirrors"] = [.string(mirror)] }
        try settings.data().write(to: URL(filePath: config))
        if let old = runningProcess() { throw EngineError.unavailable("dockerd (\(old)) runs but does not answer.") }
        try? files.removeItem(atPath: pidFile)
        try await forgetDeadContainerd()
        let arguments = [
            program, "--data-root", configuration.dataFolder, "--exec-root", configuration.runFolder + "/x",
            "--pidfile", pidFile, "--host", "unix://\(socketPath)", "--config-file", config,
            "--bridge", configuration.bridge, "--default-address-pool", "base=\(base),size=24",
            "--storage-driver", "overlay2", "--live-restore",
        ]
        let process = try DetachedProcess.start(
            arguments,
            environment: configuration.environment,
            logFile: configuration.logFile
        )
        for _ in 0..<600 {
            if await docker.answers() { return }
            guard DetachedProcess.isRunning(process) else { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw EngineError.unavailable("dockerd did not start: \(lastWords())")
    }

    /// Removes the trace of a containerd that died with its engine, which the next engine would wait for in vain.
    private func forgetDeadContainerd() async throws {
        let file = configuration.runFolder + "/x/containerd/containerd.pid"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8),
            let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return }
        for _ in 0..<10 {
            // The dead have no command line, also when nobody has collected them.
            let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            guard String(decoding: data, as: UTF8.self).contains(configuration.runFolder) else {
                return try FileManager.default.removeItem(atPath: file)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The network of containers that name none; `--bridge none` would delete another engine's `docker0`.
    private func makeBridge(in base: AddressRange) async throws {
        let bridge = configuration.bridge
        guard !FileManager.default.fileExists(atPath: "/sys/class/net/\(bridge)") else { return }
        for arguments in [
            ["link", "add", bridge, "type", "bridge"], ["addr", "add", "\(base.gateway)/24", "dev", bridge],
            ["link", "set", bridge, "up"],
        ] {
            let result = try await HostProgram.run("ip", arguments)
            guard result.status == 0 else {
                throw EngineError.unavailable("ip \(arguments.joined(separator: " ")): \(result.output)")
            }
        }
    }

    /// Each systemd takes several watches; the usual 128 end after a dozen instances.
    private static func raiseWatchLimit() {
        let path = "/proc/sys/fs/inotify/max_user_instances"
        let now = (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
            Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if (now ?? 0) < 8192 { try? Data("8192".utf8).write(to: URL(filePath: path)) }
    }

    private func lastWords() -> String {
        let text = (try? String(contentsOfFile: configuration.logFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(3).joined(separator: " ") + " (see \(configuration.logFile))"
    }

    // MARK: Watch

    /// Waits for the engine to die, and starts it again; containers live on meanwhile.
    private func watchOver() async {
        var delay = Duration.milliseconds(200)
        while !Task.isCancelled, !isEnding {
            try? await docker.stream(.GET, "/events", query: ["filters": #"{"type":["daemon"]}"#]) { chunks in
                while try await chunks.next() != nil {}
            }
            guard !Task.isCancelled, !isEnding, await !docker.answers() else { continue }
            do {
                _ = try await client()
                delay = .milliseconds(200)
            } catch {
                logger.error("The engine does not start", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(30))
            }
        }
    }

    private func runningProcess() -> Int32? {
        guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
            let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), isAlive(process)
        else { return nil }
        return process
    }

    /// Whether the process is this engine: a number may have been given to another program since.
    private func isAlive(_ process: Int32) -> Bool {
        _ = DetachedProcess.isRunning(process)
        let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
        return String(decoding: data, as: UTF8.self).contains(configuration.dataFolder)
    }
}
