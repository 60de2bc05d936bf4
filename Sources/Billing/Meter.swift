/// Adds up lines: what one resource used of one item.
struct Meter {
    private struct Item: Hashable {
        var project: String
        var service: String
        var resource: String
        var name: String
        var unit: String
    }

    private struct Sum {
        var amount = 0.0
        var rate: Double?
        var isEstimate: Bool
        /// Whether the price falls with the part of the month that each one is used.
        var hasSustainedUse = false
        var count = 1
        /// What of the amount costs nothing in a month, in this project.
        var isFreeAtFirst = false
    }

    let monthHours: Double
    private var sums: [Item: Sum] = [:]
    private var order: [Item] = []

    init(monthHours: Double) { self.monthHours = monthHours }

    mutating func add(_ use: Usage, seconds: Double) {
        let (region, isOwn) = PriceList.Region.standing(for: use.region)
        switch use.kind {
        case .machine(let machine):
            // A minute at the least, then by the second.
            let hours = max(seconds, 60) / 3600
            addMachine(machine, hours: hours, use, "Compute Engine", region, isEstimate: !isOwn)
        case .training(let replicas):
            for replica in replicas {
                let machine = replica.machine
                addMachine(
                    machine,
                    hours: seconds / 3600 * Double(replica.count),
                    use,
                    "Vertex AI",
                    region,
                    factor: PriceList.trainingFactor,
                    isEstimate: !isOwn || machine.type != "n1-standard-4" || !machine.accelerators.isEmpty
                )
            }
        case .disk(let type, let gigabytes):
            add(
                use,
                "Compute Engine",
                type,
                gigabytes * seconds / 3600 / PriceList.hoursOfMonth,
                "GB-months",
                Sum(rate: PriceList.disk(type), isEstimate: !isOwn)
            )
        case .idleAddress:
            let sum = Sum(rate: PriceList.externalAddress, isEstimate: true)
            add(use, "Compute Engine", "reserved IPv4", seconds / 3600, "hours", sum)
        case .snapshot(let item, let bytes):
            add(
                use,
                "Compute Engine",
                item,
                bytes / Double(1 << 30) * seconds / 3600 / PriceList.hoursOfMonth,
                "GB-months",
                Sum(rate: PriceList.snapshot, isEstimate: !isOwn || item != "snapshot")
            )
        case .storage(let storageClass, let location, let bytes):
            add(
                use,
                "Cloud Storage",
                storageClass,
                bytes / Double(1 << 30) * seconds / 3600 / PriceList.hoursOfMonth,
                "GB-months",
                Sum(rate: PriceList.storage(storageClass, location: location), isEstimate: !isOwn)
            )
        case .build(let machine):
            var sum = Sum(rate: PriceList.build(machine), isEstimate: false)
            sum.isFreeAtFirst = ["UNSPECIFIED", "E2_STANDARD_2"].contains(machine)
            add(use, "Cloud Build", machine == "UNSPECIFIED" ? "E2_STANDARD_2" : machine, seconds / 60, "minutes", sum)
        }
    }

    private mutating func addMachine(
        _ machine: Usage.Machine,
        hours: Double,
        _ use: Usage,
        _ service: String,
        _ region: PriceList.Region,
        factor: Double = 1,
        isEstimate: Bool
    ) {
        let family = String(machine.type.prefix { $0 != "-" }.lowercased())
        let rate = PriceList.machineRate(family: family == "custom" ? "n1" : family, region)
        var sum = Sum(
            rate: rate.map { rate in
                let whole = machine.vCPUs * rate.vCPU + machine.gibibytes * rate.gibibyte
                return whole * (machine.isSpot ? rate.spotShare : 1) * factor
            },
            isEstimate: isEstimate || machine.isSpot
        )
        let isDiscounted = !machine.isSpot && factor == 1
        sum.hasSustainedUse = isDiscounted && rate?.hasSustainedUse ?? false
        add(use, service, machine.type + (machine.isSpot ? " (Spot)" : ""), hours, "hours", sum)
        for accelerator in machine.accelerators {
            let price = PriceList.accelerator(accelerator.type, region)
            var sum = Sum(
                rate: price.map { (machine.isSpot ? $0.spot : $0.onDemand) * factor },
                isEstimate: isEstimate
            )
            let isNewer = accelerator.type.contains("a100") || accelerator.type.contains("l4")
            sum.hasSustainedUse = isDiscounted && !isNewer
            sum.count = max(accelerator.count, 1)
            add(use, service, accelerator.type, hours * Double(accelerator.count), "hours", sum)
        }
        if machine.hasExternalAddress {
            add(use, service, "external IPv4", hours, "hours", Sum(rate: PriceList.externalAddress, isEstimate: false))
        }
    }

    private mutating func add(
        _ use: Usage,
        _ service: String,
        _ name: String,
        _ amount: Double,
        _ unit: String,
        _ sum: Sum
    ) {
        let item = Item(project: use.project, service: service, resource: use.resource, name: name, unit: unit)
        if sums[item] == nil { order.append(item) }
        var own = sums[item] ?? sum
        own.amount += amount
        own.count = max(own.count, sum.count)
        sums[item] = own
    }

    func lines() -> [Bill.Line] {
        var free: [String: Double] = [:]
        return order.compactMap { item in
            guard let sum = sums[item] else { return nil }
            var billed = sum.amount
            if sum.isFreeAtFirst {
                let left = free[item.project] ?? PriceList.freeBuildMinutes
                free[item.project] = max(0, left - billed)
                billed = max(0, billed - left)
            }
            if sum.hasSustainedUse {
                let count = Double(sum.count)
                billed = count * Self.sustained(billed / count, ofMonth: monthHours)
            }
            return Bill.Line(
                project: item.project,
                service: item.service,
                resource: item.resource,
                item: item.name,
                amount: sum.amount,
                unit: item.unit,
                listCost: sum.rate.map { $0 * sum.amount },
                cost: sum.rate.map { $0 * billed },
                isEstimate: sum.isEstimate
            )
        }
    }

    /// Hours at the full price that cost as much as hours of sustained use: each quarter of the month costs a fifth of
    /// the full price less than the one before.
    ///
    /// See [sustained use discounts](https://docs.cloud.google.com/compute/docs/sustained-use-discounts).
    static func sustained(_ hours: Double, ofMonth month: Double) -> Double {
        let quarter = month / 4
        return (0..<4).reduce(0) { sum, index in
            let inQuarter = min(max(hours - Double(index) * quarter, 0), quarter)
            return sum + inQuarter * (1 - 0.2 * Double(index))
        }
    }
}
