import ArgumentParser
import Billing
import BrumeServer
import Foundation

struct ShowBill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bill",
        abstract: "Says what it would have cost at Google.",
        discussion: """
            By the month, with list prices of a date that it prints. Nothing is charged.

            Examples:
              brume bill
              brume bill --month 2026-10 --json
              brume bill --estimate n1-standard-8 --accelerator nvidia-tesla-t4 --hours 10 --region europe-west1
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Option(help: "The month, as YYYY-MM (default: this one).")
    var month: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @Option(help: "Instead: what a machine of this type would cost.")
    var estimate: String?
    @Option(help: "For an estimate: the region.")
    var region = "us-central1"
    @Option(help: "For an estimate: how long the machine runs.")
    var hours = 730.0
    @Option(help: "For an estimate: an accelerator, such as nvidia-tesla-t4.")
    var accelerator: String?
    @Option(help: "For an estimate: how many accelerators.")
    var acceleratorCount = 1
    @Flag(help: "For an estimate: a Spot machine.")
    var spot = false
    @Option(help: "For an estimate: the size of its disk, in GB.")
    var diskSize: Double?
    @Option(help: "For an estimate: the kind of its disk.")
    var diskType = "pd-balanced"

    func run() async throws {
        let bill = try await bill()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            print(String(decoding: try encoder.encode(bill), as: UTF8.self))
        } else {
            print(BillTable(bill).text)
        }
    }

    private func bill() async throws -> Bill {
        if let estimate {
            return try BillReader.estimate(
                machineType: estimate,
                region: region,
                hours: hours,
                accelerator: accelerator.map { Usage.Accelerator(type: $0, count: acceleratorCount) },
                isSpot: spot,
                disk: diskSize.map { (diskType, $0) }
            )
        }
        let now = Date()
        return try await BillReader(cloud.configuration().data).bill(monthOf: try moment(now), now: now)
    }

    private func moment(_ now: Date) throws -> Date {
        guard let month else { return now }
        let parts = month.split(separator: "-").map { Int($0) }
        guard parts.count == 2, let year = parts[0], let number = parts[1], (1...12).contains(number),
            let date = Bill.calendar.date(from: DateComponents(year: year, month: number))
        else { throw SettingError("--month: '\(month)' is no month: write it as 2026-11") }
        return date
    }
}

/// A bill as people read it.
private struct BillTable {
    private let bill: Bill

    init(_ bill: Bill) { self.bill = bill }

    var text: String {
        var rows = [["SERVICE", "RESOURCE", "ITEM", "AMOUNT", "USD"]]
        rows += bill.lines.map { line in
            [
                line.service, line.resource, line.item, Self.number(line.amount) + " " + line.unit,
                line.cost.map { (line.isEstimate ? "~" : "") + Self.number($0) } ?? "no price known",
            ]
        }
        rows.append(["", "", "", "TOTAL", Self.number(bill.total)])
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .replacing(/\ +$/, with: "")
        }
        return (lines + ["", note]).joined(separator: "\n")
    }

    private var note: String {
        "List prices of \(bill.prices); ~ is an estimate. Stored objects are counted as they are now. Nothing is charged."
    }

    private static func number(_ value: Double) -> String { String(format: "%.4f", value) }
}
