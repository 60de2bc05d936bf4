import ArgumentParser
import BrumeServer

struct Coverage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints which methods of Google's APIs this Brume has (Markdown).",
        discussion: """
            Example:
              brume coverage > docs/coverage.md
            """
    )

    func run() async throws {
        print(try await CoveragePage.render())
    }
}
