import GoogleAPI

/// An accelerator of the engine's machine, and how a container gets it.
struct AcceleratorDevice: Sendable {
    enum Access: Sendable {
        /// By its name: the engine has read its specification.
        case named
        /// Through NVIDIA's own runtime.
        case nvidiaRuntime
        /// Brume does what the specification says.
        case edits([DeviceSpecification.Edits])
    }

    /// `nvidia.com/gpu`.
    var kind: String
    /// `0`.
    var name: String
    var access: Access

    var id: String { "\(kind)=\(name)" }

    /// The label of a container that names its devices.
    static let label = "brume.accelerators"

    /// Each device once: `all` is all of them, and beside a number a device may have its UUID as a second name.
    static func eachOnce(_ devices: [AcceleratorDevice]) -> [AcceleratorDevice] {
        Dictionary(grouping: devices, by: \.kind).sorted { $0.key < $1.key }.flatMap { _, devices in
            let single = devices.filter { $0.name != "all" }
            let numbered = single.filter { Int($0.name) != nil }
            return (numbered.isEmpty ? single : numbered)
                .sorted { ($0.name.count, $0.name) < ($1.name.count, $1.name) }
        }
    }

    // MARK: What a container is made with

    private var edits: [DeviceSpecification.Edits] {
        if case .edits(let edits) = access { edits } else { [] }
    }

    var environment: [String: String] {
        Dictionary(
            edits.flatMap { $0.env ?? [] }.map { line in
                let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(halves[0]), halves.count > 1 ? String(halves[1]) : "")
            },
            uniquingKeysWith: { $1 }
        )
    }

    var binds: [String] {
        edits.flatMap { $0.mounts ?? [] }.map { mount in
            "\(mount.hostPath):\(mount.containerPath)" + (mount.options?.contains("ro") ?? false ? ":ro" : "")
        }
    }

    /// The part of an engine's `HostConfig` that gives a container its devices.
    static func configuration(_ devices: [AcceleratorDevice]) -> JSON {
        var config: JSON = [:]
        var requests: [JSON] = []
        let named = devices.filter { if case .named = $0.access { true } else { false } }
        if !named.isEmpty { requests.append(["Driver": "cdi", "DeviceIDs": JSON(named.map(\.id))]) }
        let throughRuntime = devices.filter { if case .nvidiaRuntime = $0.access { true } else { false } }
        if !throughRuntime.isEmpty {
            requests.append(
                ["Driver": "", "DeviceIDs": JSON(throughRuntime.map(\.name)), "Capabilities": [["gpu"]]]
            )
        }
        if !requests.isEmpty { config["DeviceRequests"] = .array(requests) }
        let nodes = devices.flatMap(\.edits).flatMap { $0.deviceNodes ?? [] }
        if !nodes.isEmpty {
            config["Devices"] = .array(
                nodes.map { node in
                    [
                        "PathOnHost": .string(node.hostPath ?? node.path), "PathInContainer": .string(node.path),
                        "CgroupPermissions": .string(node.permissions ?? "rwm"),
                    ]
                }
            )
        }
        return config
    }
}

/// Devices that are about to be a container's: between the choice and the container that carries their names.
struct AcceleratorClaims: Sendable {
    private(set) var claimed: Set<String> = []
    /// Counts changes: a look at the containers is only good while this stays the same.
    private(set) var version = 0

    mutating func claim(_ ids: [String]) {
        claimed.formUnion(ids)
        version += 1
    }

    mutating func giveBack(_ ids: [String]) {
        claimed.subtract(ids)
        version += 1
    }
}
