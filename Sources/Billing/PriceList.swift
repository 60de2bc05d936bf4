/// What Google asks, in US dollars, before taxes and negotiated discounts: list prices, copied on ``date``.
///
/// Two regions are known by their own prices; others are taken for the one on their side of the ocean, and what comes
/// of that is marked as an estimate. See [Compute Engine pricing](https://cloud.google.com/compute/all-pricing).
package enum PriceList {
    package static let date = "2026-11-23"

    /// A month of the published monthly figures.
    package static let hoursOfMonth = 730.0

    /// The regions whose prices are known.
    enum Region: Sendable {
        case iowa
        case belgium

        /// - Returns: The region whose prices stand for another's, and whether they are its own.
        static func standing(for name: String) -> (region: Region, isOwn: Bool) {
            switch name {
            case "us-central1": (.iowa, true)
            case "europe-west1": (.belgium, true)
            case let other: (other.hasPrefix("europe-") ? .belgium : .iowa, false)
            }
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

    /// GB-months of provisioned size.
    static func disk(_ type: String) -> Double? {
        switch type {
        case "pd-standard": 0.04
        case "pd-balanced": 0.10
        case "pd-ssd": 0.17
        default: nil
        }
    }

    /// GB-months.
    static func storage(_ storageClass: String, location: String) -> Double? {
        switch storageClass {
        case "STANDARD", "REGIONAL", "MULTI_REGIONAL":
            switch location.uppercased() {
            case "US", "EU", "ASIA": 0.026
            case "NAM4", "EUR4": 0.044
            default: 0.020
            }
        case "NEARLINE": 0.010
        case "COLDLINE": 0.004
        case "ARCHIVE": 0.0012
        default: nil
        }
    }

    /// An external IPv4 address in use, by the hour.
    static let externalAddress = 0.004

    /// By the minute of a build.
    static func build(_ machine: String) -> Double? {
        switch machine {
        case "E2_MEDIUM": 0.003
        case "UNSPECIFIED", "E2_STANDARD_2": 0.006
        case "E2_HIGHCPU_8", "N1_HIGHCPU_8": 0.016
        case "E2_HIGHCPU_32", "N1_HIGHCPU_32": 0.064
        default: nil
        }
    }

    /// Minutes of a month that builds on the usual machine have free.
    static let freeBuildMinutes = 2500.0

    /// What a custom job's machines and accelerators cost, as a multiple of Compute Engine's; confirmed for one type.
    static let trainingFactor = 1.15
}
