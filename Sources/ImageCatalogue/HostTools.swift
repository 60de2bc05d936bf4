import Foundation
package import Workloads

/// Tools of the daemon's machine that containers share instead of holding a copy.
package enum HostTools: String, Sendable {
    /// The Google Cloud CLI: `gcloud`, `gsutil`, `bq`. It brings its own Python.
    case cloudSDK

    /// Where the tools are found inside containers.
    package var path: String {
        switch self {
        case .cloudSDK: "/usr/lib/google-cloud-sdk"
        }
    }

    /// What to put on `PATH`.
    package var programs: String { path + "/bin" }

    /// What to mount into containers; nil when this machine lacks the tools.
    package func mount(environment: [String: String] = ProcessInfo.processInfo.environment) -> Mount? {
        folder(environment: environment).map { Mount(.tools($0), at: path, isReadOnly: true) }
    }

    /// Finds the tools by the command on `PATH`; links are followed to the installation's own folder.
    private func folder(environment: [String: String]) -> String? {
        for place in (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":") {
            let command = URL(filePath: "\(place)/gcloud").resolvingSymlinksInPath()
            let root = command.deletingLastPathComponent().deletingLastPathComponent()
            let mark = root.appending(path: "lib/googlecloudsdk").path(percentEncoded: false)
            if FileManager.default.fileExists(atPath: mark) {
                return root.path(percentEncoded: false).trimmingSuffix("/")
            }
        }
        return nil
    }
}

extension String {
    func trimmingSuffix(_ suffix: Character) -> String {
        var text = self
        while text.count > 1, text.last == suffix { text.removeLast() }
        return text
    }
}
