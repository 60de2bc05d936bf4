import APIServer
import Foundation
import Logging

/// The page that says which methods Brume has, printed from the method tables themselves.
package enum CoveragePage {
    /// Markdown: one section an API, one line a method.
    package static func render() async throws -> String {
        let folder = URL.temporaryDirectory.appending(path: "brume-coverage-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let configuration = try CloudConfiguration(
            data: folder.path,
            environment: ["BRUME_ENGINE": "simulated"]
        )
        try configuration.data.create()
        let cloud = try await Cloud(
            configuration,
            logger: Logger(label: "coverage", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        var lines = ["# What works", "", "Printed by `brume coverage` from the method tables: do not edit.", ""]
        for (api, methods) in cloud.methods where !methods.isEmpty {
            let served = methods.filter(\.isImplemented)
            lines += ["## \(api): \(served.count) of \(methods.count) methods", "", "| method | | |", "|---|---|---|"]
            for method in methods {
                let answer = method.isImplemented ? "yes" : "501"
                lines.append("| `\(method.id)` | \(answer) | `\(method.verb) \(method.path)` |")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}
