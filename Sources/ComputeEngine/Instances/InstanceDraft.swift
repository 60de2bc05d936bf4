import Foundation
import GoogleAPI
import ImageCatalogue
import Workloads

/// An instance as a client asks for it, checked and completed: the document of its row, and its disks.
struct InstanceDraft: Sendable {
    var instance: JSON
    var disks: AttachedDisks
    var key: ResourceKey

    /// Checks what was asked for and fills in what Google fills in.
    ///
    /// - Throws: ``GoogleError`` (400, 404) naming the field or resource.
    init(
        _ body: JSON,
        zone: String,
        project: String,
        defaultAccount: String,
        capabilities: EngineCapabilities?,
        images: ImageMethods,
        now: Date
    ) throws {
        let name = body["name"]?.string ?? ""
        try ResourceNames.check(name)
        key = ResourceKey(project: project, scope: "zones/\(zone)", collection: "instances", name: name)
        guard let region = Region.ofZone(zone) else { throw GoogleError.unknownZone(zone, project: project) }

        instance = body
        let typeName = ResourceName(parsing: body["machineType"]?.string ?? "").last
        guard MachineType.named(typeName) != nil else {
            throw GoogleError.invalidField(
                "resource.machineType",
                body["machineType"]?.string ?? "",
                "The referenced resource does not exist."
            )
        }
        try Self.checkAccelerators(body["guestAccelerators"]?.array ?? [], capabilities: capabilities)
        if let metadata = body["metadata"] { _ = try Metadata.checked(metadata) }
        for interface in body["networkInterfaces"]?.array ?? [] {
            let network = ResourceName(parsing: interface["network"]?.string ?? "networks/default").last
            guard network == NetworkMethods.defaultNetwork else {
                throw GoogleError.invalidField(
                    "resource.networkInterfaces[0].network",
                    network,
                    "The referenced network resource cannot be found."
                )
            }
        }

        let created = Timestamp.text(now)
        disks = try AttachedDisks(body["disks"]?.array ?? [], of: key, images: images, created: created)
        instance["disks"] = .array(disks.attached)
        complete(region: region, zone: zone, created: created, type: typeName, account: defaultAccount)
    }

    private mutating func complete(region: Region, zone: String, created: String, type: String, account: String) {
        let project = key.project
        instance["kind"] = "compute#instance"
        instance["id"] = .string(Token.id())
        instance["selfLink"] = .string(key.link)
        instance["zone"] = .string(Link.to("projects/\(project)/zones/\(zone)"))
        instance["machineType"] = .string(Link.to("projects/\(project)/zones/\(zone)/machineTypes/\(type)"))
        instance["creationTimestamp"] = .string(created)
        instance["status"] = "PROVISIONING"
        instance["cpuPlatform"] = "Unknown CPU Platform"
        instance["labelFingerprint"] = .string(Token.fingerprint())
        instance["fingerprint"] = .string(Token.fingerprint())
        instance["startRestricted"] = false
        var tags = instance["tags"] ?? [:]
        tags["fingerprint"] = .string(Token.fingerprint())
        instance["tags"] = tags
        var metadata = instance["metadata"] ?? [:]
        metadata["kind"] = "compute#metadata"
        metadata["fingerprint"] = .string(Token.fingerprint())
        instance["metadata"] = metadata
        var scheduling = instance["scheduling"] ?? [:]
        let isSpot = scheduling["preemptible"]?.bool ?? false || scheduling["provisioningModel"]?.string == "SPOT"
        scheduling["preemptible"] = .bool(isSpot)
        scheduling["automaticRestart"] = scheduling["automaticRestart"] ?? .bool(!isSpot)
        scheduling["onHostMaintenance"] = scheduling["onHostMaintenance"] ?? (isSpot ? "TERMINATE" : "MIGRATE")
        scheduling["provisioningModel"] = scheduling["provisioningModel"] ?? (isSpot ? "SPOT" : "STANDARD")
        instance["scheduling"] = scheduling
        instance["serviceAccounts"] = instance["serviceAccounts"]?.array.map { accounts in
            .array(
                accounts.map { asked in
                    var asked = asked
                    if asked["email"]?.string ?? "default" == "default" { asked["email"] = .string(account) }
                    return asked
                }
            )
        }
        let asked = instance["networkInterfaces"]?[0]
        instance["networkInterfaces"] = [
            [
                "kind": "compute#networkInterface", "name": "nic0", "stackType": "IPV4_ONLY",
                "fingerprint": .string(Token.fingerprint()),
                "network": .string(Link.to("projects/\(project)/global/networks/\(NetworkMethods.defaultNetwork)")),
                "subnetwork": .string(
                    Link.to("projects/\(project)/regions/\(region.name)/subnetworks/\(NetworkMethods.defaultNetwork)")
                ),
                "accessConfigs": .array(asked?["accessConfigs"]?.array ?? []),
                "networkIP": asked?["networkIP"] ?? "",
            ]
        ]
    }

    private static func checkAccelerators(_ asked: [JSON], capabilities: EngineCapabilities?) throws {
        for accelerator in asked {
            let type = ResourceName(parsing: accelerator["acceleratorType"]?.string ?? "").last
            guard AcceleratorType.names.contains(type) else {
                throw GoogleError.invalidField(
                    "resource.guestAccelerators[0].acceleratorType",
                    type,
                    "The referenced resource does not exist."
                )
            }
            if capabilities?.acceleratorKinds.isEmpty ?? true { throw GoogleError.acceleratorsMissing(type) }
        }
    }
}
