import ArgumentParser
import BrumeServer
import Foundation
import Logging

struct Images: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The images that instances, builds and jobs are made of.",
        subcommands: [ListImages.self, PullImages.self, BuildImages.self]
    )
}

/// Which cloud's images a command means, and how it tells what it does.
struct ImageOptions: ParsableArguments {
    @OptionGroup var cloud: CloudOptions

    func images() throws -> BrumeServer.Images {
        var logger = Logger(label: "brume", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .warning
        return try BrumeServer.Images(try cloud.configuration(), logger: logger)
    }

    /// Progress is not the result: it goes to standard error.
    @Sendable static func report(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
