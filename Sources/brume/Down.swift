import ArgumentParser
import BrumeServer
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops the cloud; everything is kept, and 'brume up' brings it back.",
        discussion: """
            Instances are shut down as at a machine's power-off and start again with the next 'brume up'.

            Example:
              brume down
            """
    )

    @OptionGroup var cloud: CloudOptions

    func run() throws {
        let data = try cloud.configuration().data
        guard let daemon = DaemonState.read(from: data) else {
            print("No cloud runs on '\(data.path)'.")
            return
        }
        guard kill(daemon.pid, SIGTERM) == 0 else {
            throw SettingError("cannot stop the daemon (pid \(daemon.pid)): \(String(cString: strerror(errno)))")
        }
        data.waitUntilFree()
        print("The cloud at port \(daemon.port) is down.")
    }
}
