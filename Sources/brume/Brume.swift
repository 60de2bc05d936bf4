import ArgumentParser
import BrumeServer
import Foundation

@main
struct Brume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "brume",
        abstract: "The Google Cloud that machine-learning people use, on your own machine.",
        discussion: """
            Start the cloud, turn the shell to it, and use Google's own commands:

              brume up
              eval "$(brume env)"
              gcloud compute instances list
            """,
        version: Daemon.version,
        subcommands: [
            Up.self, Down.self, Status.self, Logs.self, Doctor.self, Reset.self, Env.self, Run.self, Images.self,
            ShowBill.self, Demo.self, Coverage.self,
        ]
    )
}

/// Which cloud a command means.
struct CloudOptions: ParsableArguments {
    @Option(help: "The cloud's folder (default: BRUME_DATA, else ~/.local/share/brume).")
    var data: String?

    /// The configuration of a cloud that need not run.
    func configuration(
        port: Int? = nil,
        isOpen: Bool = false,
        hasTestFaults: Bool = false,
        simulatesAccelerators: Bool = false,
        keptFreeMiB: Int = CloudConfiguration.defaultKeptFreeMiB
    ) throws -> CloudConfiguration {
        try CloudConfiguration(
            port: port,
            data: data,
            isOpen: isOpen,
            hasTestFaults: hasTestFaults,
            simulatesAccelerators: simulatesAccelerators,
            keptFreeMiB: keptFreeMiB
        )
    }

    /// The folder and the daemon that runs on it.
    ///
    /// - Throws: ``SettingError`` when none runs.
    func runningCloud() throws -> (data: DataFolder, daemon: DaemonState) {
        let data = try configuration().data
        guard let daemon = DaemonState.read(from: data) else {
            throw SettingError("no cloud runs on '\(data.path)': start it with 'brume up'")
        }
        data.waitForClients()
        return (data, daemon)
    }
}
