package import Foundation

/// What a month's use would have cost at Google, by service and resource.
package struct Bill: Sendable, Codable {
    package struct Line: Sendable, Codable, Equatable {
        package var project: String
        package var service: String
        package var resource: String
        package var item: String
        /// How much of the item: hours, GB-months, minutes.
        package var amount: Double
        package var unit: String
        /// US dollars, before discounts and what is free; nil: no price is known.
        package var listCost: Double?
        /// US dollars; nil: no price is known.
        package var cost: Double?
        /// Whether the price is not Google's own for just this.
        package var isEstimate: Bool
    }

    package var from: Date
    package var to: Date
    package var lines: [Line]
    /// The date of the prices.
    package var prices = PriceList.date

    /// US dollars.
    package var total: Double { lines.reduce(0) { $0 + ($1.cost ?? 0) } }

    /// Adds up what was used between two moments.
    ///
    /// - Parameters:
    ///   - from: The beginning of a calendar month: discounts and what is free are counted by the month.
    ///   - to: The end of what is billed; what goes on is billed until then.
    package init(of usage: [Usage], from: Date, to: Date, calendar: Calendar = Bill.calendar) {
        let month = calendar.dateInterval(of: .month, for: from)?.duration
        self.init(of: usage, from: from, to: to, monthHours: month.map { $0 / 3600 } ?? PriceList.hoursOfMonth)
    }

    init(of usage: [Usage], from: Date, to: Date, monthHours: Double) {
        self.from = from
        self.to = to
        var meter = Meter(monthHours: monthHours)
        for use in usage {
            let start = max(use.start, from)
            let end = min(use.end ?? to, to)
            guard end > start || (end == start && use.end != nil && use.start >= from) else { continue }
            meter.add(use, seconds: end.timeIntervalSince(start))
        }
        lines = meter.lines()
    }

    package static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()
}
