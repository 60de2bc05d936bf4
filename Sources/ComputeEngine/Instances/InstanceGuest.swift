import APIServer
import GoogleAPI
import Guests
import Workloads

/// An instance as its own metadata server shows it.
enum InstanceGuest {
    /// - Parameters:
    ///   - disks: The instance's disks, in its order.
    ///   - ranges: The subnetwork's, and the one that the engine chose where it could not have that.
    static func make(
        _ instance: JSON,
        project: ProjectIdentity,
        projectMetadata: JSON,
        disks: [JSON],
        ranges: [AddressRange]
    ) -> Guest {
        let name = instance["name"]?.string ?? ""
        let zone = ResourceName(parsing: instance["zone"]?.string ?? "").last
        let type = ResourceName(parsing: instance["machineType"]?.string ?? "").last
        let interface = instance["networkInterfaces"]?[0]
        let network = ResourceName(parsing: interface?["network"]?.string ?? "").last
        let account = instance["serviceAccounts"]?[0]
        let scheduling = instance["scheduling"]
        let address = IPv4.number(interface?["networkIP"]?.string ?? "")
        let subnetwork = address.flatMap { address in ranges.first { $0.contains(address) } }
        return Guest(
            projectID: project.id,
            projectNumber: project.number,
            serviceAccount: account?["email"]?.string,
            scopes: (account?["scopes"]?.array ?? []).compactMap(\.string),
            instance: [
                "id": .integer(Int64(instance["id"]?.string ?? "") ?? 0), "name": .string(name),
                "hostname": .string(HostName(of: instance, zone: zone, project: project.id).full),
                "zone": .string("projects/\(project.number)/zones/\(zone)"),
                "machineType": .string("projects/\(project.number)/machineTypes/\(type)"),
                "attributes": Metadata.attributes(instance["metadata"]), "description": instance["description"] ?? "",
                "tags": .array(instance["tags"]?["items"]?.array ?? []),
                "cpuPlatform": .string(MachineType.platform(of: instance)),
                "image": .string(ResourceName(parsing: disks.first?["sourceImage"]?.string ?? "").description),
                "licenses": .array(
                    (disks.first?.licenses ?? []).map { ["id": .string(Token.id(for: $0.string ?? ""))] }
                ), "virtualClock": ["driftToken": "0"], "remainingCpuTime": -1,
                "maintenanceEvent": "NONE", "preempted": "FALSE",
                "scheduling": [
                    "automaticRestart": .string((scheduling?["automaticRestart"]?.bool ?? true) ? "TRUE" : "FALSE"),
                    "onHostMaintenance": scheduling?["onHostMaintenance"] ?? "MIGRATE",
                    "preemptible": .string((scheduling?["preemptible"]?.bool ?? false) ? "TRUE" : "FALSE"),
                ],
                "disks": .array(
                    zip(instance["disks"]?.array ?? [], disks).map { attached, disk in
                        [
                            "deviceName": attached["deviceName"] ?? "", "index": attached["index"] ?? 0,
                            "mode": attached["mode"] ?? "READ_WRITE", "interface": attached["interface"] ?? "SCSI",
                            "type": .string(diskType(attached, disk)),
                        ]
                    }
                ),
                "networkInterfaces": [
                    [
                        "ip": interface?["networkIP"] ?? "", "mtu": 1460,
                        "mac": .string(address.map(HardwareAddress.text) ?? ""),
                        "network": .string("projects/\(project.number)/networks/\(network)"),
                        "gateway": .string(subnetwork?.gateway ?? ""),
                        "subnetmask": .string(subnetwork?.mask ?? ""),
                        "dnsServers": ["169.254.169.254"], "forwardedIps": [], "ipAliases": [], "targetInstanceIps": [],
                        "accessConfigs": .array(
                            (interface?["accessConfigs"]?.array ?? []).map {
                                ["externalIp": $0["natIP"] ?? "", "type": "ONE_TO_ONE_NAT"]
                            }
                        ),
                    ]
                ],
            ],
            projectAttributes: Metadata.attributes(projectMetadata)
        )
    }

    /// `PERSISTENT-SSD`, of `pd-ssd`; standard disks are only `PERSISTENT`.
    private static func diskType(_ attached: JSON, _ disk: JSON) -> String {
        if attached["type"]?.string == "SCRATCH" { return "LOCAL-SSD" }
        let type = ResourceName(parsing: disk["type"]?.string ?? "").last
        if type == "pd-standard" { return "PERSISTENT" }
        return type.hasPrefix("pd-") ? "PERSISTENT-\(type.dropFirst(3).uppercased())" : type.uppercased()
    }
}
