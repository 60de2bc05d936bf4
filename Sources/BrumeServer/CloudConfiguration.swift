import DockerEngine
import Foundation

/// How one cloud is run: from the command line's flags, else from `BRUME_…` variables, else the defaults.
package struct CloudConfiguration: Sendable {
    package enum Engine: Sendable, Equatable {
        /// A private Docker Engine that the daemon starts, watches and stops.
        case managed
        /// An engine that runs already, by its unix socket.
        case socket(path: String)
        /// No containers at all: instances, builds and jobs are only played. For tests of API clients.
        case simulated
    }

    /// The port of every door, on loopback.
    package var port: Int
    package var data: DataFolder
    package var engine: Engine
    /// Gives instances a kernel of their own, under QEMU, unless they say otherwise.
    package var prefersVirtualMachines: Bool
    /// Accepts callers without a credential as the owner; for emulator-style tests.
    package var isOpen: Bool
    /// Lets tests of clients make storage calls fail, as Google's storage test bench does.
    package var hasTestFaults: Bool
    /// Lets instances and jobs run without the accelerators that they ask for; each says so.
    package var simulatesAccelerators: Bool
    /// Starts a machine ahead of the next instance of a kind.
    package var keepsSpareMachines: Bool
    /// MiB of the engine's disk that builds and jobs leave free; the largest are ended when less is left.
    package var keptFreeMiB: Int

    /// The cloud's first project; its owner is who `brume env` signs in.
    package var project: String

    package static let defaultPort = 4600
    package static let defaultProject = "brume-local"
    package static let defaultKeptFreeMiB = Int(DockerEngine.usualKeptFree >> 20)

    /// Reads flags and variables.
    ///
    /// - Throws: ``SettingError`` naming the setting, the value and the remedy.
    package init(
        port: Int? = nil,
        data: String? = nil,
        isOpen: Bool = false,
        hasTestFaults: Bool = false,
        simulatesAccelerators: Bool = false,
        keptFreeMiB: Int = defaultKeptFreeMiB,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        self.port = try port ?? Self.port(environment["BRUME_PORT"])
        guard (1...65535).contains(self.port) else {
            throw SettingError("port: '\(self.port)' is no port: give a number from 1 to 65535")
        }
        self.data = try DataFolder(path: data ?? Self.dataPath(environment))
        project = environment["BRUME_PROJECT"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultProject
        engine = try Self.engine(environment["BRUME_ENGINE"])
        prefersVirtualMachines = environment["BRUME_ENGINE"] == "qemu"
        self.isOpen = isOpen
        self.hasTestFaults = hasTestFaults
        self.simulatesAccelerators = simulatesAccelerators
        keepsSpareMachines = engine != .simulated
        guard (0...(1 << 30)).contains(keptFreeMiB) else {
            throw SettingError("keep-free: '\(keptFreeMiB)' is no number of MiB: give 0 or more")
        }
        self.keptFreeMiB = keptFreeMiB
    }

    private static func port(_ text: String?) throws -> Int {
        guard let text, !text.isEmpty else { return defaultPort }
        guard let port = Int(text) else {
            throw SettingError("BRUME_PORT: '\(text)' is no port: give a number from 1 to 65535")
        }
        return port
    }

    private static func dataPath(_ environment: [String: String]) throws -> String {
        if let path = environment["BRUME_DATA"], !path.isEmpty { return path }
        if let base = environment["XDG_DATA_HOME"], base.hasPrefix("/") { return base + "/brume" }
        guard let home = environment["HOME"], !home.isEmpty else {
            throw SettingError("data folder: neither BRUME_DATA nor HOME is set: say where with --data DIR")
        }
        return home + "/.local/share/brume"
    }

    private static func engine(_ text: String?) throws -> Engine {
        switch text {
        case nil, "", "managed", "qemu": return .managed
        case "simulated": return .simulated
        case .some(let text) where text.hasPrefix("unix://"):
            return .socket(path: String(text.dropFirst("unix://".count)))
        case .some(let text):
            throw SettingError(
                """
                BRUME_ENGINE: '\(text)' is no engine: give 'managed', 'qemu' (managed, and instances have kernels of their own) \
                or a socket such as 'unix:///var/run/docker.sock'
                """
            )
        }
    }
}

/// A setting that cannot be used: names the setting, the value and the remedy.
package struct SettingError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
