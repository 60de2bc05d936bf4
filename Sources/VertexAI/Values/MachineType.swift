import Workloads

/// A machine of the list for custom training.
///
/// See [machine types](https://docs.cloud.google.com/vertex-ai/docs/training/configure-compute#machine-types).
struct MachineType: Sendable, Equatable {
    var name: String
    var vCPUs: Int
    var memoryGB: Double
    /// The accelerators that the machine always has; nil: as many as the user adds.
    var builtIn: (type: String, count: Int)?

    static func == (left: Self, right: Self) -> Bool { left.name == right.name }

    var resources: Resources {
        Resources(milliCPUs: vCPUs * 1000, memoryBytes: Int64(memoryGB * 1_073_741_824))
    }

    var family: String { String(name.prefix { $0 != "-" }) }

    static func named(_ name: String) -> MachineType? { all[name] }

    private static let all: [String: MachineType] = {
        var table: [String: MachineType] = [:]
        func add(_ series: String, _ sizes: [Int], _ memoryPerCPU: Double) {
            for size in sizes {
                let name = "\(series)-\(size)"
                table[name] = MachineType(name: name, vCPUs: size, memoryGB: Double(size) * memoryPerCPU)
            }
        }
        func add(_ name: String, _ vCPUs: Int, _ memory: Double, _ type: String? = nil, _ count: Int = 0) {
            table[name] = MachineType(name: name, vCPUs: vCPUs, memoryGB: memory, builtIn: type.map { ($0, count) })
        }
        add("n1-standard", [4, 8, 16, 32, 64, 96], 3.75)
        add("n1-highmem", [2, 4, 8, 16, 32, 64, 96], 6.5)
        add("n1-highcpu", [16, 32, 64, 96], 0.9)
        for family in ["n2", "n4"] {
            add("\(family)-standard", (family == "n4" ? [2] : []) + [4, 8, 16, 32, 48, 64, 80], 4)
            add("\(family)-highmem", [2, 4, 8, 16, 32, 48, 64, 80], 8)
            add("\(family)-highcpu", (family == "n4" ? [2, 4, 8] : []) + [16, 32, 48, 64, 80], family == "n4" ? 2 : 1)
        }
        add("e2-standard", [4, 8, 16, 32], 4)
        add("e2-highmem", [2, 4, 8, 16], 8)
        add("e2-highcpu", [16, 32], 1)
        add("c2-standard", [4, 8, 16, 30, 60], 4)
        add("m1-ultramem-40", 40, 961)
        add("m1-ultramem-80", 80, 1922)
        add("m1-ultramem-160", 160, 3844)
        add("m1-megamem-96", 96, 1433.6)
        for (size, count) in [(4, 1), (8, 1), (12, 1), (16, 1), (24, 2), (32, 1), (48, 4), (96, 8)] {
            add("g2-standard-\(size)", size, Double(size) * 4, "NVIDIA_L4", count)
        }
        for (size, count) in [(48, 1), (96, 2), (192, 4), (384, 8)] {
            add("g4-standard-\(size)", size, Double(size) * 3.75, "NVIDIA_RTX_PRO_6000", count)
        }
        for (count, memory) in [(1, 85.0), (2, 170), (4, 340), (8, 680)] {
            add("a2-highgpu-\(count)g", 12 * count, memory, "NVIDIA_TESLA_A100", count)
            add("a2-ultragpu-\(count)g", 12 * count, memory * 2, "NVIDIA_A100_80GB", count)
            add("a3-highgpu-\(count)g", 26 * count, 234 * Double(count), "NVIDIA_H100_80GB", count)
        }
        add("a2-megagpu-16g", 96, 1360, "NVIDIA_TESLA_A100", 16)
        add("a3-megagpu-8g", 208, 1872, "NVIDIA_H100_MEGA_80GB", 8)
        add("a3-ultragpu-8g", 224, 2952, "NVIDIA_H200_141GB", 8)
        add("a4-highgpu-8g", 224, 3968, "NVIDIA_B200", 8)
        add("a4x-highgpu-4g", 140, 884, "NVIDIA_GB200", 4)
        return table
    }()
}

/// The accelerators of the API.
enum Accelerator {
    /// By Google's numbers.
    static let names: [Int64: String] = [
        0: "ACCELERATOR_TYPE_UNSPECIFIED", 1: "NVIDIA_TESLA_K80", 2: "NVIDIA_TESLA_P100", 3: "NVIDIA_TESLA_V100",
        4: "NVIDIA_TESLA_P4", 5: "NVIDIA_TESLA_T4", 6: "TPU_V2", 7: "TPU_V3", 8: "NVIDIA_TESLA_A100",
        9: "NVIDIA_A100_80GB", 10: "TPU_V4_POD", 11: "NVIDIA_L4", 12: "TPU_V5_LITEPOD", 13: "NVIDIA_H100_80GB",
        14: "NVIDIA_H100_MEGA_80GB", 15: "NVIDIA_H200_141GB", 16: "NVIDIA_B200", 17: "NVIDIA_GB200",
        18: "NVIDIA_RTX_PRO_6000",
    ]

    /// How many of a type a machine takes; empty: none.
    static func counts(of type: String, on machine: MachineType) -> [Int] {
        if let builtIn = machine.builtIn { return builtIn.type == type ? [builtIn.count] : [] }
        guard machine.family == "n1" else { return [] }
        switch type {
        case "NVIDIA_TESLA_V100":
            switch machine.vCPUs {
            case ...8: return [1, 2, 4, 8]
            case ...16: return [2, 4, 8]
            case ...32: return [4, 8]
            default: return [8]
            }
        case "NVIDIA_TESLA_T4", "NVIDIA_TESLA_P4", "NVIDIA_TESLA_P100":
            switch machine.vCPUs {
            case ...16: return [1, 2, 4]
            case ...32: return [2, 4]
            default:
                // Four P100 serve 64 vCPUs and 208 GB at most.
                return type == "NVIDIA_TESLA_P100" && (machine.vCPUs > 64 || machine.memoryGB > 208) ? [] : [4]
            }
        default: return []
        }
    }
}
