package import Billing
package import Foundation
import GRDB
import GoogleAPI
package import MetadataStore

/// When machines ran, and disks, reserved addresses, snapshots and images were there, as the triggers of
/// ``ComputeEngineSchema`` noted it.
package struct ComputeUsage: Sendable {
    private let store: MetadataStore

    package init(store: MetadataStore) { self.store = store }

    /// What was there at some time between two moments; of all projects.
    package func between(_ from: Date, _ to: Date) async throws -> [Usage] {
        try await store.database.read { db in
            let sql = """
                SELECT * FROM computeUsage WHERE started < ? AND (ended IS NULL OR ended >= ?) ORDER BY started, id
                """
            let rows = try Row.fetchAll(
                db,
                sql: sql,
                arguments: [to.timeIntervalSince1970, from.timeIntervalSince1970]
            )
            return try rows.filter { $0["collection"] != "addresses" }.compactMap(Self.read) + Self.idleAddresses(rows)
        }
    }

    /// What a machine type is made of; nil when there is none of that name.
    package static func machine(_ type: String) -> Usage.Machine? { MachineType.named(type).map(machine) }

    /// The same for one that may be asked for.
    ///
    /// - Throws: ``GoogleError`` `invalidResourceUsage` (400) for a custom type against the rules of its family.
    package static func machine(asked type: String) throws -> Usage.Machine? { try MachineType.find(type).map(machine) }

    private static func machine(_ type: MachineType) -> Usage.Machine {
        Usage.Machine(type: type.name, vCPUs: Double(type.milliCPUs) / 1000, gibibytes: Double(type.memoryMiB) / 1024)
    }

    private static func read(_ row: Row) throws -> Usage? {
        let resource = try JSON(parsing: row["resource"])
        let scope: String = row["scope"]
        let collection: String = row["collection"]
        let kind: Usage.Kind? =
            switch collection {
            case "disks": disk(resource)
            case "snapshots": .snapshot(item: "snapshot", bytes: bytes(resource["storageBytes"]))
            case "images": .snapshot(item: "image", bytes: bytes(resource["archiveSizeBytes"]))
            default: instance(resource)
            }
        guard let kind else { return nil }
        let zone = String(scope.split(separator: "/").last ?? "")
        return Usage(
            project: row["project"],
            resource: "\(collection)/\(row["name"] as String) (\(zone))",
            region: zone.split(separator: "-").prefix(2).joined(separator: "-"),
            kind: kind,
            start: Date(timeIntervalSince1970: row["started"]),
            end: (row["ended"] as Double?).map(Date.init(timeIntervalSince1970:))
        )
    }

    private static func bytes(_ size: JSON?) -> Double { Double(size?.integer ?? 0) }

    /// When reserved external addresses were no running machine's.
    private static func idleAddresses(_ rows: [Row]) throws -> [Usage] {
        guard rows.contains(where: { $0["collection"] == "addresses" }) else { return [] }
        var busy: [String: [(start: Double, end: Double)]] = [:]
        for row in rows where row["collection"] == "instances" {
            for address in AccessConfig.addresses(of: try JSON(parsing: row["resource"])) {
                let time: (start: Double, end: Double) = (row["started"], row["ended"] ?? .infinity)
                busy["\(row["project"] as String) \(address)", default: []].append(time)
            }
        }
        return try rows.filter { $0["collection"] == "addresses" }.flatMap { row -> [Usage] in
            let resource = try JSON(parsing: row["resource"])
            guard resource["addressType"] == "EXTERNAL", let address = resource["address"]?.string else { return [] }
            let project: String = row["project"]
            let name: String = row["name"]
            let region = String((row["scope"] as String).split(separator: "/").last ?? "")
            let end: Double = row["ended"] ?? .infinity
            var idle: [(start: Double, end: Double)] = []
            var moment: Double = row["started"]
            for use in (busy["\(project) \(address)"] ?? []).sorted(by: { $0.start < $1.start }) {
                if use.start > moment { idle.append((moment, min(use.start, end))) }
                moment = max(moment, use.end)
            }
            if moment < end { idle.append((moment, end)) }
            return idle.map { time in
                Usage(
                    project: project,
                    resource: "addresses/\(name) (\(region))",
                    region: region,
                    kind: .idleAddress,
                    start: Date(timeIntervalSince1970: time.start),
                    end: time.end.isFinite ? Date(timeIntervalSince1970: time.end) : nil
                )
            }
        }
    }

    private static func disk(_ resource: JSON) -> Usage.Kind? {
        let type = ResourceName(parsing: resource["type"]?.string ?? "").last
        return .disk(type: type, gigabytes: Double(resource["sizeGb"]?.integer ?? 0))
    }

    private static func instance(_ resource: JSON) -> Usage.Kind? {
        guard var machine = machine(ResourceName(parsing: resource["machineType"]?.string ?? "").last) else {
            return nil
        }
        machine.isSpot = Scheduling.isSpot(resource)
        machine.accelerators = (resource["guestAccelerators"]?.array ?? []).map {
            Usage.Accelerator(
                type: ResourceName(parsing: $0["acceleratorType"]?.string ?? "").last,
                count: Int($0["acceleratorCount"]?.integer ?? 0)
            )
        }
        machine.hasExternalAddress = !(resource["networkInterfaces"]?[0]?["accessConfigs"]?.array ?? []).isEmpty
        return .machine(machine)
    }
}
