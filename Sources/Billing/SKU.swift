import Foundation

/// A service as the catalogue of prices knows it.
package struct PricedService: Sendable, Equatable {
    package var id: String
    package var displayName: String

    static let compute = PricedService(id: "6F81-5844-456A", displayName: "Compute Engine")
    static let storage = PricedService(id: "95FF-2EF5-5EA1", displayName: "Cloud Storage")
    static let vertex = PricedService(id: "C7E2-9256-1C43", displayName: "Vertex AI")
    /// Its number at Google is not known here.
    static let build = PricedService(id: SKU.identifier(of: "Cloud Build"), displayName: "Cloud Build")

    package static let all = [compute, storage, vertex, build]
}

/// What a price is asked for, and the price: an item of the catalogue that `PriceList` gives.
///
/// Words and categories are Google's; the identifiers are Brume's own, and stay the same for the same words.
/// See [services.skus](https://docs.cloud.google.com/billing/docs/reference/rest/v1/services.skus).
package struct SKU: Sendable, Equatable {
    /// What is counted.
    package enum Unit: Sendable, Equatable {
        case hour
        case minute
        case gibibyteHour
        case gibibyteMonth
    }

    /// US dollars for one unit, from an amount on.
    package struct Rate: Sendable, Equatable {
        package var start: Double
        package var price: Double
    }

    package var service: PricedService
    package var description: String
    /// `Compute`, `Storage`, `Network` or `ApplicationServices`.
    package var family: String
    package var group: String
    package var isSpot = false
    package var regions: [String]
    package var unit: Unit
    package var rates: [Rate]

    package var id: String { Self.identifier(of: "\(service.displayName): \(description)") }

    /// Twelve hexadecimal digits in groups of four: 48 bits of the text's FNV-1a hash.
    static func identifier(of text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(format: "%012lX", hash & 0xffff_ffff_ffff)
        return stride(from: 0, to: 12, by: 4).map { String(digits.dropFirst($0).prefix(4)) }.joined(separator: "-")
    }
}

extension PriceList {
    /// Everything that has a known price, in the order of services and descriptions.
    package static let skus: [SKU] = {
        let all: [[SKU]] = [machineSKUs, acceleratorSKUs, diskSKUs, storageSKUs, trainingSKUs, buildSKUs]
        return PricedService.all.flatMap { service in
            all.joined().filter { $0.service == service }.sorted { $0.description < $1.description }
        }
    }()

    private static let machineSKUs: [SKU] = Region.allCases.flatMap { region in
        machineFamilies.flatMap { family -> [SKU] in
            guard let rate = machineRate(family: family, region) else { return [] }
            return [false, true].flatMap { isSpot -> [SKU] in
                let share = isSpot ? rate.spotShare : 1
                let name = "\(isSpot ? "Spot Preemptible " : "")\(family.uppercased())"
                let what = "\(name) \(family == "n1" && !isSpot ? "Predefined Instance" : "Instance")"
                return [
                    SKU(
                        hourly: "\(what) Core",
                        family == "n1" ? "N1Standard" : "CPU",
                        region,
                        rate.vCPU * share,
                        isSpot
                    ),
                    SKU(
                        hourly: "\(what) Ram",
                        family == "n1" ? "N1Standard" : "RAM",
                        region,
                        rate.gibibyte * share,
                        isSpot,
                        unit: .gibibyteHour
                    ),
                ]
            }
        }
    }

    private static let acceleratorSKUs: [SKU] = Region.allCases.flatMap { region in
        accelerators.sorted { $0.key < $1.key }.flatMap { type, model -> [SKU] in
            guard let price = accelerator(type, region) else { return [] }
            return [
                SKU(hourly: "\(model) GPU", "GPU", region, price.onDemand, false),
                SKU(hourly: "\(model) GPU attached to Spot Preemptible VMs", "GPU", region, price.spot, true),
            ]
        }
    }

    private static let diskSKUs: [SKU] = {
        let groups = [
            "pd-standard": ("Storage PD Capacity", "PDStandard"), "pd-balanced": ("Balanced PD Capacity", "SSD"),
            "pd-ssd": ("SSD backed PD Capacity", "SSD"),
        ]
        return disks.compactMap { type, price in
            groups[type].map { what, group in
                SKU(
                    service: .compute,
                    description: what,
                    family: "Storage",
                    group: group,
                    regions: Region.allCases.map(\.rawValue),
                    unit: .gibibyteMonth,
                    rates: [.init(start: 0, price: price)]
                )
            }
        } + [
            SKU(
                service: .compute,
                description: "External IP Charge on a Standard VM",
                family: "Network",
                group: "IpAddress",
                regions: ["global"],
                unit: .hour,
                rates: [.init(start: 0, price: externalAddress)]
            )
        ]
    }()

    private static let storageSKUs: [SKU] =
        storageClasses.map { name, price in
            SKU(stored: "\(name.capitalized) Storage Region", name, Region.allCases.map(\.rawValue), price)
        }
        + wideStorage.map { name, price in
            SKU(stored: "Standard Storage \(name)", "STANDARD", [name.lowercased()], price)
        }

    /// What custom jobs run on, at their own prices.
    private static let trainingSKUs: [SKU] = (machineSKUs + acceleratorSKUs).filter { !$0.isSpot }.map { sku in
        var training = sku
        training.service = .vertex
        training.description = "Vertex AI: Training using \(sku.description)"
        (training.family, training.group) = ("ApplicationServices", "Training")
        training.rates = sku.rates.map { .init(start: $0.start, price: $0.price * trainingFactor) }
        return training
    }

    private static let buildSKUs: [SKU] = builds.map { machine, price in
        let free: [SKU.Rate] = machine == "E2_STANDARD_2" ? [.init(start: 0, price: 0)] : []
        return SKU(
            service: .build,
            description: "Build time on \(machine.lowercased().replacing("_", with: "-"))",
            family: "ApplicationServices",
            group: "Build",
            regions: ["global"],
            unit: .minute,
            rates: free + [.init(start: free.isEmpty ? 0 : freeBuildMinutes, price: price)]
        )
    }
}

extension SKU {
    /// An item of Compute Engine that is counted by the hour, in one region.
    fileprivate init(
        hourly what: String,
        _ group: String,
        _ region: PriceList.Region,
        _ price: Double,
        _ isSpot: Bool,
        unit: Unit = .hour
    ) {
        self.init(
            service: .compute,
            description: "\(what) running in \(region == .iowa ? "Iowa" : "Belgium")",
            family: "Compute",
            group: group,
            isSpot: isSpot,
            regions: [region.rawValue],
            unit: unit,
            rates: [.init(start: 0, price: price)]
        )
    }

    /// An item of Cloud Storage.
    fileprivate init(stored what: String, _ storageClass: String, _ regions: [String], _ price: Double) {
        self.init(
            service: .storage,
            description: what,
            family: "Storage",
            group: storageClass == "STANDARD" ? "RegionalStorage" : "\(storageClass.capitalized)Storage",
            regions: regions,
            unit: .gibibyteMonth,
            rates: [.init(start: 0, price: price)]
        )
    }
}
