import Foundation
import HostPrograms
package import Workloads

/// The programs that make a machine of any image reachable: an ssh server that needs nothing of the image.
///
/// The tree is made once, of the OpenSSH and BusyBox of the daemon's machine, and mounted read-only at ``path`` in
/// every machine:
///
/// - `libexec/first.sh PROGRAM …` becomes a machine's first process, once the machine has the name that it was given last.
/// - `libexec/name-up.sh NAME DOMAIN` gives it that name.
/// - `libexec/ssh-up.sh` runs the ssh server in the foreground; to be run as root, detached, after every start.
/// - `bin/google_metadata_script_runner startup|shutdown` runs the metadata's scripts; `units/` are systemd's units for it.
/// - `libexec/container/` holds the `docker exec` and the `sudo` of machines that are containers themselves.
///
/// What runs in machines of all versions of the tree is not in it: ``users(of:name:domain:)``.
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
    /// Tells a machine that runs whose it is, and gives it its name and the users of the metadata's `ssh-keys`, which it
    /// reads from its input. Prints the machine's public key.
    package static func users(of identity: String, name: String, domain: String) throws -> ExecSpec {
        ExecSpec([path + "/bin/sh", "-c", try usersScript.get(), "users-up.sh", identity, name, domain], user: "0")
    }
    private static let usersScript = Result {
        try String(
            contentsOf: Bundle.module.bundleURL.appending(path: "GuestTools/inside/users-up.sh"),
            encoding: .utf8
        )
    }
    /// The command that ``WorkloadEngine/exec(_:in:part:)`` starts after a machine's start; it ends with the server.
    package static let startServer = ExecSpec([path + "/bin/sh", path + "/libexec/ssh-up.sh"], user: "0")
    /// The name servers that a machine asks, whatever the engine has put into its `/etc/resolv.conf`; none: the engine's.
    package static func resolver(_ servers: [String], searching domains: [String]) -> FileSpec {
        let lines =
            servers.isEmpty
            ? []
            : (domains.first.map { ["domain \($0)"] } ?? [])
                + ["search \(domains.joined(separator: " "))"] + servers.map { "nameserver \($0)" }
        return FileSpec(path: "/.brume-run/resolv.conf", content: Array(lines.map { $0 + "\n" }.joined().utf8))
    }
    /// Put before a machine's first program.
    package static let wrapper = [path + "/bin/sh", path + "/libexec/first.sh"]

    /// Raised when the tree changes.
    private static let version = 8

    private let folder: String
    /// The folder of the scripts that make the trees.
    private let scripts: String
    private let environment: [String: String]
    private let work = SharedWork()

    /// Offers the tools; nothing is made before they are asked for.
    ///
    /// - Parameter folder: Where the tree is kept: `tools` in the data folder.
    package init(folder: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.init(
            folder: folder,
            scripts: Bundle.module.bundleURL.path(percentEncoded: false),
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
        try await work.share(tree, progress: { _ in }) { progress in
            if FileManager.default.fileExists(atPath: tree) { return }
            try await run("GuestTools/make-tree.sh", tree, progress)
        }
        return tree
    }

    private func run(_ script: String, _ tree: String, _ progress: @escaping ProgressReport) async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = HostProgram("/bin/sh", ["\(scripts)/\(script)", tree], environment: environment)
        let report = try await script.run(line: progress)
        guard report.status == 0 else { throw EngineError.unavailable(report.output) }
    }

    /// What to mount into a machine.
    package func mount() async throws -> Mount { Mount(.tools(try await ensure()), at: Self.path, isReadOnly: true) }

    // MARK: Virtual machines

    /// Raised when the tree of virtual machines changes.
    private static let machineVersion = 5
    private static let machinePath = "/.brume-vm"

    /// Makes what boots machines with a kernel of their own, or finds it made: QEMU and Debian's kernel for clouds; and
    /// finds out, once after each start of this computer, whether its processor helps (KVM) or is imitated.
    ///
    /// - Returns: The monitor, and what to mount for it besides ``mount()``.
    /// - Throws: ``EngineError/unavailable(_:)``, with the remedy when a tool is not installed.
    package func virtualMachines() async throws -> (monitor: VirtualMachineMonitor, mount: Mount) {
        let tree = "\(folder)/vm-\(Self.machineVersion)"
        try await work.share(tree, progress: { _ in }) { progress in
            if !FileManager.default.fileExists(atPath: tree) {
                try await run("VirtualMachine/make-tree.sh", tree, progress)
            }
            try await run("VirtualMachine/probe.sh", tree, progress)
        }
        let scripts = Self.machinePath + "/libexec"
        let monitor = VirtualMachineMonitor(
            boot: [Self.path + "/bin/sh", scripts + "/machine.sh"],
            enter: [Self.path + "/bin/sh", scripts + "/in-guest.sh"],
            sizeFile: "/.brume-run/hardware",
            overheadBytes: 512 << 20
        )
        return (monitor, Mount(.tools(tree), at: Self.machinePath, isReadOnly: true))
    }
}
