import APIServer
import Foundation
import GoogleAPI

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
        key: ResourceKey,
        defaultAccount: String,
        sources: DiskSources,
        defaults: DefaultNetwork,
        for caller: Caller,
        now: Date
    ) async throws {
        self.key = key
        let zone = key.zone ?? ""
        guard let region = Region.ofZone(zone) else { throw GoogleError.unknownZone(zone, project: key.project) }

        instance = body
        try LackingFields.ofInstances.check(body)
        try ContainerDeclaration.read(from: body)?.check()
        let type = try MachineType.find(body["machineType"]?.string ?? "", field: "resource.machineType")
        try GuestAccelerators.complete(&instance, type: type, key: key)
        instance["scheduling"] = try Scheduling.completed(instance["scheduling"] ?? [:])
        try Labels.check(body["labels"], field: "resource.labels")
        if let metadata = body["metadata"] { _ = try Metadata.checked(metadata) }
        let created = Timestamp.text(now)
        disks = try await AttachedDisks(
            body["disks"]?.array ?? [],
            of: key,
            sources: sources,
            for: caller,
            created: created
        )
        instance["disks"] = .array(disks.attached)
        try LocalDisk.check(instance, type: type)
        let place = try await InstancePlace.find(
            body["networkInterfaces"]?[0],
            region: region,
            project: key.project,
            defaults: defaults,
            store: sources.store
        )
        for config in body["networkInterfaces"]?[0]?["accessConfigs"]?.array ?? [] {
            try await Address.check(config["natIP"]?.string, in: region, of: key.project, store: sources.store)
        }
        complete(at: place, zone: zone, created: created, type: type.name, account: defaultAccount)
    }

    /// What fields say that are left out, or members of them.
    private static let usual: [String: JSON] = [
        "shieldedInstanceConfig": ["enableSecureBoot": false, "enableVtpm": true, "enableIntegrityMonitoring": true],
        "shieldedInstanceIntegrityPolicy": ["updateAutoLearnPolicy": true],
        "reservationAffinity": ["consumeReservationType": "ANY_RESERVATION"],
    ]

    private mutating func complete(
        at place: InstancePlace,
        zone: String,
        created: String,
        type: String,
        account: String
    ) {
        let project = key.project
        instance["kind"] = "compute#instance"
        instance["id"] = .string(Token.id())
        instance["selfLink"] = .string(key.link)
        instance["zone"] = .string(Link.to("projects/\(project)/zones/\(zone)"))
        instance["machineType"] = .string(Link.to("projects/\(project)/zones/\(zone)/machineTypes/\(type)"))
        instance["creationTimestamp"] = .string(created)
        instance["status"] = "PROVISIONING"
        instance["cpuPlatform"] = .string(MachineType.noPlatform)
        for field in ["canIpForward", "deletionProtection"] { instance[field] = instance[field] ?? false }
        for (field, usual) in Self.usual {
            var value = usual
            value.merge(instance[field] ?? [:])
            instance[field] = value
        }
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
                "network": .string(place.network.link), "subnetwork": .string(place.subnetwork.link),
                "accessConfigs": .array((asked?["accessConfigs"]?.array ?? []).map(AccessConfig.completed)),
                "networkIP": asked?["networkIP"] ?? "",
            ]
        ]
    }
}
