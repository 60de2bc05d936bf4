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
        for (api, methods) in onePerName(cloud.methods) where !methods.isEmpty {
            let served = methods.filter(\.isImplemented)
            lines += ["## \(api): \(served.count) of \(methods.count) methods", "", "| method | | |", "|---|---|---|"]
            for method in methods {
                let answer = method.isImplemented ? "yes" : "501"
                lines.append("| `\(method.id)` | \(answer) | `\(method.verb) \(method.path)` |")
            }
            lines.append("")
        }
        return lines.dropLast().joined(separator: "\n")
    }

    /// An API that answers at several hosts is several tables with the same methods: one section.
    private static func onePerName(
        _ tables: [(api: String, methods: [MethodDescription])]
    ) -> [(api: String, methods: [MethodDescription])] {
        var sections: [(api: String, methods: [MethodDescription])] = []
        var seen: Set<[String]> = []
        for (api, methods) in tables {
            let new = methods.filter { seen.insert([api, $0.id, "\($0.verb)", $0.path]).inserted }
            if let index = sections.firstIndex(where: { $0.api == api }) {
                sections[index].methods += new
            } else {
                sections.append((api, new))
            }
        }
        return sections
    }
}
