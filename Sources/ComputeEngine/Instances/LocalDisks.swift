import GoogleAPI
import Workloads

/// Local SSDs: disks of an instance that are no resources, and hold nothing once it is off.
///
/// The machine finds each as a folder, as its other disks. See
/// [Local SSD](https://docs.cloud.google.com/compute/docs/disks/local-ssd).
enum LocalDisk {
    /// GB; there is no other size.
    static let size: Int64 = 375
    /// As many as one instance may have.
    static let most = 24

    /// Whether a client asks for one.
    static func isAsked(_ disk: JSON) -> Bool { disk["type"]?.string == "SCRATCH" }

    /// Those of an instance; in the rows of earlier versions they were disks like others, with a source.
    static func all(of instance: JSON) -> [JSON] {
        (instance["disks"]?.array ?? []).filter { isAsked($0) && $0["source"] == nil }
    }

    /// A line of an instance's list of disks.
    ///
    /// - Parameter index: Its place among all disks; `number` is that among the local ones.
    /// - Throws: ``GoogleError`` `invalid` (400) for another size or type, and for one that exists already.
    static func attachment(_ asked: JSON, index: Int, number: Int, field: String) throws -> JSON {
        let type = asked["initializeParams"]?["diskType"]?.string
        if let type, ResourceName(parsing: type).last != DiskType.local {
            throw GoogleError.invalidField(
                "\(field).initializeParams.diskType",
                type,
                "A disk of type SCRATCH must be of the disk type local-ssd."
            )
        }
        let asksSize = (asked["initializeParams"]?["diskSizeGb"] ?? asked["diskSizeGb"])?.integer ?? size
        guard asksSize == size else {
            throw GoogleError.invalidField(
                "\(field).diskSizeGb",
                String(asksSize),
                "A local SSD has \(size) GB: ask for several."
            )
        }
        let interface = asked["interface"]?.string ?? "SCSI"
        guard ["SCSI", "NVME"].contains(interface) else {
            throw GoogleError.invalidField("\(field).interface", interface, "It must be SCSI or NVME.")
        }
        guard number < most else {
            throw GoogleError.invalidField("resource.disks", "", "An instance has at most \(most) local SSDs.")
        }
        return [
            "kind": "compute#attachedDisk", "type": "SCRATCH", "mode": "READ_WRITE", "boot": false, "autoDelete": true,
            "index": .integer(Int64(index)), "interface": .string(interface), "diskSizeGb": .string(String(size)),
            "deviceName": asked["deviceName"] ?? .string("local-ssd-\(number)"),
        ]
    }

    /// - Throws: ``GoogleError`` `invalid` (400) for an instance with local SSDs whose machine type takes none.
    static func check(_ instance: JSON, type: MachineType) throws {
        guard !all(of: instance).isEmpty, !type.takesLocalDisks else { return }
        throw GoogleError.acceleratorsDoNotFit(DiskType.local, on: type.name)
    }

    /// The engine's volume of one.
    static func volume(_ attached: JSON, of instance: JSON) -> String {
        "local-\(instance["id"]?.string ?? "")-\(attached["index"]?.integer ?? 0)"
    }
}

extension MachineType {
    /// Whether local SSDs may be added.
    fileprivate var takesLocalDisks: Bool {
        ["n1", "n2", "n2d", "c2", "c2d", "g2", "a2", "custom"].contains(name.split(separator: "-").first ?? "")
    }
}

extension InstanceLife {
    /// Lets what is on local SSDs go, of a machine that is off.
    func emptyLocalDisks(of instance: JSON, _ key: ResourceKey) async throws {
        let disks = LocalDisk.all(of: instance)
        guard !disks.isEmpty else { return }
        do {
            try await removeLocalDisks(of: instance)
        } catch EngineError.refused {
            // The machine was made with them, and keeps them as long as it is there.
            guard try ContainerDeclaration.read(from: instance) == nil else { return }
            try await unmake(instance, key)
            try await removeLocalDisks(of: instance)
        }
    }

    /// Removes the volumes of local SSDs that no machine has.
    func removeLocalDisks(of instance: JSON) async throws {
        for disk in LocalDisk.all(of: instance) {
            try await engine.removeVolume(LocalDisk.volume(disk, of: instance))
        }
    }
}
