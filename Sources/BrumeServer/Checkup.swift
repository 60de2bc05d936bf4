import DockerEngine
import Foundation

/// The checks of `brume doctor`: what a machine needs for which part, and how to get it.
package struct Checkup: Sendable {
    package struct Check: Sendable {
        package var subject: String
        package var isGood: Bool
        /// Whether Brume cannot do without it.
        package var isNeeded: Bool
        package var finding: String
        package var remedy: String?

        package var mark: String { isGood ? "✓" : isNeeded ? "✗" : "–" }
    }

    private let configuration: CloudConfiguration

    package init(_ configuration: CloudConfiguration) { self.configuration = configuration }

    package func run() async -> [Check] {
        [dataFolder(), diskSpace(), port()] + (await engine()) + imageTools() + clients()
    }

    // MARK: The place

    private func dataFolder() -> Check {
        let path = configuration.data.path
        do {
            try configuration.data.create()
            return Check(subject: "data folder", isGood: true, isNeeded: true, finding: "'\(path)' can be written")
        } catch {
            return Check(
                subject: "data folder",
                isGood: false,
                isNeeded: true,
                finding: "'\(path)' cannot be written",
                remedy: "give another with --data DIR or BRUME_DATA"
            )
        }
    }

    /// Images of training jobs are of gigabytes each.
    private static let ampleGigabytes = 10.0

    private func diskSpace() -> Check {
        let path = configuration.data.path
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = attributes?[.systemFreeSize] as? NSNumber else {
            return Check(subject: "disk space", isGood: false, isNeeded: false, finding: "unknown for '\(path)'")
        }
        let gigabytes = free.doubleValue / 1e9
        let isAmple = gigabytes >= Self.ampleGigabytes
        return Check(
            subject: "disk space",
            isGood: isAmple,
            isNeeded: gigabytes < 1,
            finding: String(format: "%.1f GB free for '%@'", gigabytes, path),
            remedy: isAmple
                ? nil
                : "images need some \(Int(Self.ampleGigabytes)) GB: free some, or give another folder with --data DIR"
        )
    }

    private func port() -> Check {
        let check = { (isGood: Bool, finding: String, remedy: String?) in
            Check(subject: "port", isGood: isGood, isNeeded: true, finding: finding, remedy: remedy)
        }
        if let daemon = DaemonState.read(from: configuration.data) {
            return check(true, "\(daemon.port) is served by this cloud (pid \(daemon.pid))", nil)
        }
        let port = configuration.port
        switch LoopbackPort(port).state() {
        case .free: return check(true, "\(port) is free", nil)
        case .forbidden:
            return check(false, "\(port) is not for ordinary users", "give one above 1023 with --port N (BRUME_PORT)")
        case .taken(let user):
            return check(
                false,
                "\(port) is used by \(user ?? "another program")",
                "stop what uses it, or give another with --port N (BRUME_PORT)"
            )
        }
    }

    // MARK: The engine

    private func engine() async -> [Check] {
        switch configuration.engine {
        case .simulated:
            return [
                Check(
                    subject: "engine",
                    isGood: true,
                    isNeeded: false,
                    finding: "simulated: instances, builds and jobs are only played"
                )
            ]
        case .socket(let path): return await SocketCheck(path: path, cloud: configuration).run()
        case .managed:
            return EngineCheck.all().map { found in
                Check(
                    subject: "engine, \(found.name)",
                    isGood: found.isFine,
                    isNeeded: found.isNeeded,
                    finding: found.finding,
                    remedy: found.remedy
                )
            }
        }
    }

    // MARK: Programs

    private func imageTools() -> [Check] {
        guard configuration.engine != .simulated else { return [] }
        return [
            program("mmdebstrap", for: "making images", remedy: "apt-get install mmdebstrap"),
            program("patchelf", for: "ssh into instances", remedy: "apt-get install patchelf"),
            program("busybox", for: "ssh into instances", remedy: "apt-get install busybox-static"),
            program("sshd", for: "ssh into instances", remedy: "apt-get install openssh-server"),
        ]
    }

    private func clients() -> [Check] {
        let cloudSDK = "install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install"
        return [
            program("gcloud", for: "Google's commands", remedy: cloudSDK),
            program("gsutil", for: "Google's older storage commands", remedy: cloudSDK),
            program("git", for: "repositories and triggers", remedy: "apt-get install git"),
            program("docker", for: "pushing and pulling images yourself", remedy: "apt-get install docker.io"),
            program("dvc", for: "versions of data", remedy: "pip install 'dvc[gs]'"),
        ]
    }

    private func program(_ name: String, for purpose: String, remedy: String) -> Check {
        let found = Program.find(name) ?? Program.find(name, path: "/usr/sbin:/sbin")
        return Check(
            subject: name,
            isGood: found != nil,
            isNeeded: false,
            finding: found ?? "not found (for \(purpose))",
            remedy: found == nil ? remedy : nil
        )
    }
}

/// Programs of the machine.
package enum Program {
    /// Where a program is, by PATH.
    package static func find(
        _ name: String,
        path: String? = ProcessInfo.processInfo.environment["PATH"]
    ) -> String? {
        (path ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").split(separator: ":")
            .map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
