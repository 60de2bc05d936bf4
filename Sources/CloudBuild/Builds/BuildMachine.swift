import Workloads

/// The machines of Cloud Build: [pricing page](https://cloud.google.com/build/pricing).
enum BuildMachine {
    /// By the number of the enum.
    static let names = [
        "UNSPECIFIED", "N1_HIGHCPU_8", "N1_HIGHCPU_32", "", "", "E2_HIGHCPU_8", "E2_HIGHCPU_32", "E2_MEDIUM",
    ]

    /// What the steps of a build may use; nil for an unknown name.
    static func resources(_ name: String) -> Resources? {
        switch name {
        case "UNSPECIFIED", "E2_STANDARD_2": Resources(milliCPUs: 2000, memoryBytes: 8 << 30)
        case "N1_HIGHCPU_8": Resources(milliCPUs: 8000, memoryBytes: 7200 << 20)
        case "N1_HIGHCPU_32": Resources(milliCPUs: 32_000, memoryBytes: 28_800 << 20)
        case "E2_HIGHCPU_8": Resources(milliCPUs: 8000, memoryBytes: 8 << 30)
        case "E2_HIGHCPU_32": Resources(milliCPUs: 32_000, memoryBytes: 32 << 30)
        case "E2_MEDIUM": Resources(milliCPUs: 1000, memoryBytes: 4 << 30)
        default: nil
        }
    }

    /// What the steps of a build in a private pool may use, by a name of Compute Engine's: `e2-standard-4`.
    static func worker(_ name: String) -> Resources? {
        if name == "e2-medium" { return resources("E2_MEDIUM") }
        guard let match = name.wholeMatch(of: /(?:e2|n1|n2|n2d|n4|c2|c2d|c3|c3d)-(standard|highcpu|highmem)-(\d{1,3})/),
            let count = Int64(match.2), count > 0
        else { return nil }
        let gibibytes: Int64 = match.1 == "standard" ? 4 : match.1 == "highmem" ? 8 : 1
        return Resources(milliCPUs: Int(count * 1000), memoryBytes: (count * gibibytes) << 30)
    }
}
