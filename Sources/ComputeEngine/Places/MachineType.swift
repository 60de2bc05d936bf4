/// A machine type: how many processors and how much memory an instance gets.
///
/// See [Machine families](https://docs.cloud.google.com/compute/docs/machine-resource).
struct MachineType: Sendable, Equatable {
    var name: String
    var guestCPUs: Int
    var memoryMiB: Int
    /// Shared-core types may use less than one processor's time: thousandths of a processor.
    var milliCPUs: Int

    private init(_ name: String, cpus: Int, memoryMiB: Int, milliCPUs: Int? = nil) {
        self.name = name
        guestCPUs = cpus
        self.memoryMiB = memoryMiB
        self.milliCPUs = milliCPUs ?? cpus * 1000
    }

    static let predefined: [MachineType] =
        [
            MachineType("e2-micro", cpus: 2, memoryMiB: 1024, milliCPUs: 250),
            MachineType("e2-small", cpus: 2, memoryMiB: 2048, milliCPUs: 500),
            MachineType("e2-medium", cpus: 2, memoryMiB: 4096, milliCPUs: 1000),
            MachineType("f1-micro", cpus: 1, memoryMiB: 614, milliCPUs: 200),
            MachineType("g1-small", cpus: 1, memoryMiB: 1740, milliCPUs: 500),
        ]
        + family("e2-standard", [2, 4, 8, 16, 32], memoryPerCPU: 4096)
        + family("e2-highmem", [2, 4, 8, 16], memoryPerCPU: 8192)
        + family("e2-highcpu", [2, 4, 8, 16, 32], memoryPerCPU: 1024)
        + family("n1-standard", [1, 2, 4, 8, 16, 32, 64, 96], memoryPerCPU: 3840)
        + family("n1-highmem", [2, 4, 8, 16, 32, 64, 96], memoryPerCPU: 6656)
        + family("n1-highcpu", [2, 4, 8, 16, 32, 64, 96], memoryPerCPU: 921)
        + family("n2-standard", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 4096)
        + family("n2-highmem", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 8192)
        + family("n2-highcpu", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 1024)
        + family("c2-standard", [4, 8, 16, 30, 60], memoryPerCPU: 4096)
        + family("g2-standard", [4, 8, 12, 16, 24, 32, 48, 96], memoryPerCPU: 4096)
        + [
            MachineType("a2-highgpu-1g", cpus: 12, memoryMiB: 85 << 10),
            MachineType("a2-highgpu-2g", cpus: 24, memoryMiB: 170 << 10),
            MachineType("a2-highgpu-4g", cpus: 48, memoryMiB: 340 << 10),
            MachineType("a2-highgpu-8g", cpus: 96, memoryMiB: 680 << 10),
        ]

    private static func family(_ prefix: String, _ sizes: [Int], memoryPerCPU: Int) -> [MachineType] {
        sizes.map { MachineType("\(prefix)-\($0)", cpus: $0, memoryMiB: $0 * memoryPerCPU) }
    }

    /// Finds a predefined type, or reads a custom one: `custom-4-8192`, `n2-custom-4-8192`.
    ///
    /// - Returns: nil for what is neither; memory is in MiB and a multiple of 256.
    static func named(_ name: String) -> MachineType? {
        if let type = predefined.first(where: { $0.name == name }) { return type }
        let parts = name.split(separator: "-")
        guard let custom = parts.firstIndex(of: "custom"), custom <= 1, parts.count == custom + 3,
            custom == 0 || ["e2", "n1", "n2"].contains(parts[0]),
            let cpus = Int(parts[custom + 1]), let memory = Int(parts[custom + 2]),
            (1...96).contains(cpus), memory >= 256, memory <= 640 << 10, memory % 256 == 0
        else { return nil }
        return MachineType(name, cpus: cpus, memoryMiB: memory)
    }
}

extension MachineType {
    /// The accelerators that every instance of the type has; nil: it has those that are asked for.
    var builtInAccelerators: (type: String, count: Int)? {
        let parts = name.split(separator: "-")
        switch parts.first {
        case "a2": return Int(parts[2].dropLast()).map { ("nvidia-tesla-a100", $0) }
        case "g2":
            let counts = [24: 2, 48: 4, 96: 8]
            return ("nvidia-l4", counts[guestCPUs] ?? 1)
        default: return nil
        }
    }

    /// Whether accelerators may be added.
    ///
    /// See [GPU machine types](https://docs.cloud.google.com/compute/docs/gpus).
    var takesAccelerators: Bool { name.hasPrefix("n1-") || name.hasPrefix("custom-") }
}

/// Accelerators that instances may ask for.
enum AcceleratorType {
    /// By name, how many one instance may have.
    private static let most: KeyValuePairs = [
        "nvidia-tesla-t4": 4, "nvidia-tesla-p4": 4, "nvidia-tesla-p100": 4, "nvidia-tesla-v100": 8, "nvidia-l4": 8,
        "nvidia-tesla-a100": 16,
    ]

    static let names = most.map(\.key)

    static func most(of name: String) -> Int { most.first { $0.key == name }?.value ?? 0 }
}

/// Kinds of persistent disk.
enum DiskType {
    static let names = ["pd-standard", "pd-balanced", "pd-ssd"]
}
