import APIServer
import Foundation
import GoogleAPI

/// The disks of an instance as a client asks for them: those to be made with it, and those that exist already.
struct AttachedDisks: Sendable {
    /// The boot disk first.
    var made: [(key: ResourceKey, disk: JSON)] = []
    var existing: [(key: ResourceKey, isReadOnly: Bool)] = []
    /// The instance's own list, in the order in which it was asked for, the boot disk first.
    var attached: [JSON] = []

    /// Checks what was asked for and fills in what Google fills in.
    ///
    /// - Throws: ``GoogleError`` (400, 404) naming the field or resource.
    init(_ asked: [JSON], of instance: ResourceKey, sources: DiskSources, for caller: Caller, created: String)
        async throws
    {
        guard let boot = asked.firstIndex(where: { $0["boot"]?.bool ?? false }) ?? asked.indices.first else {
            throw GoogleError.invalid("Invalid value for field 'resource.disks': ''. No disks are specified.")
        }
        let others = asked.enumerated().filter { $0.offset != boot }.map(\.element)
        for (index, disk) in ([asked[boot]] + others).enumerated() {
            try await add(disk, isBoot: index == 0, instance, sources: sources, for: caller, created: created)
        }
        let names = attached.map { $0["deviceName"]?.string ?? "" }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw GoogleError.invalidField("resource.disks.deviceName", twice, "Device names must be unique.")
        }
    }

    private mutating func add(
        _ asked: JSON,
        isBoot: Bool,
        _ instance: ResourceKey,
        sources: DiskSources,
        for caller: Caller,
        created: String
    ) async throws {
        let field = "resource.disks[\(attached.count)]"
        if LocalDisk.isAsked(asked), asked["source"]?.saysNothing ?? true {
            guard !isBoot else {
                throw GoogleError.invalidField("\(field).type", "SCRATCH", "A local SSD cannot be a boot disk.")
            }
            let number = attached.count { $0["source"] == nil }
            attached.append(try LocalDisk.attachment(asked, index: attached.count, number: number, field: field))
            return
        }
        if let source = asked["source"]?.string, !source.isEmpty {
            let key = try Self.existing(source, instance, field: field)
            let disk = try await sources.store.get(key)
            guard !isBoot || DiskContents.boots(disk) else { throw GoogleError.notBootable(key.resourceName) }
            guard isBoot || disk.licenses.isEmpty else { throw GoogleError.bootDiskAsAnother(key.resourceName) }
            existing.append((key, asked["mode"]?.string == "READ_ONLY"))
            return attached.append(Self.attachment(asked, disk, key, index: attached.count, isBoot: isBoot))
        }
        let parameters = asked["initializeParams"]
        try Labels.check(parameters?["labels"], field: "\(field).initializeParams.labels")
        let source = try await sources.find(in: parameters, project: instance.project, zone: instance.zone, for: caller)
        if !isBoot, let source, !source.licenses.isEmpty {
            throw GoogleError.bootDiskAsAnother(ResourceName(parsing: source.link))
        }
        if isBoot {
            guard let source else {
                throw GoogleError.invalidField(
                    "\(field).initializeParams.sourceImage",
                    "",
                    "A boot disk needs an image, a snapshot or a disk."
                )
            }
            guard !source.licenses.isEmpty else { throw GoogleError.notBootable(ResourceName(parsing: source.link)) }
        }
        let type = parameters?["diskType"]?.string
        let size = try Disk.size(
            asked: (parameters?["diskSizeGb"] ?? asked["diskSizeGb"])?.integer,
            type: type,
            source: source,
            field: "\(field).initializeParams"
        )
        let unnamed = isBoot ? instance.name : asked["deviceName"]?.string ?? "\(instance.name)-\(attached.count)"
        let name = parameters?["diskName"]?.string ?? unnamed
        try ResourceNames.check(name)
        let key = ResourceKey(project: instance.project, scope: instance.scope, collection: "disks", name: name)
        var disk = Disk.document(
            key,
            sizeGb: size,
            type: type,
            created: created,
            source: source,
            description: parameters?["description"]?.string,
            labels: parameters?["labels"]
        )
        disk["users"] = [.string(instance.link)]
        made.append((key, disk))
        var attachment = Self.attachment(asked, disk, key, index: attached.count, isBoot: isBoot)
        if asked["autoDelete"] == nil { attachment["autoDelete"] = .bool(isBoot) }
        attached.append(attachment)
    }

    /// The key of a disk that a client names, in the instance's zone.
    ///
    /// - Throws: ``GoogleError`` 400 for a disk of another zone, 501 for one of a region.
    static func existing(_ source: String, _ instance: ResourceKey, field: String) throws -> ResourceKey {
        guard ResourceName(parsing: source).value(of: "regions") == nil else {
            throw GoogleError.lackingRegionalDisk(source, field: "\(field).source")
        }
        let zone = ResourceName(parsing: source).value(of: "zones")
        guard zone == nil || zone == instance.zone else {
            throw GoogleError.invalidField("\(field).source", source, "Disk must be in the same zone as the instance.")
        }
        return Disk.key(of: source, like: instance)
    }

    /// A line of an instance's list of disks.
    static func attachment(_ asked: JSON, _ disk: JSON, _ key: ResourceKey, index: Int, isBoot: Bool) -> JSON {
        var attachment: JSON = [
            "kind": "compute#attachedDisk", "boot": .bool(isBoot), "source": .string(key.link),
            "autoDelete": asked["autoDelete"] ?? false, "index": .integer(Int64(index)),
            "mode": asked["mode"] ?? "READ_WRITE", "type": asked["type"] ?? "PERSISTENT",
            "interface": asked["interface"] ?? "SCSI",
            "deviceName": asked["deviceName"] ?? .string(isBoot ? "persistent-disk-0" : key.name),
            "licenses": .array(disk.licenses), "diskSizeGb": disk["sizeGb"] ?? "",
        ]
        for field in ["guestOsFeatures", "architecture"] { attachment[field] = disk[field] }
        return attachment
    }
}
