import Foundation
import HostPrograms
package import Workloads

/// Where recipes are carried out.
package protocol Workshop: Sendable {
    /// The text of a recipe's Dockerfile.
    func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String

    /// Makes what a recipe adds to its parents' file systems, or finds it made.
    ///
    /// - Returns: A tar file; nil when the recipe adds nothing.
    /// - Throws: ``WorkshopError``.
    func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        parents: [String],
        progress: @escaping ProgressReport
    ) async throws -> String?

    /// Removes what was made, so that it is made anew.
    func forget(name: String, version: String) async throws
}

/// Why a recipe cannot be carried out, and what to do.
package enum WorkshopError: Error, CustomStringConvertible {
    case toolMissing(String, remedy: String)
    case failed(String, output: String)

    package var description: String {
        switch self {
        case .toolMissing(let tool, let remedy): "'\(tool)' is not installed on this machine: \(remedy)"
        case .failed(let recipe, let output): "the recipe '\(recipe)' failed:\n\(output)"
        }
    }
}

/// Carries recipes out on the daemon's machine, with its own mirrors, proxies and certificates.
///
/// What they make is kept in a folder outside the data folder: a second cloud need not make it again.
struct HostWorkshop: Workshop {
    var cacheFolder: String
    var environment: [String: String] = ProcessInfo.processInfo.environment

    func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String {
        try String(contentsOfFile: folder(of: recipe) + "/Dockerfile", encoding: .utf8)
    }

    func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        parents: [String],
        progress: @escaping ProgressReport
    ) async throws -> String? {
        let folder = folder(of: recipe)
        let parts = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
        guard !parts.isDisjoint(with: ["packages", "requirements", "setup.sh", "fetch.sh", "make.sh"]) else {
            return nil
        }
        let made = path(name: name, version: version)
        if FileManager.default.fileExists(atPath: made) { return made }

        try FileManager.default.createDirectory(atPath: cacheFolder, withIntermediateDirectories: true)
        let script: [String]
        switch recipe.kind {
        case .files:
            script = [folder + "/make.sh", made]
        case .root:
            try requireDebianTools()
            script = [recipes + "/shared/make-base.sh", folder, try sources(), made]
        case .layer:
            try requireDebianTools()
            script = [recipes + "/shared/make-layer.sh", folder, try sources(), made] + parents
        }
        let report = try await HostProgram("/bin/sh", script, environment: scriptEnvironment).run(line: progress)
        guard report.status == 0 else { throw WorkshopError.failed(name, output: report.output) }
        return made
    }

    func forget(name: String, version: String) throws {
        let made = path(name: name, version: version)
        if FileManager.default.fileExists(atPath: made) { try FileManager.default.removeItem(atPath: made) }
    }

    private var recipes: String { Bundle.module.bundleURL.appending(path: "Recipes").path(percentEncoded: false) }

    private func folder(of recipe: CatalogueEntry.Recipe) -> String { recipes + "/" + recipe.folder }

    private func path(name: String, version: String) -> String { "\(cacheFolder)/\(name)-\(version).tar" }

    /// Programs of the system are looked for where a daemon's short PATH may not lead.
    private var scriptEnvironment: [String: String] {
        var environment = environment
        environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
        environment["DEBIAN_FRONTEND"] = "noninteractive"
        environment["LC_ALL"] = "C.UTF-8"
        return environment
    }

    /// The mirrors in a file whose name does not change: it is the name of the list inside the images.
    private func sources() throws -> String {
        let file = cacheFolder + "/bookworm.sources"
        try HostSources.debian().write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    private func requireDebianTools() throws {
        for place in (scriptEnvironment["PATH"] ?? "").split(separator: ":")
        where FileManager.default.isExecutableFile(atPath: "\(place)/mmdebstrap") { return }
        throw WorkshopError.toolMissing(
            "mmdebstrap",
            remedy: "it makes Debian images without a registry; `sudo apt-get install mmdebstrap`, then try again."
        )
    }
}
