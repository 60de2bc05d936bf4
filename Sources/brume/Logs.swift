import ArgumentParser
import BrumeServer
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the daemon's log.",
        discussion: """
            Examples:
              brume logs
              brume logs -f
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Flag(name: [.short, .long], help: "Go on as lines come.")
    var follow = false

    func run() throws {
        let log = try cloud.configuration().data.log
        guard FileManager.default.fileExists(atPath: log) else {
            throw SettingError("there is no log at '\(log)': the cloud has not run in the background yet")
        }
        let arguments = ["tail", "-n", "+1"] + (follow ? ["-F"] : []) + [log]
        let argv = arguments.map { strdup($0) } + [nil]
        execvp("tail", argv)
        throw SettingError("cannot run 'tail': \(String(cString: strerror(errno)))")
    }
}
