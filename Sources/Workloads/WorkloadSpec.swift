/// The name of a workload, chosen by Brume and unique in one cloud: `instance-4217…`, `build-…`, `job-…`.
///
/// Lower-case letters, digits and dashes; 63 characters at most; it begins with a letter.
package struct WorkloadName: Hashable, Codable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: String

    package init(_ text: String) { self.text = text }
    package init(stringLiteral value: String) { text = value }

    package var description: String { text }
}

/// What is to run.
package struct WorkloadSpec: Sendable {
    package var name: WorkloadName
    /// What ``WorkloadEngine/recover(labels:)`` finds the workload by: `kind`, `project`, `id`.
    package var labels: [String: String]
    package var shape: Shape

    package enum Shape: Sendable {
        /// A machine that stays: it keeps its disk over stop and start. One part, named `machine`.
        case machine(MachineSpec)
        /// Steps that share one workspace and run in their order; each part is named as its step.
        case steps(StepsSpec)
        /// Replicas that start together or not at all; each part is named as its replica.
        case replicas(ReplicasSpec)
    }

    package init(name: WorkloadName, labels: [String: String], shape: Shape) {
        self.name = name
        self.labels = labels
        self.shape = shape
    }
}

/// One process tree in an image.
package struct ProcessSpec: Codable, Sendable {
    package var image: ImageReference
    /// Replaces the image's entry point; nil keeps it.
    package var entrypoint: [String]?
    /// Replaces the image's arguments; nil keeps them.
    package var arguments: [String]?
    package var environment: [String: String]
    package var workingDirectory: String?
    /// `0`, `1000:1000`; nil keeps the image's.
    package var user: String?
    package var hostname: String?
    package var resources: Resources
    package var mounts: [Mount]
    /// Files put in place before the start.
    package var files: [FileSpec]
    /// Certificate authorities (PEM) to trust besides the image's own; they are added to the bundle at
    /// ``ProcessSpec/trustBundlePath``.
    package var trustedAuthorities: [String]
    /// Nil: the engine's own default network, without doors.
    package var network: NetworkAttachment?
    package var accelerators: Accelerators?

    /// Where every workload finds the certificates to trust: what variables such as `SSL_CERT_FILE` name.
    package static let trustBundlePath = "/etc/ssl/certs/ca-certificates.crt"

    package init(image: ImageReference, arguments: [String]? = nil, environment: [String: String] = [:]) {
        self.image = image
        self.arguments = arguments
        self.environment = environment
        resources = Resources()
        mounts = []
        files = []
        trustedAuthorities = []
    }
}

package struct MachineSpec: Sendable {
    package var process: ProcessSpec
    /// Starts the image's own init (systemd) as the first process when it has one.
    ///
    /// Otherwise the process runs as it says, under a small init of the engine's: give it a command that stays.
    package var bootsInit: Bool
    /// Put before the image's init, and before a monitor: it becomes the program that follows.
    package var wrapper: [String] = []
    /// Gives the machine a kernel of its own; nil: it shares the engine's. Needs
    /// ``EngineCapabilities/virtualMachines``.
    package var monitor: VirtualMachineMonitor?

    package init(process: ProcessSpec, bootsInit: Bool) {
        self.process = process
        self.bootsInit = bootsInit
    }
}

/// What runs a machine with a kernel of its own, and finds the way into it. It lies in the machine's mounts.
package struct VirtualMachineMonitor: Codable, Sendable, Equatable {
    /// Runs beside the machine's root and boots it; followed by `init PROGRAM` or `process PROGRAM ARGUMENT…`. It ends as
    /// the machine does: with 129 when that wants to be started again, with 130 when it was switched off.
    package var boot: [String]
    /// Put before a command that is to run inside.
    package var enter: [String]
    /// Where the monitor reads the machine's size: `cpus=2 memory=4096`, in processors and MiB.
    package var sizeFile: String
    /// What the monitor itself needs of memory, in bytes, besides the machine's.
    package var overheadBytes: Int64

    package init(boot: [String], enter: [String], sizeFile: String, overheadBytes: Int64) {
        self.boot = boot
        self.enter = enter
        self.sizeFile = sizeFile
        self.overheadBytes = overheadBytes
    }
}

package struct StepsSpec: Sendable {
    package struct Step: Codable, Sendable {
        /// Unique in the workload; the part's name: `step-0`.
        package var name: String
        package var process: ProcessSpec
        /// Earlier steps that must have ended well before this one starts; empty: starts at once.
        package var after: [String]
        /// Nil: as long as the whole may take.
        package var timeout: Duration?
        /// Exit codes besides 0 that count as success.
        package var allowedExitCodes: [Int32]
        /// Whether any exit counts as success.
        package var allowsFailure: Bool

        package init(name: String, process: ProcessSpec, after: [String]) {
            self.name = name
            self.process = process
            self.after = after
            allowedExitCodes = []
            allowsFailure = false
        }
    }

    package var steps: [Step]
    /// Where the shared workspace is mounted in every step: `/workspace`.
    package var workspace: String
    /// Files unpacked into the workspace before the first step: a tar stream, plain or compressed with gzip, made anew
    /// each time it is asked for.
    package var source: (@Sendable () async throws -> ByteStream)?
    /// Fetches the image of a step that is not there when the step's turn comes; nil: the engine pulls it without
    /// credentials. A step may so run in an image that an earlier step has built.
    package var ensureImage: (@Sendable (ImageReference) async throws -> Void)?
    /// Gives every step a socket at `/var/run/docker.sock` that speaks as the Docker Engine does: behind it steps build,
    /// pull, tag and push images, and run containers beside them, which end with the workload. What is the machine's or
    /// others' is out of their reach. Needs ``EngineCapabilities/containerSocket``.
    package var needsContainerSocket: Bool
    /// Images, by their names without tags, that steps may use and not replace.
    package var reservedImages: Set<String>

    package init(steps: [Step], workspace: String) {
        self.steps = steps
        self.workspace = workspace
        needsContainerSocket = false
        reservedImages = []
    }
}

