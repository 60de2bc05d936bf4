import Foundation
import GoogleAPI

/// A persistent disk: its document, and the volume of the engine's that holds its content.
///
/// A boot disk is its machine's own root; any other disk is a volume that appears in its machine as a folder.
enum Disk {
    static func document(
        _ key: ResourceKey,
        sizeGb: Int64,
        type: String?,
        created: String,
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
        if let description { disk["description"] = .string(description) }
        if let labels { disk["labels"] = labels }
        return disk
    }

    /// Checks a size and a type that a client asks for.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func check(sizeGb: Int64, type: String?, field: String) throws {
        guard (1...65536).contains(sizeGb) else {
            throw GoogleError.invalidField(
                "\(field).sizeGb",
                String(sizeGb),
                "Disk size must be between 1 GB and 65536 GB inclusive."
            )
        }
        if let type, !DiskType.names.contains(ResourceName(parsing: type).last) {
            throw GoogleError.invalidField("\(field).type", type, "The referenced diskType resource cannot be found.")
        }
    }

    /// The size of an empty disk whose maker names none, in GB.
    static func defaultSize(type: String?) -> Int64 {
        type.map { ResourceName(parsing: $0).last } == "pd-standard" ? 500 : 100
    }

    static func volume(of disk: JSON) -> String { "disk-\(disk["id"]?.string ?? "")" }

    /// Where a machine finds a disk, by the name of the device.
    static func folder(deviceName: String) -> String {
        "/mnt/disks/" + deviceName.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    static func key(of source: String, like instance: ResourceKey) -> ResourceKey {
        ResourceKey(
            project: instance.project,
            scope: instance.scope,
            collection: "disks",
            name: ResourceName(parsing: source).last
        )
    }
}
