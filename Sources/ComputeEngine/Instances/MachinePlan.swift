import APIServer
import Workloads

/// What a machine is made of, before it is somebody's.
struct MachinePlan: Sendable {
    /// Without a name, without a place in a network.
    var spec: MachineSpec
    var project: ProjectIdentity
    var zone: String
    var place: InstancePlace
    var ranges: (network: String, part: String?)
    /// Whether an instance of the kind needs nothing else of its machine: none has things of its own in it.
    var isCommon: Bool
    /// The engine's identifier of the image that the machine is made of.
    var imageID: String

    /// What machines have in common that may stand for each other. What differs beyond it (name, size, keys) can be given
    /// to a machine that runs; the size of one with a kernel of its own cannot.
    struct Kind: Hashable, Sendable {
        var imageID: String
        var project: String
        var zone: String
        var network: String
        var part: String?
        var kernel: [Int64]?
    }

    /// The engine's network.
    var network: String { place.engineNetwork }

    var kind: Kind {
        Kind(
            imageID: imageID,
            project: project.id,
            zone: zone,
            network: network,
            part: ranges.part,
            kernel: spec.monitor == nil ? nil : size
        )
    }

    private var size: [Int64] { [Int64(spec.process.resources.milliCPUs), spec.process.resources.memoryBytes] }
}
