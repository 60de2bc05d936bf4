import Foundation
import HostPrograms
package import Workloads

/// The programs that make a machine of any image reachable: an ssh server that needs nothing of the image.
///
/// The tree is made once, of the OpenSSH and BusyBox of the daemon's machine, and mounted read-only at ``path`` in
/// every machine:
///
/// - `libexec/ssh-up.sh` runs the ssh server in the foreground; to be run as root, detached, after every start.
/// - `libexec/user-up.sh NAME [yes|no]` makes a user, who may use sudo or not, with the keys of its standard input.
/// - `libexec/users-up.sh` does so for all of the metadata's `ssh-keys` (standard input); others lose their keys.
/// - `libexec/container/` holds the `docker exec` and the `sudo` of machines that are containers themselves.
///
/// What a machine is given for itself (host key, users' keys) is kept on its own disk, in `/.brume-run`.
package struct GuestTools: Sendable {
    /// Where machines see the tools.
    package static let path = "/.brume"
    /// Tells a machine from others whose disk is a copy of its own; each machine is given it when it is made.
    package static func identity(_ name: String) -> FileSpec {
        FileSpec(path: "/.brume-run/instance", content: Array(name.utf8))
    }
    /// Where a machine keeps the key by which ssh clients know it.
    package static let hostKeyFiles = [
        "/.brume-run/hostkey", "/.brume-run/hostkey.pub", "/.brume-run/hostkey.instance",
    ]
    /// Says that a machine is a container, by the container's name: sessions have `docker exec` then, and `sudo`.
    package static func container(_ name: String) -> FileSpec {
        FileSpec(path: "/.brume-run/container", content: Array(name.utf8))
    }
    /// The command that ``WorkloadEngine/exec(_:in:part:)`` starts after a machine's start; it ends with the server.
    package static let startServer = ExecSpec([path + "/bin/sh", path + "/libexec/ssh-up.sh"], user: "0")
    /// The command that reads `ssh-keys` from its standard input.
    package static let applyUsers = ExecSpec([path + "/bin/sh", path + "/libexec/users-up.sh"], user: "0")

    /// Raised when the tree changes.
    private static let version = 4

    private let folder: String
    private let scripts: String
    private let environment: [String: String]
    private let work = SharedWork()

    /// Offers the tools; nothing is made before they are asked for.
    ///
    /// - Parameter folder: Where the tree is kept: `tools` in the data folder.
    package init(folder: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.init(
            folder: folder,
            scripts: Bundle.module.bundleURL.appending(path: "GuestTools").path(percentEncoded: false),
            environment: environment
        )
    }

    init(folder: String, scripts: String, environment: [String: String]) {
        self.folder = folder
        self.scripts = scripts
        self.environment = environment
    }

    /// Makes the tree, or finds it made; callers share the work.
    ///
    /// - Returns: The tree's folder.
    /// - Throws: ``EngineError/unavailable(_:)``, with the remedy when a tool is not installed.
    package func ensure() async throws -> String {
        let tree = "\(folder)/guest-\(Self.version)"
        if FileManager.default.fileExists(atPath: tree) { return tree }
        try await work.share(tree, progress: { _ in }) { [folder, scripts, environment] progress in
            if FileManager.default.fileExists(atPath: tree) { return }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let script = HostProgram("/bin/sh", [scripts + "/make-tree.sh", tree], environment: environment)
            let report = try await script.run(line: progress)
            guard report.status == 0 else { throw EngineError.unavailable(report.output) }
        }
        return tree
    }

    /// What to mount into a machine.
    package func mount() async throws -> Mount { Mount(.tools(try await ensure()), at: Self.path, isReadOnly: true) }
}
