import ArgumentParser
import BrumeServer
import Foundation

struct Reset: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Deletes the cloud with everything in it.",
        discussion: """
            Example:
              brume down && brume reset --yes
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Flag(help: "Do not ask.")
    var yes = false

    func run() throws {
        let data = try cloud.configuration().data
        guard DaemonState.read(from: data) == nil, !data.isTaken else {
            throw SettingError("the cloud on '\(data.path)' runs: stop it with 'brume down' first")
        }
        guard data.isCloud else {
            throw SettingError("'\(data.path)' holds no cloud of Brume's: nothing was deleted")
        }
        if !yes {
            print("Delete the cloud on '\(data.path)' with all its data? [y/N] ", terminator: "")
            guard readLine()?.lowercased() == "y" else { return print("Nothing was deleted.") }
        }
        try data.delete()
        print("The cloud on '\(data.path)' is deleted.")
    }
}
