import ArgumentParser
import BrumeServer

struct BuildImages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Makes images of the catalogue anew, from today's packages.",
        discussion: """
            Prints the engine's name of each image; progress goes to standard error.

            Example:
              brume images build debian-12
            """
    )

    @OptionGroup var options: ImageOptions
    @Argument(help: "Names of the catalogue: see 'brume images list'.")
    var names: [String]

    func run() async throws {
        let images = try options.images()
        for name in names { print(try await images.build(name, progress: ImageOptions.report)) }
    }
}
