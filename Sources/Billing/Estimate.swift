package import Foundation

/// What a configuration would cost, by idealized months of 730 hours as Google's estimates have them.
package enum Estimate {
    /// How long an estimate may be for: an hour to ten years.
    package static let hours = 1.0...87600.0
    /// Of a month.
    package static let monthHours = PriceList.hoursOfMonth

    /// What is there all the time, under a name.
    package struct Part: Sendable {
        package var name: String
        package var region: String
        package var kind: Usage.Kind

        package init(_ name: String, in region: String, _ kind: Usage.Kind) {
            self.name = name
            self.region = region
            self.kind = kind
        }
    }

    /// A bill for each month that is begun: discounts begin anew with it.
    ///
    /// - Parameter hours: In ``hours``.
    package static func months(of parts: [Part], hours: Double) -> [Bill] {
        (0..<max(1, Int((hours / monthHours).rounded(.up)))).map { index in
            let begun = Double(index) * monthHours
            let start = Date(timeIntervalSince1970: begun * 3600)
            let end = start.addingTimeInterval(min(monthHours, hours - begun) * 3600)
            let usage = parts.map { part in
                Usage(project: "", resource: part.name, region: part.region, kind: part.kind, start: start, end: end)
            }
            return Bill(of: usage, from: start, to: end, monthHours: monthHours)
        }
    }

    /// One bill over all months.
    package static func bill(of parts: [Part], hours: Double) -> Bill {
        let months = months(of: parts, hours: hours)
        var bill = months[0]
        for month in months.dropFirst() {
            bill.to = month.to
            // The same parts have the same lines in each month.
            for (index, line) in month.lines.enumerated() {
                bill.lines[index].amount += line.amount
                bill.lines[index].listCost = Self.sum(bill.lines[index].listCost, line.listCost)
                bill.lines[index].cost = Self.sum(bill.lines[index].cost, line.cost)
            }
        }
        return bill
    }

    private static func sum(_ one: Double?, _ other: Double?) -> Double? {
        guard let one, let other else { return nil }
        return one + other
    }
}
