import Foundation
import GoogleAPI
import ImageCatalogue

/// The disks of an instance as a client asks for them: those to be made with it, and those that exist already.
struct AttachedDisks: Sendable {
    /// The boot disk first.
    var made: [(key: ResourceKey, disk: JSON)] = []
    var existing: [(key: ResourceKey, isReadOnly: Bool)] = []
    /// The instance's own list, in the order in which it was asked for, the boot disk first.
    var attached: [JSON] = []

    /// Checks what was asked for and fills in what Google fills in.
    ///
    /// - Throws: ``GoogleError`` (400, 404, 501) naming the field or resource.
    init(_ asked: [JSON], of instance: ResourceKey, images: ImageMethods, created: String) throws {
        guard let boot = asked.firstIndex(where: { $0["boot"]?.bool ?? false }) ?? asked.indices.first else {
            throw GoogleError.invalid("Invalid value for field 'resource.disks': ''. No disks are specified.")
        }
        var others = asked
        try addBoot(others.remove(at: boot), instance, images: images, created: created)
        for disk in others { try add(disk, instance, created: created) }
        let names = attached.map { $0["deviceName"]?.string ?? "" }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw GoogleError.invalidField("resource.disks.deviceName", twice, "Device names must be unique.")
        }
    }

    private mutating func addBoot(
        _ asked: JSON,
        _ instance: ResourceKey,
        images: ImageMethods,
        created: String
    ) throws {
        let parameters = asked["initializeParams"]
        let source = parameters?["sourceImage"]?.string ?? ""
        if source.isEmpty, let disk = asked["source"]?.string ?? parameters?["sourceSnapshot"]?.string {
            throw GoogleError.sourceLacking("resource.disks[0].source", disk)
        }
        let (image, _) = try images.resolve(sourceImage: source, project: instance.project)
        let size = parameters?["diskSizeGb"]?.integer ?? image.diskSizeGb
        let type = parameters?["diskType"]?.string
        try Disk.check(sizeGb: size, type: type, field: "resource.disks[0].initializeParams")
        guard size >= image.diskSizeGb else {
            throw GoogleError.invalidField(
                "resource.disks[0].initializeParams.diskSizeGb",
                String(size),
                "Requested disk size cannot be smaller than the image size (\(image.diskSizeGb) GB)"
            )
        }
        let key = try Self.key(parameters?["diskName"]?.string ?? instance.name, instance)
        var disk = Disk.document(key, sizeGb: size, type: type, created: created)
        disk["users"] = [.string(instance.link)]
        disk["sourceImage"] = .string(Link.to("projects/\(image.project)/global/images/\(image.name)"))
        made.append((key, disk))
        attach(asked, key, sizeGb: size, isBoot: true, autoDelete: true)
    }

    private mutating func add(_ asked: JSON, _ instance: ResourceKey, created: String) throws {
        let field = "resource.disks[\(attached.count)]"
        if let source = asked["source"]?.string, !source.isEmpty {
            let key = Disk.key(of: source, like: instance)
            let zone = ResourceName(parsing: source).value(of: "zones")
            guard zone == nil || zone == instance.zone else {
                throw GoogleError.invalidField(
                    "\(field).source",
                    source,
                    "Disk must be in the same zone as the instance."
                )
            }
            existing.append((key, asked["mode"]?.string == "READ_ONLY"))
            return attach(asked, key, sizeGb: nil, isBoot: false, autoDelete: false)
        }
        let parameters = asked["initializeParams"]
        if let image = parameters?["sourceImage"]?.string ?? parameters?["sourceSnapshot"]?.string {
            throw GoogleError.sourceLacking("\(field).initializeParams", image)
        }
        // A local SSD has no name of its own, and no other end than its machine's.
        let isScratch = asked["type"]?.string == "SCRATCH"
        let type = isScratch ? nil : parameters?["diskType"]?.string
        let size =
            asked["diskSizeGb"]?.integer ?? parameters?["diskSizeGb"]?.integer
            ?? (isScratch ? 375 : Disk.defaultSize(type: type))
        try Disk.check(sizeGb: size, type: type, field: "\(field).initializeParams")
        let device = asked["deviceName"]?.string
        let name = parameters?["diskName"]?.string ?? device ?? "\(instance.name)-\(attached.count)"
        let key = try Self.key(name, instance)
        var disk = Disk.document(
            key,
            sizeGb: size,
            type: type,
            created: created,
            description: parameters?["description"]?.string
        )
        disk["users"] = [.string(instance.link)]
        made.append((key, disk))
        attach(asked, key, sizeGb: size, isBoot: false, autoDelete: isScratch)
    }

    private mutating func attach(_ asked: JSON, _ key: ResourceKey, sizeGb: Int64?, isBoot: Bool, autoDelete: Bool) {
        var disk: JSON = [
            "kind": "compute#attachedDisk", "boot": .bool(isBoot), "source": .string(key.link), "licenses": [],
            "autoDelete": asked["autoDelete"] ?? .bool(autoDelete), "index": .integer(Int64(attached.count)),
            "mode": asked["mode"] ?? "READ_WRITE", "type": asked["type"] ?? "PERSISTENT",
            "interface": asked["interface"] ?? "SCSI",
            "deviceName": asked["deviceName"] ?? .string(isBoot ? "persistent-disk-0" : key.name),
        ]
        if let sizeGb { disk["diskSizeGb"] = .string(String(sizeGb)) }
        attached.append(disk)
    }

    private static func key(_ name: String, _ instance: ResourceKey) throws -> ResourceKey {
        try ResourceNames.check(name)
        return ResourceKey(project: instance.project, scope: instance.scope, collection: "disks", name: name)
    }
}
