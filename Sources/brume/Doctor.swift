import ArgumentParser
import BrumeServer

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the machine, and says how to mend what is missing.",
        discussion: """
            Exits with 1 when something that Brume needs is missing.

            Example:
              brume doctor
            """
    )

    @OptionGroup var cloud: CloudOptions

    func run() async throws {
        let checks = await Checkup(try cloud.configuration()).run()
        for check in checks {
            print("\(check.mark) \(check.subject): \(check.finding)")
            if let remedy = check.remedy { print("    → \(remedy)") }
        }
        if checks.contains(where: { $0.isNeeded && !$0.isGood }) { throw ExitCode(1) }
    }
}
