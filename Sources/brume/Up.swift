import ArgumentParser
import BrumeServer
import Foundation
import Logging

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts the cloud and returns when it serves.",
        discussion: """
            Examples:
              brume up
              brume up --port 4700 --data /srv/lab-cloud      a second cloud beside the first
              brume up --foreground                           stays in the terminal; Ctrl-C stops it
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Option(help: "The port on loopback (default: BRUME_PORT, else 4600).")
    var port: Int?
    @Flag(help: "Stay in the foreground and log to standard error.")
    var foreground = false
    @Flag(help: "Accept callers without credentials as the owner. For tests.")
    var open = false
    @Flag(help: "Let tests of storage clients ask for faults, at /retry_test. For tests.")
    var testFaults = false
    @Flag(help: "Run instances and jobs without the GPUs that they ask for. Each is labelled, and says so in its log.")
    var simulateAccelerators = false
    @Flag(help: "Start no machine ahead of the next instance: it saves 20 MiB, and the next instance takes longer.")
    var noSpareMachines = false
    @Option(help: "MiB of the disk that builds and jobs leave free; the largest are ended when less is left.")
    var keepFree = CloudConfiguration.defaultKeptFreeMiB

    func run() async throws {
        var configuration = try cloud.configuration(
            port: port,
            isOpen: open,
            hasTestFaults: testFaults,
            simulatesAccelerators: simulateAccelerators,
            keptFreeMiB: keepFree
        )
        if noSpareMachines { configuration.keepsSpareMachines = false }
        if foreground {
            try await serve(configuration)
        } else {
            try startInBackground(configuration)
        }
    }

    private func serve(_ configuration: CloudConfiguration) async throws {
        LoggingSystem.bootstrap { label in
            let level = ProcessInfo.processInfo.environment["BRUME_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .info
            return DaemonLog(label: label, level: level)
        }
        let starter = Starter.fromEnvironment()
        do {
            try await Daemon(configuration, logger: Logger(label: "brume")).run(onReady: { starter?.report("ready") })
        } catch {
            starter?.report("\(error)")
            throw error
        }
    }

    private func startInBackground(_ configuration: CloudConfiguration) throws {
        if let daemon = DaemonState.read(from: configuration.data) {
            guard port == nil || port == daemon.port else {
                throw SettingError(
                    "port: the cloud on '\(configuration.data.path)' already runs at \(daemon.port): 'brume down' first"
                )
            }
            print("The cloud already runs at http://127.0.0.1:\(daemon.port).")
            return printSwitch()
        }
        try configuration.data.create()
        let answer = try Starter.spawn(
            arguments: ["up", "--foreground", "--data", configuration.data.path, "--port", String(configuration.port)]
                + (open ? ["--open"] : []) + (testFaults ? ["--test-faults"] : [])
                + (simulateAccelerators ? ["--simulate-accelerators"] : [])
                + (noSpareMachines ? ["--no-spare-machines"] : []) + ["--keep-free", String(keepFree)],
            log: configuration.data.log
        )
        guard answer == "ready" else {
            throw SettingError(answer.isEmpty ? "the daemon ended at once: see '\(configuration.data.log)'" : answer)
        }
        print("Brume serves at http://127.0.0.1:\(configuration.port)  (data: \(configuration.data.path))")
        printSwitch()
    }

    private func printSwitch() {
        print(
            """

            Turn this shell to it:   eval "$(brume env)"
            Turn it back:            eval "$(brume env --off)"
            """
        )
    }
}
