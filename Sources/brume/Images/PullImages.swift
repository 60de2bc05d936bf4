import ArgumentParser
import BrumeServer

struct PullImages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetches or makes images before they are asked for.",
        discussion: """
            Prints the engine's name of each image; progress goes to standard error.

            Example:
              brume images pull debian-12 sklearn
              brume images pull python:3.11-slim
            """
    )

    @OptionGroup var options: ImageOptions
    @Argument(help: "Names of the catalogue, or references as docker takes them.")
    var names: [String]

    func run() async throws {
        let images = try options.images()
        for name in names { print(try await images.pull(name, progress: ImageOptions.report)) }
    }
}
