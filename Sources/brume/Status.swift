import ArgumentParser
import BrumeServer
import Foundation

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says whether the cloud runs, and where.",
        discussion: """
            Exits with 0 when it runs, 1 when it does not.

            Examples:
              brume status
              brume status --json
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Report: Encodable {
        var running: Bool
        var data: String
        var port: Int?
        var pid: Int32?
        var version: String?
        var startTime: Date?
        var endpoint: String?
    }

    func run() throws {
        let data = try cloud.configuration().data
        let daemon = DaemonState.read(from: data)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            let report = Report(
                running: daemon != nil,
                data: data.path,
                port: daemon?.port,
                pid: daemon?.pid,
                version: daemon?.version,
                startTime: daemon?.startTime,
                endpoint: daemon.map { "http://127.0.0.1:\($0.port)" }
            )
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else if let daemon {
            print(
                "Brume \(daemon.version) serves at http://127.0.0.1:\(daemon.port)  (pid \(daemon.pid), data: \(data.path))"
            )
        } else {
            print("No cloud runs on '\(data.path)': start it with 'brume up'.")
        }
        if daemon == nil { throw ExitCode(1) }
    }
}