package struct ReplicasSpec: Sendable {
    package struct Replica: Sendable {
        /// Unique in the workload; the part's name: `workerpool0-0`. Others reach it by its ``hostname``.
        package var name: String
        package var process: ProcessSpec

        package init(name: String, process: ProcessSpec) {
            self.name = name
            self.process = process
        }
    }

    package var replicas: [Replica]

    package init(replicas: [Replica]) { self.replicas = replicas }
}

/// Limits; zero stands for none.
package struct Resources: Codable, Sendable, Equatable {
    /// Thousandths of a CPU: an e2-medium has 1000 (shared core), an n1-standard-4 has 4000.
    package var milliCPUs: Int
    package var memoryBytes: Int64
    /// Of machines alone; it is not written down with ``milliCPUs`` and ``memoryBytes``.
    package var processorTime = ProcessorTime.limited

    private enum CodingKeys: CodingKey { case milliCPUs, memoryBytes }

    /// How a workload shares the processors with others.
    package enum ProcessorTime: String, Codable, Sendable {
        /// As ``milliCPUs`` says.
        case limited
        /// As much as there is, with the right of all others: a machine that boots.
        case bursting
        /// As much as all others leave.
        case leftOver
    }

    package init(milliCPUs: Int = 0, memoryBytes: Int64 = 0) {
        self.milliCPUs = milliCPUs
        self.memoryBytes = memoryBytes
    }

    package func with(_ time: ProcessorTime) -> Resources {
        var resources = self
        resources.processorTime = time
        return resources
    }
}

/// Devices that a process has for itself while it runs, and before its first start; a machine that has ended keeps none.
package struct Accelerators: Codable, Sendable, Equatable {
    /// The vendor and class of the [Container Device Interface](https://github.com/cncf-tags/container-device-interface):
    /// `nvidia.com/gpu`.
    package var kind: String
    package var count: Int

    package init(kind: String, count: Int) {
        self.kind = kind
        self.count = count
    }

    /// NVIDIA's cards, of any model.
    package static let nvidia = "nvidia.com/gpu"
}

extension WorkloadSpec {
    /// How many accelerators the workload must have at once, by kind.
    package var accelerators: [String: Int] {
        func sum(_ processes: [ProcessSpec]) -> [String: Int] {
            Dictionary(processes.compactMap(\.accelerators).map { ($0.kind, $0.count) }, uniquingKeysWith: +)
        }
        return switch shape {
        case .machine(let machine): sum([machine.process])
        case .replicas(let group): sum(group.replicas.map(\.process))
        case .steps(let steps):
            steps.steps.map { sum([$0.process]) }.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: max) }
        }
    }

    /// Refuses what could never be had, however long one waits.
    ///
    /// - Throws: ``EngineError/insufficient(_:)``.
    package func checkAccelerators(_ capabilities: EngineCapabilities) throws {
        for (kind, count) in accelerators where count > capabilities.accelerators[kind] ?? 0 {
            let there = capabilities.accelerators[kind] ?? 0
            throw EngineError.insufficient(
                there == 0
                    ? "This engine has no accelerators of the kind '\(kind)'."
                    : "This engine has \(there) accelerators of the kind '\(kind)', not \(count)."
            )
        }
    }
}

package struct Mount: Codable, Sendable, Equatable {
    package enum Source: Codable, Sendable, Equatable {
        /// A volume of the engine's, by name.
        case volume(String)
        /// A folder of the daemon's machine that belongs to Brume (guest tools, the Cloud SDK): never a user's path.
        case tools(String)
        /// Memory that goes with the workload.
        case memory
    }

    package var source: Source
    package var path: String
    package var isReadOnly: Bool

    package init(_ source: Source, at path: String, isReadOnly: Bool = false) {
        self.source = source
        self.path = path
        self.isReadOnly = isReadOnly
    }
}

package struct FileSpec: Codable, Sendable, Equatable {
    package var path: String
    package var content: [UInt8]
    /// Permission bits: 0o644.
    package var mode: Int
    package var ownerID: Int

    package init(path: String, content: [UInt8], mode: Int = 0o644, ownerID: Int = 0) {
        self.path = path
        self.content = content
        self.mode = mode
        self.ownerID = ownerID
    }
}

package struct ExecSpec: Sendable {
    package var command: [String]
    package var environment: [String: String]
    /// `0`; nil: the workload's own user.
    package var user: String?
    package var terminal: TerminalSize?

    package struct TerminalSize: Sendable, Equatable {
        package var columns: Int
        package var rows: Int

        package init(columns: Int, rows: Int) {
            self.columns = columns
            self.rows = rows
        }
    }

    package init(_ command: [String], environment: [String: String] = [:], user: String? = nil) {
        self.command = command
        self.environment = environment
        self.user = user
    }
}
