import GRDB
import GoogleAPI

/// What a project may have at once, in all its regions or in each.
///
/// See [allocation quotas](https://docs.cloud.google.com/compute/resource-usage). Limits are high unless the owner
/// lowers them: what this computer can bear is another question.
enum Quota {
    /// What is limited: by project, or by project and region.
    struct Metric: Hashable, Sendable {
        /// `CPUS`.
        var name: String
        /// nil for a limit of the whole project.
        var region: String?
    }

    /// Limits of a whole project, by metric, where the owner has said nothing.
    private static let ofProjects: [(metric: String, limit: Double)] = [
        ("CPUS_ALL_REGIONS", 100_000), ("FIREWALLS", 1000), ("GPUS_ALL_REGIONS", 64), ("IMAGES", 2000),
        ("INSTANCE_TEMPLATES", 1000), ("NETWORKS", 50), ("SNAPSHOTS", 5000),
        ("STATIC_ADDRESSES", 700),
    ]

    /// Limits of a project in each region.
    private static let ofRegions: [(metric: String, limit: Double)] =
        [
            ("CPUS", 50_000), ("DISKS_TOTAL_GB", 4_096_000), ("IN_USE_ADDRESSES", 25_000),
            ("INSTANCE_GROUP_MANAGERS", 1000), ("INSTANCES", 25_000), ("LOCAL_SSD_TOTAL_GB", 1_024_000),
            ("PREEMPTIBLE_LOCAL_SSD_GB", 1_024_000), ("SSD_TOTAL_GB", 1_024_000), ("STATIC_ADDRESSES", 700),
        ] + AcceleratorType.names.flatMap { [(gpus($0), 64), ("PREEMPTIBLE_" + gpus($0), 64)] }

    /// `NVIDIA_T4_GPUS` for `nvidia-tesla-t4`.
    private static func gpus(_ type: String) -> String {
        type.replacing("nvidia-tesla-", with: "nvidia-").replacing("-", with: "_").uppercased() + "_GPUS"
    }

    // MARK: Limits

    /// Begins the keys of project metadata by which the owner sets limits: `brume-quota-CPUS`.
    private static let prefix = "brume-quota-"

