import APIServer
import GRDB
import GoogleAPI
import ImageCatalogue
import Logging
import Workloads

/// What the engine holds of disks, images and snapshots.
///
/// What boots is a root file system, an image of the engine's: copies share what is the same. Everything else is a
/// volume. Both are named by the resource's ID; while a boot disk is in a machine, its content is the machine's own.
struct DiskContents: Sendable {
    let store: ResourceStore
    let engine: any WorkloadEngine
    let catalogue: ImageCatalogue
    let logger: Logger

    static func image(of resource: JSON) -> ImageReference {
        ImageReference("brume-disks/\(resource["id"]?.string ?? "")")
    }
    static func volume(of resource: JSON) -> String { "disk-\(resource["id"]?.string ?? "")" }
    /// Whether a machine can boot a disk.
    static func boots(_ disk: JSON) -> Bool { !disk.licenses.isEmpty || disk["sourceImage"] != nil }
    static let labels = ["kind": "disk"]

    /// Fills a new disk, image or snapshot, which is then ready; what cannot be filled leaves nothing behind.
    func make(_ key: ResourceKey) async throws {
        let resource = try await store.get(key)
        do {
            try await fill(resource)
            let size = try await size(of: resource)
            try await store.update(key) { row in
                row["status"] = "READY"
                guard let size else { return }
                if row["storageBytes"] != nil { row["storageBytes"] = .string(String(size)) }
                if row["archiveSizeBytes"] != nil { row["archiveSizeBytes"] = .string(String(size)) }
            }
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            try await destroy(key)
            throw error
        }
    }

    /// Removes a disk, image or snapshot with its row.
    func destroy(_ key: ResourceKey) async throws {
        guard let resource = try await store.find(key) else { return }
        try await remove(resource)
        try await store.database.write { try ResourceStore.delete(key, in: $0) }
    }

    /// Fills what was made from a source, or is empty; what has its content already is left alone.
    ///
    /// A disk from a public image is not filled before it boots: the catalogue keeps what it is made from.
    func fill(_ resource: JSON) async throws {
        if try await engine.image(Self.image(of: resource)) != nil { return }
        guard let field = DiskSource.fields.first(where: { resource[$0] != nil }) else {
            return try await engine.ensureVolume(Self.volume(of: resource), labels: Self.labels)
        }
        let name = ResourceName(parsing: resource[field]?.string ?? "")
        if field == "sourceImage", catalogue.computeImage(name, project: "") != nil {
            if resource["kind"] == "compute#disk" { return }
            return try await engine.tag(try await publicImage(of: resource), as: Self.image(of: resource))
        }
        let key = ResourceKey(name)
        let source = try await store.get(key)
        guard source["id"] == resource["\(field)Id"] else { throw GoogleError.resourceMissing(key.resourceName) }
        try await copy(source, to: resource)
    }

    private func copy(_ source: JSON, to target: JSON) async throws {
        let image = Self.image(of: target)
        if !Self.boots(source) {
            // A disk that no machine has had yet has no volume yet.
            try await engine.ensureVolume(Self.volume(of: source), labels: Self.labels)
            try await engine.copyVolume(Self.volume(of: source), to: Self.volume(of: target), labels: Self.labels)
        } else if let machine = try await machine(of: source) {
            try await engine.capture(machine, as: image)
        } else if try await engine.image(Self.image(of: source)) != nil {
            try await engine.tag(Self.image(of: source), as: image)
        } else {
            try await engine.tag(try await publicImage(of: source), as: image)
        }
    }

    /// The machine whose root a boot disk is now.
    private func machine(of disk: JSON) async throws -> WorkloadName? {
        guard let user = disk["users"]?[0]?.string,
            let instance = try await store.find(ResourceKey(ResourceName(parsing: user))),
            instance["disks"]?[0]?["source"] == disk["selfLink"]
        else { return nil }
        let workload = InstanceLife.workload(of: instance)
        return try await engine.status(of: workload) == nil ? nil : workload
    }

    /// What a machine boots that has this disk, and what it needs of the daemon's machine.
    func bootImage(of disk: JSON) async throws -> (image: ImageReference, entry: CatalogueEntry?) {
        try await fill(disk)
        let kept = Self.image(of: disk)
        if try await engine.image(kept) != nil { return (kept, entry(of: disk)) }
        return (try await publicImage(of: disk), entry(of: disk))
    }

    private func publicImage(of resource: JSON) async throws -> ImageReference {
        guard let entry = entry(of: resource) else {
            throw GoogleError.notBootable(ResourceName(parsing: resource["selfLink"]?.string ?? ""))
        }
        return try await catalogue.ensure(entry) { [logger] line in
            logger.info("\(line)", metadata: ["image": "\(entry.name)"])
        }
    }

    private func entry(of resource: JSON) -> CatalogueEntry? {
        if let entry = resource.licenses.lazy.compactMap({ catalogue.entry(ofLicense: $0.string ?? "") }).first {
            return entry
        }
        // Disks of the first versions have no licenses.
        let name = ResourceName(parsing: resource["sourceImage"]?.string ?? "")
        return catalogue.entry(image: name.last, project: name.project ?? "")
    }

    /// Keeps a boot disk that outlives its machine.
    func keep(_ disk: JSON, of machine: WorkloadName) async throws {
        guard try await engine.status(of: machine) != nil else { return }
        try await engine.capture(machine, as: Self.image(of: disk))
    }

    func remove(_ resource: JSON) async throws {
        try await engine.removeImage(Self.image(of: resource))
        try await engine.removeVolume(Self.volume(of: resource))
    }

    /// Bytes that the engine holds; nil for what is no image.
    func size(of resource: JSON) async throws -> Int64? { try await engine.image(Self.image(of: resource))?.sizeBytes }
}
