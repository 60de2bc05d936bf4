/// What Google asks, in US dollars, before taxes and negotiated discounts: list prices, copied on ``date``.
///
/// Two regions are known by their own prices; others are taken for the one on their side of the ocean, and what comes
/// of that is marked as an estimate. See [Compute Engine pricing](https://cloud.google.com/compute/all-pricing).
package enum PriceList {
    package static let date = "2026-11-23"

    /// A month of the published monthly figures.
    package static let hoursOfMonth = 730.0

    /// The regions whose prices are known.
    enum Region: String, Sendable, CaseIterable {
        case iowa = "us-central1"
        case belgium = "europe-west1"

        /// - Returns: The region whose prices stand for another's, and whether they are its own.
        static func standing(for name: String) -> (region: Region, isOwn: Bool) {
            if let region = Region(rawValue: name) { return (region, true) }
            return (name.hasPrefix("europe-") ? .belgium : .iowa, false)
        }
    }

    /// By the hour.
    struct MachineRate: Sendable {
        var vCPU: Double
        var gibibyte: Double
        /// What of the price is left on Spot, measured on one type of the family.
        var spotShare: Double
        var hasSustainedUse: Bool
    }

    static let machineFamilies = ["e2", "n1"]

    static func machineRate(family: String, _ region: Region) -> MachineRate? {
        switch (family, region) {
        case ("n1", .iowa): MachineRate(vCPU: 0.031611, gibibyte: 0.004237, spotShare: 0.27374, hasSustainedUse: true)
        case ("n1", .belgium):
            MachineRate(vCPU: 0.034773, gibibyte: 0.004661, spotShare: 0.27456, hasSustainedUse: true)
        case ("e2", .iowa):
            MachineRate(vCPU: 0.02181159, gibibyte: 0.00292353, spotShare: 0.39981, hasSustainedUse: false)
        case ("e2", .belgium):
            MachineRate(vCPU: 0.02399337, gibibyte: 0.00321609, spotShare: 0.37870, hasSustainedUse: false)
        default: nil
        }
    }

    /// Types with their models' names.
    static let accelerators = [
        "nvidia-tesla-t4": "Nvidia Tesla T4", "nvidia-tesla-p4": "Nvidia Tesla P4",
        "nvidia-tesla-p100": "Nvidia Tesla P100", "nvidia-tesla-v100": "Nvidia Tesla V100", "nvidia-l4": "Nvidia L4",
        "nvidia-tesla-a100": "Nvidia Tesla A100",
    ]

    /// By the hour, on demand and on Spot.
    static func accelerator(_ type: String, _ region: Region) -> (onDemand: Double, spot: Double)? {
        switch (type.lowercased().replacing("_", with: "-"), region) {
        case ("nvidia-tesla-t4", .iowa): (0.35, 0.175)
        case ("nvidia-tesla-t4", .belgium): (0.35, 0.14)
        case ("nvidia-tesla-p4", _): (0.60, 0.2236)
        case ("nvidia-tesla-p100", .iowa): (1.46, 0.7034)
        case ("nvidia-tesla-p100", .belgium): (1.60, 0.2816)
        case ("nvidia-tesla-v100", .iowa): (2.48, 1.0885)
        case ("nvidia-tesla-v100", .belgium): (2.604, 1.0443)
        case ("nvidia-l4", .iowa): (0.56004, 0.2231)
        case ("nvidia-l4", .belgium): (0.61666, 0.2406)
        case ("nvidia-tesla-a100", _): (2.9339, 0.84965)
        default: nil
        }
    }

    static let disks = ["pd-standard": 0.04, "pd-balanced": 0.10, "pd-ssd": 0.17]

    /// GB-months of provisioned size.
    static func disk(_ type: String) -> Double? { disks[type] }

    /// GB-months of what a regional snapshot holds. Images are taken to cost the same.
    static let snapshot = 0.05

    /// GB-months of the class Standard where data lie in more than one region.
    static let wideStorage = ["US": 0.026, "EU": 0.026, "ASIA": 0.026, "NAM4": 0.044, "EUR4": 0.044]
    /// GB-months in one region.
    static let storageClasses = ["STANDARD": 0.020, "NEARLINE": 0.010, "COLDLINE": 0.004, "ARCHIVE": 0.0012]

    /// GB-months.
    static func storage(_ storageClass: String, location: String) -> Double? {
        switch storageClass {
        case "STANDARD", "REGIONAL", "MULTI_REGIONAL": wideStorage[location.uppercased()] ?? storageClasses["STANDARD"]
        default: storageClasses[storageClass]
        }
    }

    /// An external IPv4 address in use, by the hour.
    static let externalAddress = 0.004

    static let builds = ["E2_MEDIUM": 0.003, "E2_STANDARD_2": 0.006, "E2_HIGHCPU_8": 0.016, "E2_HIGHCPU_32": 0.064]

    /// By the minute of a build.
    static func build(_ machine: String) -> Double? {
        switch machine {
        case "UNSPECIFIED": builds["E2_STANDARD_2"]
        case "N1_HIGHCPU_8", "N1_HIGHCPU_32": builds[machine.replacing("N1", with: "E2")]
        default: builds[machine]
        }
    }

    /// Minutes of a month that builds on the usual machine have free.
    static let freeBuildMinutes = 2500.0

    /// What a custom job's machines and accelerators cost, as a multiple of Compute Engine's; confirmed for one type.
    static let trainingFactor = 1.15
}
