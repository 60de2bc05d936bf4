import APIServer
import GRDB
import GoogleAPI
import HTTPTypes

/// What is the same for all projects: regions, zones, machine types, disk types, accelerator types.
struct PlaceMethods: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    /// Zones and types are as old as the cloud's own beginning.
    private let creationTimestamp = "1969-12-31T16:00:00.000-08:00"

    func add(to api: MethodTable) {
        api.add("compute.zones.get", .get, ComputePath.zone, getZone)
        api.add("compute.zones.list", .get, ComputePath.project + "/zones", listZones)
        api.add("compute.regions.get", .get, ComputePath.region, getRegion)
        api.add("compute.regions.list", .get, ComputePath.project + "/regions", listRegions)
        for catalogue in [Catalogue.machineTypes, .diskTypes, .acceleratorTypes] {
            let name = catalogue.collection
            let path = "\(ComputePath.zone)/\(name)"
            api.add("compute.\(name).get", .get, path + "/{name}", get(catalogue))
            api.add("compute.\(name).list", .get, path, list(catalogue))
            api.add(
                "compute.\(name).aggregatedList",
                .get,
                "\(ComputePath.aggregated)/\(name)",
                requires: "compute.\(name).list",
                list(catalogue)
            )
        }
    }

    func getZone(_ input: PlaceInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        guard Region.ofZone(input.name) != nil else {
            throw GoogleError.unknownZone(input.name, project: input.project)
        }
        return Link.render(zone(input.name, project: project.id), for: caller.origin)
    }

    func listZones(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        return try input.page(Region.zoneNames.map { zone($0, project: project.id) }, kind: "zone", for: caller)
    }

    func getRegion(_ input: PlaceInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        guard let region = Region.named(input.name) else {
            throw GoogleError.resourceMissing(ResourceName(["projects", project.id, "regions", input.name]))
        }
        let quotas = try await store.database.read { try Quota.documents(project: project.id, in: $0).ofRegion }
        return Link.render(self.region(region, project: project.id, quotas: quotas), for: caller.origin)
    }

    func listRegions(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let quotas = try await store.database.read { try Quota.documents(project: project.id, in: $0).ofRegion }
        let regions = Region.all.map { region($0, project: project.id, quotas: quotas) }
        return try input.page(regions, kind: "region", for: caller)
    }

    /// A zone or a region by itself.
    struct PlaceInput: MethodInput {
        var resource: ResourceName
        var project: String
        var name: String

        init(from call: Call) async throws {
            project = try call.parameter("project")
            name = try (try? call.parameter("zone")) ?? call.parameter("region")
            resource = .project(project)
        }
    }

    /// A list or aggregated list of one of the catalogues.
    func list(_ catalogue: Catalogue) -> @Sendable (ListInput, Caller) async throws -> JSON {
        { input, caller in
            let project = try await projects.project(input.project)
            let zones = try input.zone.map { zone in
                guard Region.ofZone(zone) != nil else { throw GoogleError.unknownZone(zone, project: project.id) }
                return [zone]
            }
            if let zones {
                let items = zones.flatMap { zone in catalogue.names.map { item(catalogue, $0, zone, project.id) } }
                return try input.page(items, kind: catalogue.kind, for: caller)
            }
            let scopes = Region.zoneNames.map { zone in
                ("zones/\(zone)", catalogue.names.map { item(catalogue, $0, zone, project.id) })
            }
            return try input.aggregate(scopes, collection: catalogue.collection, kind: catalogue.kind, for: caller)
        }
    }

    func get(_ catalogue: Catalogue) -> @Sendable (NamedInput, Caller) async throws -> JSON {
        { input, caller in
            let project = try await projects.project(input.project)
            let zone = input.zone ?? ""
            let isKnown =
                try catalogue.names.contains(input.name)
                || (catalogue == .machineTypes && MachineType.find(input.name) != nil)
            guard Region.ofZone(zone) != nil, isKnown else {
                throw GoogleError.resourceMissing(
                    ResourceName(["projects", project.id, "zones", zone, catalogue.collection, input.name])
                )
            }
            return Link.render(item(catalogue, input.name, zone, project.id), for: caller.origin)
        }
    }

    enum Catalogue: Sendable {
        case machineTypes, diskTypes, acceleratorTypes

        var collection: String {
            switch self {
            case .machineTypes: "machineTypes"
            case .diskTypes: "diskTypes"
            case .acceleratorTypes: "acceleratorTypes"
            }
        }
        var kind: String { String(collection.dropLast()) }
        var names: [String] {
            switch self {
            case .machineTypes: MachineType.predefined.map(\.name)
            case .diskTypes: DiskType.all.map(\.name)
            case .acceleratorTypes: AcceleratorType.names
            }
        }
    }

    private func item(_ catalogue: Catalogue, _ name: String, _ zone: String, _ project: String) -> JSON {
        var item: JSON = [
            "kind": .string("compute#\(catalogue.kind)"),
            "id": .string(Token.id(for: catalogue.collection + zone + name)),
            "name": .string(name), "creationTimestamp": .string(creationTimestamp),
            "selfLink": .string(Link.to("projects/\(project)/zones/\(zone)/\(catalogue.collection)/\(name)")),
        ]
        switch catalogue {
        case .machineTypes:
            let type = MachineType.named(name)
            item["zone"] = .string(zone)
            item["guestCpus"] = .integer(Int64(type?.guestCPUs ?? 0))
            item["memoryMb"] = .integer(Int64(type?.memoryMiB ?? 0))
            item["isSharedCpu"] = .bool((type?.milliCPUs ?? 0) < (type?.guestCPUs ?? 0) * 1000)
            item["description"] = .string("\(type?.guestCPUs ?? 0) vCPU, \((type?.memoryMiB ?? 0) / 1024) GB RAM")
            if let (type, count) = type?.builtInAccelerators {
                item["accelerators"] = [
                    ["guestAcceleratorType": .string(type), "guestAcceleratorCount": .integer(Int64(count))]
                ]
            }
            item["maximumPersistentDisks"] = 128
            item["maximumPersistentDisksSizeGb"] = "263168"
        case .diskTypes:
            let type = DiskType.all.first { $0.name == name }
            item["zone"] = .string(Link.to("projects/\(project)/zones/\(zone)"))
            item["description"] = type.map { .string($0.description) }
            item["validDiskSize"] = type.map { .string("\($0.sizes.lowerBound)GB-\($0.sizes.upperBound)GB") }
            item["defaultDiskSizeGb"] = type.map { .string(String($0.defaultSize)) }
        case .acceleratorTypes:
            item["zone"] = .string(Link.to("projects/\(project)/zones/\(zone)"))
            item["description"] = .string(name.replacing("-", with: " "))
            item["maximumCardsPerInstance"] = .integer(Int64(AcceleratorType.most(of: name)))
        }
        return item
    }

    private func zone(_ name: String, project: String) -> JSON {
        [
            "kind": "compute#zone", "id": .string(Token.id(for: name)), "name": .string(name),
            "description": .string(name),
            "status": "UP", "creationTimestamp": .string(creationTimestamp),
            "region": .string(Link.to("projects/\(project)/regions/\(Region.ofZone(name)?.name ?? "")")),
            "selfLink": .string(Link.to("projects/\(project)/zones/\(name)")),
        ]
    }

    private func region(_ region: Region, project: String, quotas: (String) -> JSON) -> JSON {
        [
            "kind": "compute#region", "id": .string(Token.id(for: region.name)), "name": .string(region.name),
            "description": .string(region.name), "status": "UP", "creationTimestamp": .string(creationTimestamp),
            "quotas": quotas(region.name),
            "zones": .array(region.zones.map { .string(Link.to("projects/\(project)/zones/\($0)")) }),
            "selfLink": .string(Link.to("projects/\(project)/regions/\(region.name)")),
        ]
    }
}
