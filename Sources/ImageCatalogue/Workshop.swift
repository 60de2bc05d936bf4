import Foundation
import HostPrograms
package import Workloads

/// Where recipes are carried out.
package protocol Workshop: Sendable {
    /// The text of a recipe's Dockerfile.
    func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String

    /// Makes what a recipe adds to its parents' file systems, or finds it made.
    ///
    /// - Parameter distribution: Whose packages it is made of; nil for files of this machine.
    /// - Returns: A tar file; nil when the recipe adds nothing.
    /// - Throws: ``WorkshopError``.
    func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        distribution: Distribution?,
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
    case archiveUnreachable(Distribution.Archive, address: String, reason: String)

    package var description: String {
        switch self {
        case .toolMissing(let tool, let remedy): "'\(tool)' is not installed on this machine: \(remedy)"
        case .failed(let recipe, let output): "the recipe '\(recipe)' failed:\n\(output)"
        case .archiveUnreachable(let archive, let address, let reason):
            "its packages cannot be fetched from this machine: \(address): \(reason). Start the cloud anew with a mirror "
                + "that it reaches, in \(archive.mirrorVariable), or use the image family debian-12 of debian-cloud."
        }
    }
}

/// Carries recipes out on the daemon's machine, with its own mirrors, proxies and certificates.
///
/// What they make is kept in a folder outside the data folder: a second cloud need not make it again.
package struct HostWorkshop: Workshop {
    private let cacheFolder: String
    private let environment: [String: String]

    package init(cacheFolder: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.cacheFolder = cacheFolder
        self.environment = environment
    }

    package func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String {
        try String(contentsOfFile: folder(of: recipe) + "/Dockerfile", encoding: .utf8)
    }

    package func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        distribution: Distribution?,
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
        case .files: script = [folder + "/make.sh", made]
        case .root(let distribution):
            let sources = try await sources(of: distribution)
            script = [recipes + "/shared/make-base.sh", folder, distribution.suite, sources, made]
        case .layer:
            guard let distribution else { throw WorkshopError.failed(name, output: "it stands on no distribution") }
            let sources = try await sources(of: distribution)
            script = [recipes + "/shared/make-layer.sh", folder, distribution.suite, sources, made] + parents
        }
        let report = try await HostProgram("/bin/sh", script, environment: scriptEnvironment).run(line: progress)
        guard report.status == 0 else { throw WorkshopError.failed(name, output: report.output) }
        return made
    }

    package func forget(name: String, version: String) throws {
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
    private func sources(of distribution: Distribution) async throws -> String {
        try requireDebianTools()
        let sources = try HostSources.choose(for: distribution, environment: environment)
        if let archive = distribution.archive, let release = sources.release {
            try await requireFile(at: release, of: archive)
        }
        let file = "\(cacheFolder)/\(distribution.suite).sources"
        try sources.text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// Fetches a file as apt does, with its proxies and certificates, but once and not for long: a whole run of apt
    /// tries each of an archive's addresses for half a minute.
    private func requireFile(at address: String, of archive: Distribution.Archive) async throws {
        let copy = "\(cacheFolder)/\(UUID().uuidString).release"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let options = ["Acquire::Retries=0", "Acquire::http::Timeout=5", "Acquire::https::Timeout=5"]
        let report = try await HostProgram(
            "/usr/bin/timeout",
            ["15", "/usr/lib/apt/apt-helper"] + options.flatMap { ["-o", $0] } + ["download-file", address, copy],
            environment: scriptEnvironment
        ).run(line: { _ in })
        guard report.status != 0 else { return }
        // `E: Failed to fetch ADDRESS  REASON`
        let mark = "E: Failed to fetch "
        let failure = report.output.split(separator: "\n").first { $0.hasPrefix(mark) }?
            .dropFirst(mark.count).drop { $0 != " " }.trimmingCharacters(in: .whitespaces)
        throw WorkshopError.archiveUnreachable(
            archive,
            address: address.withoutPassword,
            reason: report.status == 124 ? "no answer within 15 seconds" : failure ?? report.output
        )
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
