import ArgumentParser
import BrumeServer

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the machine, and says how to mend what is missing.",
        discussion: """
            Exits with 1 when something that Brume needs is missing.

            Example:
              brume doctor
              brume doctor --scrub
            """
    )

    @Flag(help: "Read everything that is stored, and tell what the disk has damaged.")
    var scrub = false

    @OptionGroup var cloud: CloudOptions

    func run() async throws {
        if scrub { return try await readEverything() }
        let checks = await Checkup(try cloud.configuration()).run()
        for check in checks {
            print("\(check.mark) \(check.subject): \(check.finding)")
            if let remedy = check.remedy { print("    → \(remedy)") }
        }
        if checks.contains(where: { $0.isNeeded && !$0.isGood }) { throw ExitCode(1) }
    }
    private func readEverything() async throws {
        var damaged = 0
        let read = try await Scrub(try cloud.configuration().data).run { damage in
            damaged += 1
            print("✗ \(damage)")
        }
        print("\(damaged == 0 ? "✓" : "✗") blobs: \(read) read, \(damaged) damaged")
        guard damaged > 0 else { return }
        print("    → delete and store again what is damaged, or restore the data folder from a copy")
        throw ExitCode(1)
    }
}
