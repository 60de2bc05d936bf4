import GoogleAPI

/// The rules of machine types whose processors and memory are chosen: `custom-4-8192`, `n2-custom-6-20480-ext`.
///
/// See [custom machine types](https://docs.cloud.google.com/compute/docs/instances/creating-instance-with-custom-machine-type).
struct CustomMachineType: Sendable {
    var cpus: ClosedRange<Int>
    /// What more than two processors must be a multiple of, from a number of them on; the last that fits counts.
    var steps: [(from: Int, step: Int)] = [(0, 2)]
    /// MiB for each processor.
    var memoryPerCPU: ClosedRange<Double>
    /// The most memory of an extended type in MiB; nil where there are none.
    var extended: Int?

    private static let families: [String: CustomMachineType] = [
        "n1": CustomMachineType(cpus: 1...96, memoryPerCPU: 921.6...6656, extended: 624 << 10),
        "n2": CustomMachineType(
            cpus: 2...80,
            steps: [(0, 2), (34, 4)],
            memoryPerCPU: 512...8192,
            extended: 864 << 10
        ),
        "n2d": CustomMachineType(
            cpus: 2...96,
            steps: [(0, 2), (6, 4), (12, 8), (18, 16)],
            memoryPerCPU: 512...8192,
            extended: 768 << 10
        ),
        "e2": CustomMachineType(cpus: 2...32, memoryPerCPU: 512...8192),
    ]

    /// Shared-core types: two processors, of whose time they may use less.
    private static let shared: [String: (milliCPUs: Int, memory: ClosedRange<Double>)] = [
        "micro": (250, 1024...2048), "small": (500, 2048...4096), "medium": (1000, 4096...8192),
    ]

    /// Reads a type.
    ///
    /// - Parameter isChecked: Whether the family's rules count; for what is stored, the rules were those of its time.
    /// - Returns: nil for what is no custom type of a family that Brume knows.
    /// - Throws: ``GoogleError`` `invalidResourceUsage` (400) saying which rule is broken.
    static func read(_ name: String, isChecked: Bool = true) throws -> MachineType? {
        var parts = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        if parts.first == "custom" { parts.insert("n1", at: 0) }
        let isExtended = parts.last == "ext"
        if isExtended { parts.removeLast() }
        guard parts.count == 4, parts[1] == "custom", let family = families[parts[0]], let memory = Int(parts[3])
        else { return nil }
        if parts[0] == "e2", let shared = shared[parts[2]] {
            guard !isExtended else { return nil }
            if isChecked { try check(memory, within: shared.memory, cpus: 2) }
            return MachineType(name, cpus: 2, memoryMiB: memory, milliCPUs: shared.milliCPUs)
        }
        guard let cpus = Int(parts[2]), (1...100_000).contains(cpus), memory > 0 else { return nil }
        let type = MachineType(name, cpus: cpus, memoryMiB: memory)
        guard isChecked else { return type }
        try family.check(cpus)
        guard !isExtended || family.extended != nil else {
            throw GoogleError.invalidUsage("Extended memory is not available for \(parts[0]) custom machine types")
        }
        let (least, most) = (family.memoryPerCPU.lowerBound, family.memoryPerCPU.upperBound)
        let limit = isExtended ? Double(family.extended ?? 0) : most * Double(cpus)
        try check(memory, within: (least * Double(cpus))...limit, cpus: cpus)
        return type
    }

    private func check(_ count: Int) throws {
        guard cpus.contains(count) else {
            throw GoogleError.invalidUsage(
                "Number of vCPUs should be between \(cpus.lowerBound) and \(cpus.upperBound), while \(count) is requested"
            )
        }
        let step = steps.last { $0.from <= count }?.step ?? 2
        guard count <= 1 || count % step == 0 else {
            throw GoogleError.invalidUsage(
                step == 2
                    ? "Number of vCPUs should be an even number if greater than 1, while \(count) is requested"
                    : "Number of vCPUs should be a multiple of \(step) in this range, while \(count) is requested"
            )
        }
    }

    private static func check(_ memory: Int, within range: ClosedRange<Double>, cpus: Int) throws {
        guard memory % 256 == 0 else {
            throw GoogleError.invalidUsage("Memory should be a multiple of 256MiB, while \(memory)MiB is requested")
        }
        guard range.contains(Double(memory)) else {
            // The limits that can be asked for.
            let least = Int((range.lowerBound / 256).rounded(.up)) * 256
            let most = Int((range.upperBound / 256).rounded(.down)) * 256
            throw GoogleError.invalidUsage(
                "Memory size for a \(cpus) vCPU instance must be between \(least)MiB and \(most)MiB, "
                    + "while \(memory)MiB is requested"
            )
        }
    }
}
