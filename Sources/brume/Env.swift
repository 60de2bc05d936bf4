import ArgumentParser
import BrumeServer
import Foundation

struct Env: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what turns a shell to this cloud, or back.",
        discussion: """
            Examples:
              eval "$(brume env)"
              eval "$(brume env --off)"
              brume env --shell fish | source
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Flag(help: "Turn back to Google's cloud.")
    var off = false
    @Option(help: "bash, zsh, fish or json.")
    var shell: EnvironmentSwitch.Shell = .bash

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        if off {
            print(EnvironmentSwitch.off(shell: shell, environment: environment))
        } else {
            let (data, daemon) = try cloud.runningCloud()
            print(try EnvironmentSwitch(data: data, daemon: daemon).on(shell: shell, environment: environment))
        }
    }
}

extension EnvironmentSwitch.Shell: ExpressibleByArgument {}
