import GoogleAPI
import Workloads

/// The accelerators of an instance: the field `guestAccelerators`.
///
/// A model that Google names stands for any card of the same vendor: there are those that this machine has.
enum GuestAccelerators {
    /// On an instance that has none of the accelerators that it shows.
    static let simulatedLabel = "brume-simulated-accelerators"

    /// Checks what is asked for, and adds what the machine type brings.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for an unknown type, too many, or a machine type that takes none.
    static func complete(_ instance: inout JSON, type: MachineType, key: ResourceKey) throws {
        var asked = (instance["guestAccelerators"]?.array ?? []).map { accelerator in
            (
                type: ResourceName(parsing: accelerator["acceleratorType"]?.string ?? "").last,
                count: Int(accelerator["acceleratorCount"]?.integer ?? 0)
            )
        }
        for (type, count) in asked {
            guard AcceleratorType.names.contains(type) else {
                throw GoogleError.invalidField(
                    "resource.guestAccelerators[0].acceleratorType",
                    type,
                    "The referenced resource does not exist."
                )
            }
            guard (1...AcceleratorType.most(of: type)).contains(count) else {
                throw GoogleError.invalidField(
                    "resource.guestAccelerators[0].acceleratorCount",
                    String(count),
                    "An instance takes 1 to \(AcceleratorType.most(of: type)) of \(type)."
                )
            }
        }
        let policy = instance["scheduling"]?["onHostMaintenance"]?.string
        let isSpot =
            instance["scheduling"]?["preemptible"]?.bool ?? false
            || instance["scheduling"]?["provisioningModel"]?.string == "SPOT"
        if let builtIn = type.builtInAccelerators {
            if let other = asked.first(where: { $0 != builtIn }) {
                throw GoogleError.acceleratorsDoNotFit("\(other.type), \(other.count)", on: type.name)
            }
            asked = [builtIn]
            if policy == nil {
                var scheduling = instance["scheduling"] ?? [:]
                scheduling["onHostMaintenance"] = "TERMINATE"
                instance["scheduling"] = scheduling
            }
        } else if let first = asked.first {
            guard asked.count == 1, type.takesAccelerators else {
                throw GoogleError.acceleratorsDoNotFit("\(first.type), \(first.count)", on: type.name)
            }
            if policy == nil, !isSpot { throw GoogleError.acceleratorsDoNotMove }
        } else {
            return
        }
        if policy == "MIGRATE" { throw GoogleError.acceleratorsDoNotMove }
        instance["guestAccelerators"] = .array(
            asked.map { type, count in
                let link = "projects/\(key.project)/zones/\(key.zone ?? "")/acceleratorTypes/\(type)"
                return ["acceleratorType": .string(Link.to(link)), "acceleratorCount": .integer(Int64(count))]
            }
        )
    }

    /// What the engine is to give an instance; nil when it asks for none.
    static func wanted(by instance: JSON) -> Accelerators? {
        let count = (instance["guestAccelerators"]?.array ?? [])
            .reduce(0) { $0 + Int($1["acceleratorCount"]?.integer ?? 0) }
        return count > 0 ? Accelerators(kind: Accelerators.nvidia, count: count) : nil
    }

    /// Says why an instance has no accelerator here, and what to do.
    static func missing(of instance: JSON) -> String {
        "This machine has no accelerator '\(name(of: instance))': create the instance without --accelerator, or run "
            + "Brume on a machine whose container engine offers GPUs."
    }

    // MARK: Simulation

    static func labelSimulated(_ instance: inout JSON) {
        guard wanted(by: instance) != nil else { return }
        var labels = instance["labels"] ?? [:]
        labels[simulatedLabel] = "true"
        instance["labels"] = labels
    }

    /// The first line on the serial port of an instance whose accelerators are simulated; else empty.
    static func notice(of instance: JSON) -> String {
        guard instance["labels"]?[simulatedLabel] != nil, let wanted = wanted(by: instance) else { return "" }
        return
            "brume: SIMULATED accelerators: \(wanted.count) x \(name(of: instance)). The instance has no such device; "
            + "programs run on its processors.\r\n"
    }

    private static func name(of instance: JSON) -> String {
        ResourceName(parsing: instance["guestAccelerators"]?[0]?["acceleratorType"]?.string ?? "").last
    }
}
