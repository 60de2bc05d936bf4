import ArgumentParser
import BrumeServer
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs one command in the cloud's surroundings.",
        discussion: """
            Example:
              brume run -- gcloud storage ls
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Argument(parsing: .postTerminator, help: "The command and its arguments, after '--'.")
    var command: [String] = []

    func run() throws {
        guard let program = command.first else {
            throw ValidationError("give a command after '--': brume run -- gcloud storage ls")
        }
        let (data, daemon) = try cloud.runningCloud()
        let environment = try EnvironmentSwitch(data: data, daemon: daemon)
            .applied(to: ProcessInfo.processInfo.environment)
        for (name, value) in environment { setenv(name, value, 1) }
        let argv = command.map { strdup($0) } + [nil]
        execvp(program, argv)
        throw SettingError("cannot run '\(program)': \(String(cString: strerror(errno)))")
    }
}
