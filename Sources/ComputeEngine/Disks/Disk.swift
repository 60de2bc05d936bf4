import Foundation
import GoogleAPI

/// A persistent disk's document, and where a machine finds it.
///
/// A boot disk is its machine's own root; any other disk appears in its machine as a folder.
enum Disk {
    static func document(
        _ key: ResourceKey,
        sizeGb: Int64,
        type: String?,
        created: String,
        source: DiskSource? = nil,
        description: String? = nil,
        labels: JSON? = nil
    ) -> JSON {
        let typeName = type.map { ResourceName(parsing: $0).last } ?? "pd-balanced"
        var disk: JSON = [
            "kind": "compute#disk", "id": .string(Token.id()), "name": .string(key.name), "status": "READY",
            "creationTimestamp": .string(created), "sizeGb": .string(String(sizeGb)), "selfLink": .string(key.link),
            "zone": .string(Link.to("projects/\(key.project)/\(key.scope)")),
            "type": .string(Link.to("projects/\(key.project)/\(key.scope)/diskTypes/\(typeName)")),
            "labelFingerprint": .string(Token.fingerprint()), "physicalBlockSizeBytes": "4096", "users": [],
        ]
        source?.note(in: &disk)
        if let description { disk["description"] = .string(description) }
        if let labels { disk["labels"] = labels }
        return disk
    }

    /// The size of a new disk: what is asked for, or its source's, or the default of an empty disk.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a size or a type that cannot be.
    static func size(asked: Int64?, type: String?, source: DiskSource?, field: String) throws -> Int64 {
        let size =
            asked ?? source?.diskSizeGb ?? (type.map { ResourceName(parsing: $0).last } == "pd-standard" ? 500 : 100)
        guard (1...65536).contains(size) else {
            throw GoogleError.invalidField(
                "\(field).sizeGb",
                String(size),
                "Disk size must be between 1 GB and 65536 GB inclusive."
            )
        }
        try DiskType.check(type, field: "\(field).type")
        if let source, size < source.diskSizeGb {
            let what = source.field.dropFirst("source".count).lowercased()
            throw GoogleError.invalidField(
                "\(field).diskSizeGb",
                String(size),
                "Requested disk size cannot be smaller than the \(what) size (\(source.diskSizeGb) GB)"
            )
        }
        return size
    }

    /// Where a machine finds a disk, by the name of the device.
    static func folder(deviceName: String) -> String {
        "/mnt/disks/" + deviceName.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    static func key(of source: String, like instance: ResourceKey) -> ResourceKey {
        let name = ResourceName(parsing: source)
        return ResourceKey(project: instance.project, scope: instance.scope, collection: "disks", name: name.last)
    }

    /// The disks of an instance, the boot disk first.
    static func keys(of instance: JSON, at key: ResourceKey) -> [ResourceKey] {
        (instance["disks"]?.array ?? []).compactMap { $0["source"]?.string }.map { Self.key(of: $0, like: key) }
    }

    /// Gives a disk to an instance.
    ///
    /// - Throws: ``GoogleError`` `resourceInUseByAnotherResource` (400) for a disk that another one may write.
    static func use(_ disk: inout JSON, at key: ResourceKey, by instance: ResourceKey, isReadOnly: Bool) throws {
        let users = disk["users"]?.array ?? []
        if let user = users.first?.string, !isReadOnly || users.contains(.string(instance.link)) {
            throw GoogleError.inUse(key.resourceName, by: user)
        }
        guard disk["status"]?.string ?? "READY" == "READY" else {
            throw GoogleError.notReady(key.resourceName, status: disk["status"]?.string ?? "", needs: "READY")
        }
        disk["users"] = .array(users + [.string(instance.link)])
    }

    /// Writes a disk's new size into an instance that has it.
    static func tell(_ sizeGb: JSON?, of disk: ResourceKey, to instance: inout JSON) {
        let disks = (instance["disks"]?.array ?? []).map { attached -> JSON in
            guard attached["source"]?.string == disk.link else { return attached }
            var attached = attached
            attached["diskSizeGb"] = sizeGb
            return attached
        }
        instance["disks"] = .array(disks)
    }

    static func rename(_ disk: inout JSON, user: ResourceKey, to name: ResourceKey) {
        disk["users"] = .array(
            (disk["users"]?.array ?? []).map { $0.string == user.link ? .string(name.link) : $0 }
        )
    }

    /// Takes a disk from an instance.
    static func release(_ disk: inout JSON, by instance: ResourceKey) {
        disk["users"] = .array((disk["users"]?.array ?? []).filter { $0.string != instance.link })
    }
}
