import GoogleAPI

/// A machine type: how many processors and how much memory an instance gets.
///
/// See [Machine families](https://docs.cloud.google.com/compute/docs/machine-resource).
struct MachineType: Sendable, Equatable {
    var name: String
    var guestCPUs: Int
    var memoryMiB: Int
    /// Shared-core types may use less than one processor's time: thousandths of a processor.
    var milliCPUs: Int

    init(_ name: String, cpus: Int, memoryMiB: Int, milliCPUs: Int? = nil) {
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
        + family("n1-highcpu", [2, 4, 8, 16, 32, 64, 96], memoryPerCPU: 921.6)
        + family("n2-standard", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 4096)
        + family("n2-highmem", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 8192)
        + family("n2-highcpu", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 1024)
        + family("n2d-standard", [2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224], memoryPerCPU: 4096)
        + family("n2d-highmem", [2, 4, 8, 16, 32, 48, 64, 80, 96], memoryPerCPU: 8192)
        + family("n2d-highcpu", [2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224], memoryPerCPU: 1024)
        + family("n4-standard", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 4096)
        + family("n4-highmem", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 8192)
        + family("n4-highcpu", [2, 4, 8, 16, 32, 48, 64, 80], memoryPerCPU: 2048)
        + family("t2d-standard", [1, 2, 4, 8, 16, 32, 48, 60], memoryPerCPU: 4096)
        + family("c2-standard", [4, 8, 16, 30, 60], memoryPerCPU: 4096)
        + family("c2d-standard", [2, 4, 8, 16, 32, 56, 112], memoryPerCPU: 4096)
        + family("c2d-highmem", [2, 4, 8, 16, 32, 56, 112], memoryPerCPU: 8192)
        + family("c2d-highcpu", [2, 4, 8, 16, 32, 56, 112], memoryPerCPU: 2048)
        + family("c3-standard", [4, 8, 22, 44, 88, 176], memoryPerCPU: 4096)
        + family("c3-highmem", [4, 8, 22, 44, 88, 176], memoryPerCPU: 8192)
        + family("c3-highcpu", [4, 8, 22, 44, 88, 176], memoryPerCPU: 2048)
        + family("g2-standard", [4, 8, 12, 16, 24, 32, 48, 96], memoryPerCPU: 4096)
        + [
            MachineType("a2-highgpu-1g", cpus: 12, memoryMiB: 85 << 10),
            MachineType("a2-highgpu-2g", cpus: 24, memoryMiB: 170 << 10),
            MachineType("a2-highgpu-4g", cpus: 48, memoryMiB: 340 << 10),
            MachineType("a2-highgpu-8g", cpus: 96, memoryMiB: 680 << 10),
            MachineType("a2-megagpu-16g", cpus: 96, memoryMiB: 1360 << 10),
        ]

    private static func family(_ prefix: String, _ sizes: [Int], memoryPerCPU: Double) -> [MachineType] {
        sizes.map { cpus in
            MachineType("\(prefix)-\(cpus)", cpus: cpus, memoryMiB: Int((Double(cpus) * memoryPerCPU).rounded()))
        }
    }

    /// Finds a predefined type, or reads a custom one: `custom-4-8192`, `n2-custom-4-8192`.
    ///
    /// For what is stored: a custom type counts although today's rules would refuse it.
    ///
    /// - Returns: nil for what is neither.
    static func named(_ name: String) -> MachineType? {
        predefined.first { $0.name == name } ?? (try? CustomMachineType.read(name, isChecked: false))
    }

    /// The same for what is asked for.
    ///
    /// - Throws: ``GoogleError`` `invalidResourceUsage` (400).
    static func find(_ name: String) throws -> MachineType? {
        try predefined.first { $0.name == name } ?? CustomMachineType.read(name)
    }

    /// Finds the type that a field of a request names.
    ///
    /// - Throws: ``GoogleError`` (400) for one that is not there, or cannot be.
    static func find(_ text: String, field: String) throws -> MachineType {
        guard let type = try find(ResourceName(parsing: text).last) else {
            throw GoogleError.invalidField(field, text, "The referenced resource does not exist.")
        }
        return type
    }
}

extension MachineType {
    /// Whether a machine has less of its processors than all the time.
    var sharesCores: Bool { milliCPUs < guestCPUs * 1000 }

    /// What an instance that is off shows for a processor.
    static let noPlatform = "Unknown CPU Platform"

    /// The processors that instances of the type have at Google where they ask for none.
    ///
    /// See [CPU platforms](https://docs.cloud.google.com/compute/docs/cpu-platforms).
    private var usualPlatform: String {
        switch name.split(separator: "-").first {
        case "n2", "c2", "g2", "a2": "Intel Cascade Lake"
        case "n2d": "AMD Rome"
        case "t2d", "c2d": "AMD Milan"
        case "c3": "Intel Sapphire Rapids"
        case "n4": "Intel Emerald Rapids"
        default: "Intel Broadwell"
        }
    }

    /// The processor that an instance shows: the one that it asks for, or its machine type's.
    static func platform(of instance: JSON) -> String {
        if let asked = instance["minCpuPlatform"]?.string, !asked.isEmpty, asked.lowercased() != "automatic" {
            return asked
        }
        return named(ResourceName(parsing: instance["machineType"]?.string ?? "").last)?.usualPlatform ?? noPlatform
    }

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

/// Kinds of disk.
///
/// See [disk types](https://docs.cloud.google.com/compute/docs/disks).
struct DiskType: Sendable {
    var name: String
    var description: String
    /// GB.
    var sizes: ClosedRange<Int>
    var defaultSize: Int

    static let all = [
        DiskType(name: "pd-standard", description: "Standard Persistent Disk", sizes: 10...65536, defaultSize: 500),
        DiskType(name: "pd-balanced", description: "Balanced Persistent Disk", sizes: 10...65536, defaultSize: 100),
        DiskType(name: "pd-ssd", description: "SSD Persistent Disk", sizes: 10...65536, defaultSize: 100),
        DiskType(name: "pd-extreme", description: "Extreme Persistent Disk", sizes: 500...65536, defaultSize: 1000),
        DiskType(name: "hyperdisk-balanced", description: "Hyperdisk Balanced", sizes: 4...65536, defaultSize: 100),
        DiskType(name: local, description: "Local SSD", sizes: 375...375, defaultSize: 375),
    ]

    /// Comes and goes with an instance, and is no disk by itself.
    static let local = "local-ssd"

    /// Those that Brume makes.
    static let made = ["pd-standard", "pd-balanced", "pd-ssd"]

    /// Checks the type that a field of a request names; nil asks for the usual one.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for what is no type of disks that stay, 501 for one that Brume lacks.
    static func check(_ text: String?, field: String) throws {
        guard let text else { return }
        let name = ResourceName(parsing: text).last
        guard all.contains(where: { $0.name == name }) else {
            throw GoogleError.invalidField(field, text, "The referenced diskType resource cannot be found.")
        }
        guard name != local else {
            throw GoogleError.invalidField(
                field,
                text,
                "A local SSD comes with an instance, as a disk of type SCRATCH."
            )
        }
        guard made.contains(name) else { throw GoogleError.lackingDiskType(name) }
    }
}
