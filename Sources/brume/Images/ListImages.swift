import ArgumentParser
import BrumeServer

struct ListImages: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the catalogue, and what the cloud's engine holds of it.",
        discussion: """
            Examples:
              brume images list
              brume images list --json
            """
    )

    @OptionGroup var options: ImageOptions
    @Flag(help: "Print one JSON array.")
    var json = false

    func run() async throws {
        let images = try options.images()
        print(json ? try await images.json() : try await images.table())
    }
}