    /// Refuses metadata that would set a limit which is none.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func check(_ metadata: JSON) throws {
        let metrics = Set((ofProjects + ofRegions).map(\.metric))
        for item in metadata["items"]?.array ?? [] {
            guard let key = item["key"]?.string, key.hasPrefix(prefix) else { continue }
            let metric = String(key.dropFirst(prefix.count))
            guard metrics.contains(metric) else {
                throw GoogleError.invalidField(
                    "metadata.items.key",
                    key,
                    "There is no quota '\(metric)': the quotas are \(metrics.sorted().joined(separator: ", "))."
                )
            }
            let value = item["value"]?.string ?? ""
            guard let limit = Double(value), limit >= 0, limit.isFinite else {
                throw GoogleError.invalidField("metadata.items.value", value, "A quota is a number, zero or more.")
            }
        }
    }

    private static func limit(_ metric: Metric, in metadata: JSON) -> Double {
        if let set = Metadata.value(prefix + metric.name, in: metadata).flatMap(Double.init) { return set }
        let usual = metric.region == nil ? ofProjects : ofRegions
        return usual.first { $0.metric == metric.name }?.limit ?? .infinity
    }

    // MARK: Usage

    private static let collections = [
        "addresses", "disks", "firewalls", "images", "instanceGroupManagers", "instanceTemplates", "instances",
        "networks",
        "snapshots",
    ]

    /// What one resource takes of the quotas.
    ///
    /// As at Google, a machine that is off counts as an instance only: its processors are free for another.
    static func demand(of resource: JSON, at key: ResourceKey) -> [Metric: Double] {
        let region = key.zone.flatMap(Region.ofZone)?.name ?? key.region
        func regional(_ name: String, _ amount: Double = 1) -> [Metric: Double] {
            [Metric(name: name, region: region): amount]
        }
        func global(_ name: String, _ amount: Double = 1) -> [Metric: Double] { [Metric(name: name): amount] }
        switch key.collection {
        case "addresses": return resource["addressType"] == "EXTERNAL" ? regional("STATIC_ADDRESSES") : [:]
        case "firewalls": return global("FIREWALLS")
        case "images": return global("IMAGES")
        case "instanceTemplates": return global("INSTANCE_TEMPLATES")
        case "networks": return global("NETWORKS")
        case "snapshots": return global("SNAPSHOTS")
        case "instanceGroupManagers": return regional("INSTANCE_GROUP_MANAGERS")
        case "disks":
            let isHard = ResourceName(parsing: resource["type"]?.string ?? "").last == "pd-standard"
            return regional(isHard ? "DISKS_TOTAL_GB" : "SSD_TOTAL_GB", Double(resource["sizeGb"]?.integer ?? 0))
        case "instances":
            var demand = regional("INSTANCES")
            guard resource["status"]?.string != "TERMINATED" else { return demand }
            let type = MachineType.named(ResourceName(parsing: resource["machineType"]?.string ?? "").last)
            let cpus = Double(type?.guestCPUs ?? 0)
            demand.merge(regional("CPUS", cpus)) { $1 }
            demand.merge(global("CPUS_ALL_REGIONS", cpus)) { $1 }
            let addresses = resource["networkInterfaces"]?[0]?["accessConfigs"]?.array ?? []
            demand.merge(regional("IN_USE_ADDRESSES", Double(addresses.count))) { $1 }
            let isSpot = Scheduling.isSpot(resource)
            let local = Double(Int64(LocalDisk.all(of: resource).count) * LocalDisk.size)
            demand.merge(regional(isSpot ? "PREEMPTIBLE_LOCAL_SSD_GB" : "LOCAL_SSD_TOTAL_GB", local)) { $1 }
            for accelerator in resource["guestAccelerators"]?.array ?? [] {
                let type = ResourceName(parsing: accelerator["acceleratorType"]?.string ?? "").last
                let count = Double(accelerator["acceleratorCount"]?.integer ?? 0)
                demand.merge(regional((isSpot ? "PREEMPTIBLE_" : "") + gpus(type), count), uniquingKeysWith: +)
                demand.merge(global("GPUS_ALL_REGIONS", count), uniquingKeysWith: +)
            }
            return demand
        default: return [:]
        }
    }

    private static func usage(of collections: some Sequence<String>, project: String, in db: Database) throws
        -> [Metric: Double]
    {
        var usage: [Metric: Double] = [:]
        for collection in collections {
            for (key, resource) in try ResourceStore.list(collection, project: project, in: db) {
                usage.merge(demand(of: resource, at: key), uniquingKeysWith: +)
            }
        }
        return usage
    }

    /// The quotas of a project, and those of each region, as Google shows them.
    static func documents(project: String, in db: Database) throws -> (
        ofProject: JSON, ofRegion: @Sendable (String) -> JSON
    ) {
        let metadata = try ProjectMethods.metadata(of: project, in: db)
        let usage = try usage(of: collections, project: project, in: db)
        let show: @Sendable (Metric) -> JSON = { metric in
            [
                "metric": .string(metric.name), "limit": .number(limit(metric, in: metadata)),
                "usage": .number(usage[metric] ?? 0),
            ]
        }
        return (
            .array(ofProjects.map { show(Metric(name: $0.metric)) }),
            { region in .array(ofRegions.map { show(Metric(name: $0.metric, region: region)) }) }
        )
    }

    // MARK: Refusing

    /// Refuses a transaction that has made a resource take more than there is; what takes no more than before passes,
    /// also where the owner has lowered a limit below what is used.
    ///
    /// - Throws: ``GoogleError`` `QUOTA_EXCEEDED` (403) naming the metric and its limit.
    static func check(_ resource: JSON, at key: ResourceKey, before: JSON?, in db: Database) throws {
        let earlier = before.map { demand(of: $0, at: key) } ?? [:]
        let grown = demand(of: resource, at: key).filter { $0.value > earlier[$0.key] ?? 0 }
        try check(Set(grown.keys), taking: [key.collection], project: key.project, in: db)
    }

    /// Refuses a transaction that has made too much.
    static func check(_ made: [(key: ResourceKey, resource: JSON)], in db: Database) throws {
        guard let project = made.first?.key.project else { return }
        let metrics = made.reduce(into: Set<Metric>()) { metrics, one in
            metrics.formUnion(demand(of: one.resource, at: one.key).filter { $0.value > 0 }.keys)
        }
        try check(metrics, taking: Set(made.map(\.key.collection)), project: project, in: db)
    }

    private static func check(
        _ metrics: Set<Metric>,
        taking collections: Set<String>,
        project: String,
        in db: Database
    ) throws {
        guard !metrics.isEmpty else { return }
        let metadata = try ProjectMethods.metadata(of: project, in: db)
        let usage = try usage(of: collections, project: project, in: db)
        for metric in metrics.sorted(by: { $0.name < $1.name }) {
            let limit = limit(metric, in: metadata)
            if usage[metric] ?? 0 > limit { throw GoogleError.quotaExceeded(metric, limit: limit) }
        }
    }
}
