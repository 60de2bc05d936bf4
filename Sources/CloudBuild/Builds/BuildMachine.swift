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
}
