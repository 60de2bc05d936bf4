import Foundation
import HostPrograms

/// One thing that the engine needs of the machine, and what to do when it is missing.
package struct EngineCheck: Sendable, Equatable {
    package var name: String
    package var isFine: Bool
    /// What was found.
    package var finding: String
    /// What to do; nil when all is well.
    package var remedy: String?
    /// Whether no engine starts without it.
    package var isNeeded = true

    /// Looks at this machine.
    package static func all() -> [EngineCheck] {
        let isRoot = geteuid() == 0
        func program(_ name: String, _ package: String) -> EngineCheck {
            let path = HostProgram.find(name)
            return EngineCheck(
                name: name,
                isFine: path != nil,
                finding: path ?? "not installed",
                remedy: path == nil ? "apt-get install \(package)" : nil
            )
        }
        func read(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        let hasOverlay = read("/proc/filesystems").contains("overlay")
        let hasGroups = FileManager.default.fileExists(atPath: "/sys/fs/cgroup")
        let watches = Int(
            read("/proc/sys/fs/inotify/max_user_instances").trimmingCharacters(in: .whitespacesAndNewlines)
        )
        let mayWatch = isRoot || (watches ?? 0) >= 8192
        return [
            EngineCheck(
                name: "root",
                isFine: isRoot,
                finding: isRoot ? "yes" : "user \(geteuid())",
                remedy: isRoot ? nil : "Run as root, or set BRUME_ENGINE=unix:///var/run/docker.sock"
            ),
            program("dockerd", "docker.io"), program("containerd", "containerd"), program("runc", "runc"),
            program("iptables", "iptables"), program("ip", "iproute2"),
            EngineCheck(
                name: "overlayfs",
                isFine: hasOverlay,
                finding: hasOverlay ? "yes" : "not known to the kernel",
                remedy: hasOverlay ? nil : "modprobe overlay"
            ),
            EngineCheck(
                name: "cgroups",
                isFine: hasGroups,
                finding: hasGroups ? "yes" : "not mounted",
                remedy: hasGroups ? nil : "Mount them: mount -t cgroup2 none /sys/fs/cgroup"
            ),
            EngineCheck(
                name: "inotify instances",
                isFine: mayWatch,
                finding: watches.map(String.init) ?? "unknown",
                remedy: mayWatch ? nil : "sysctl fs.inotify.max_user_instances=8192",
                isNeeded: false
            ),
        ]
    }
}
