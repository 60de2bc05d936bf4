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
        [dataFolder()] + engine() + [gcloud()]
    }

    /// What instances, builds and jobs need; object storage and the registry work without.
    private func engine() -> [Check] {
        switch configuration.engine {
        case .simulated: []
        case .managed:
            EngineCheck.all().map { check in
                Check(
                    subject: "engine, \(check.name)",
                    isGood: check.isFine,
                    isNeeded: true,
                    finding: check.finding,
                    remedy: check.remedy
                )
            }
        case .socket(let path): [socket(path)]
        }
    }

    private func socket(_ path: String) -> Check {
        let isThere = FileManager.default.fileExists(atPath: path)
        let mayUse = FileManager.default.isWritableFile(atPath: path)
        return Check(
            subject: "engine",
            isGood: mayUse,
            isNeeded: true,
            finding: "'\(path)' " + (mayUse ? "can be used" : isThere ? "may not be used" : "is not there"),
            remedy: mayUse
                ? nil
                : isThere
                    ? "join the group that owns the socket: usermod -aG docker USER, then sign in again"
                    : "start the Docker Engine, or let Brume start one: unset BRUME_ENGINE"
        )
    }

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

    private func gcloud() -> Check {
        let found = Program.find("gcloud")
        return Check(
            subject: "gcloud",
            isGood: found != nil,
            isNeeded: false,
            finding: found.map { "found at \($0)" } ?? "not found",
            remedy: found == nil
                ? "install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install" : nil
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
