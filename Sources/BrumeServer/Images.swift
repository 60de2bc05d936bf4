import DockerEngine
import Foundation
import ImageCatalogue
package import Logging
package import Workloads

/// What `brume images` does: the catalogue's images in a cloud's engine.
package struct Images: Sendable {
    private let catalogue: ImageCatalogue

    /// Opens the catalogue on the engine of the cloud that runs, else on the engine that the configuration names.
    ///
    /// - Throws: ``SettingError`` when there is no engine that holds images.
    package init(_ configuration: CloudConfiguration, logger: Logger) throws {
        let socket = try Self.socket(of: configuration)
        // What is made carries the mark of the cloud that it is made for.
        let cloud = configuration.data.isCloud ? try ChosenEngine.cloudID(in: configuration.data) : "images"
        catalogue = ImageCatalogue(
            engine: DockerEngine(socket: socket, cloud: cloud, logger: logger),
            logger: logger
        )
    }

    /// Where the engine is that holds the cloud's images.
    ///
    /// - Throws: ``SettingError`` when there is none.
    package static func socket(of configuration: CloudConfiguration) throws -> String {
        if let daemon = DaemonState.read(from: configuration.data) {
            guard let socket = daemon.engineSocket else {
                throw SettingError(
                    "images: the cloud on '\(configuration.data.path)' has a simulated engine, without images"
                )
            }
            return socket
        }
        switch configuration.engine {
        case .socket(let path): return path
        case .managed: throw SettingError("no cloud runs on '\(configuration.data.path)': start it with 'brume up'")
        case .simulated:
            throw SettingError("BRUME_ENGINE: the simulated engine has no images: give 'managed' or a socket")
        }
    }

    /// The catalogue and what the engine holds of it, as a table for people.
    package func table() async throws -> String {
        let rows = try await catalogue.inventory().map { row in
            let size = row.isPresent ? Self.megabytes(row.sizeBytes ?? 0) : "not made"
            return [row.name, size, (row.families + row.references).first ?? "", row.summary]
        }
        return TextTable(header: ["NAME", "SIZE", "ASKED FOR AS", "WHAT IT IS"], rows: rows).text
    }

    /// The same as one JSON array.
    package func json() async throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(try await catalogue.inventory()), as: UTF8.self)
    }

    /// Sees to it that the engine holds an image: one of the catalogue by its name, or any by its reference.
    ///
    /// - Returns: The reference under which the engine has it.
    package func pull(_ name: String, progress: @escaping ProgressReport) async throws -> String {
        if let entry = catalogue.entry(named: name) {
            return try await catalogue.ensure(entry, progress: progress).text
        }
        return try await catalogue.ensure(ImageReference(name), progress: progress).text
    }

    /// Makes an image of the catalogue anew, from today's packages.
    ///
    /// - Returns: The reference under which the engine has it.
    /// - Throws: ``SettingError`` for a name that is not the catalogue's.
    package func build(_ name: String, progress: @escaping ProgressReport) async throws -> String {
        guard let entry = catalogue.entry(named: name) ?? catalogue.entry(for: ImageReference(name)) else {
            throw SettingError(
                "images: '\(name)' is none of the catalogue: 'brume images list' shows what can be built"
            )
        }
        return try await catalogue.rebuild(entry, progress: progress).text
    }

    private static func megabytes(_ bytes: Int64) -> String { "\((bytes + 500_000) / 1_000_000) MB" }
}

/// Columns as wide as their widest cell.
struct TextTable {
    var header: [String]
    var rows: [[String]]

    var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = zip(row, widths).map { cell, width in cell.padding(toLength: width, withPad: " ", startingAt: 0)
            }
            return cells.joined(separator: "  ").replacing(/\ +$/, with: "")
        }.joined(separator: "\n")
    }
}
