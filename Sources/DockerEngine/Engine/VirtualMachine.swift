import Foundation
import GoogleAPI
import Workloads

/// A machine with a kernel of its own: its container runs the monitor, which boots the container's root.
///
/// So a virtual machine has the address, the volumes, the limits and the labels of its container, its serial port is the
/// container's output, and it lives on, as containers do, when the daemon or the engine dies.
struct VirtualMachine: Sendable {
    let monitor: VirtualMachineMonitor

    /// Carries the monitor, so that it is known after a restart.
    static let label = "brume.monitor"

    /// Whether this computer makes network interfaces for virtual machines.
    static var isPossible: Bool { FileManager.default.fileExists(atPath: "/dev/net/tun") }

    /// - Throws: ``EngineError/refused(_:)`` for what a virtual machine cannot have.
    init(_ monitor: VirtualMachineMonitor, process: ProcessSpec) throws {
        guard Self.isPossible else {
            throw EngineError.refused("A machine with a kernel of its own needs /dev/net/tun, which is not there.")
        }
        guard process.accelerators == nil else {
            throw EngineError.refused("A machine with a kernel of its own cannot have accelerators.")
        }
        guard process.network != nil else {
            throw EngineError.refused("A machine with a kernel of its own needs a network.")
        }
        self.monitor = monitor
    }

    /// Reads what ``text`` wrote; nil when it was not that.
    init?(text: String) {
        guard let monitor = try? JSONDecoder().decode(VirtualMachineMonitor.self, from: Data(text.utf8)) else {
            return nil
        }
        self.monitor = monitor
    }

    var text: String { (try? JSONEncoder().encode(monitor)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    func entering(_ command: [String]) -> [String] { monitor.enter + command }

    /// What the container may take: the machine's memory, and what the monitor needs besides.
    func limits(_ resources: Resources) -> Resources {
        var resources = resources
        if resources.memoryBytes > 0 { resources.memoryBytes += monitor.overheadBytes }
        return resources
    }

    /// The machine's hardware: at least one processor, no more than there are.
    func sizeFile(_ resources: Resources, cpus: Int) -> FileSpec {
        let processors = resources.milliCPUs > 0 ? min((resources.milliCPUs + 999) / 1000, cpus) : cpus
        let memory = resources.memoryBytes > 0 ? max(resources.memoryBytes >> 20, 256) : 2048
        return FileSpec(path: monitor.sizeFile, content: Array("cpus=\(processors) memory=\(memory)\n".utf8))
    }

    /// Makes a container's description that of the machine's monitor.
    func take(
        over body: inout JSON,
        process: ProcessSpec,
        boot: InitProgram?,
        wrapper: [String],
        image: JSON?
    ) {
        let monitor = wrapper + monitor.boot
        if let boot {
            body["Entrypoint"] = JSON(monitor + ["init", boot.path])
        } else {
            let entrypoint = process.entrypoint ?? image?["Entrypoint"]?.stringArray ?? []
            // A changed entry point takes the image's arguments away.
            let usual = process.entrypoint == nil ? image?["Cmd"]?.stringArray ?? [] : []
            body["Entrypoint"] = JSON(monitor + ["process"] + entrypoint + (process.arguments ?? usual))
        }
        body["Cmd"] = []
        body["Tty"] = true
        body["User"] = "0"
        body["StopSignal"] = "SIGTERM"
        body["Labels"]?["brume.init"] = "1"
        var config = body["HostConfig"] ?? [:]
        config["Init"] = false
        config["CapAdd"] = ["NET_ADMIN", "SYS_ADMIN"]
        var tmpfs = config["Tmpfs"] ?? [:]
        tmpfs["/run"] = "exec"
        config["Tmpfs"] = tmpfs
        config["Devices"] = .array(
            ["/dev/net/tun", "/dev/kvm"].filter(FileManager.default.fileExists(atPath:)).map { path in
                ["PathOnHost": .string(path), "PathInContainer": .string(path), "CgroupPermissions": "rwm"]
            }
        )
        // Packets are led on to the machine, whose neighbours ask the container for its address.
        config["Sysctls"] = [
            "net.ipv4.ip_forward": "1", "net.ipv4.conf.all.proxy_arp": "1", "net.ipv4.conf.default.proxy_arp": "1",
            "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "0",
            "net.ipv4.conf.all.send_redirects": "0", "net.ipv4.conf.default.send_redirects": "0",
        ]
        body["HostConfig"] = config
    }
}

extension DockerEngine {
    /// Lets a running machine's own kernel write what it holds, and see what was changed beneath it.
    func lookAnew(_ container: Container) async throws {
        guard container.virtualMachine != nil, container.part.state == .running, !container.isPaused else { return }
        let forget = ExecSpec(["/.brume/bin/sh", "-c", "/.brume/bin/busybox sync; echo 2 > /proc/sys/vm/drop_caches"])
        let session = try await exec(forget, in: container.workload, part: "machine")
        for try await _ in session.output {}
        _ = try await session.exitCode()
    }
}
