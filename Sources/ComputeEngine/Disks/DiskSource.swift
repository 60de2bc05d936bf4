import APIServer
import GoogleAPI
import ImageCatalogue

/// What a disk, an image or a snapshot is made from: an image, a snapshot or another disk.
struct DiskSource: Sendable {
    /// The field that names it: `sourceImage`.
    var field: String
    var link: String
    var id: String
    /// The smallest disk that holds it, in GB.
    var diskSizeGb: Int64
    /// What makes a disk bootable: the licenses of its operating system. A data disk has none.
    var licenses: [JSON]
    /// What the operating system can do.
    var guestOSFeatures: [JSON] = []

    static let fields = ["sourceImage", "sourceSnapshot", "sourceDisk"]

    /// Notes the source in what is made from it.
    func note(in resource: inout JSON) {
        resource[field] = .string(link)
        resource["\(field)Id"] = .string(id)
        guard !licenses.isEmpty else { return }
        resource["licenses"] = .array(licenses)
        resource["architecture"] = "X86_64"
        if !guestOSFeatures.isEmpty { resource["guestOsFeatures"] = .array(guestOSFeatures) }
    }
}

/// Finds what clients name as sources.
struct DiskSources: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let catalogue: ImageCatalogue

    /// The source that a request's fields name, by any of the forms that clients send; nil when they name none.
    ///
    /// - Throws: ``GoogleError`` 404 naming it as Google does, 403 for another project's, 400 for two at once.
    func find(in body: JSON?, project: String, zone: String? = nil, for caller: Caller) async throws -> DiskSource? {
        let named = DiskSource.fields.filter { !(body?[$0]?.string ?? "").isEmpty }
        guard let field = named.first, let text = body?[field]?.string else { return nil }
        guard named.count == 1 else {
            throw GoogleError.invalid("Only one of \(named.joined(separator: ", ")) can be specified.")
        }
        let name = ResourceName(parsing: text)
        if field == "sourceImage", let image = catalogue.computeImage(name, project: project) {
            return DiskSource(
                field: field,
                link: image.link,
                id: image.id,
                diskSizeGb: image.diskSizeGb,
                licenses: [.string(image.license)],
                guestOSFeatures: image.guestOSFeatures
            )
        }
        let (key, resource) = try await row(field, name, project: project, zone: zone, for: caller)
        let status = resource["status"]?.string ?? "READY"
        guard status == "READY" else {
            throw GoogleError.notReady(key.resourceName, status: status, needs: "READY")
        }
        return DiskSource(
            field: field,
            link: key.link,
            id: resource["id"]?.string ?? "",
            diskSizeGb: (resource["sizeGb"] ?? resource["diskSizeGb"])?.integer ?? 0,
            licenses: resource.licenses,
            guestOSFeatures: resource["guestOsFeatures"]?.array ?? []
        )
    }

    private func row(
        _ field: String,
        _ name: ResourceName,
        project own: String,
        zone: String?,
        for caller: Caller
    ) async throws -> (ResourceKey, JSON) {
        let named = name.project ?? own
        guard let project = try? await projects.project(named).id else { throw GoogleError.resourceMissing(name) }
        let collection = ["sourceImage": "images", "sourceSnapshot": "snapshots"][field] ?? "disks"
        func authorize(_ resource: ResourceName) async throws {
            guard project != own else { return }
            try await authorizer.authorize(caller, for: "compute.\(collection).useReadOnly", on: resource)
        }
        if field == "sourceImage", let family = name.value(of: "family") ?? name.value(of: "imageFamilyViews") {
            let image = try await store.newestImage(ofFamily: family, project: project)
            try await authorize(image?.0.resourceName ?? .project(project))
            guard let image else { throw GoogleError.resourceMissing(name) }
            return image
        }
        let scope = field == "sourceDisk" ? "zones/\(name.value(of: "zones") ?? zone ?? "")" : "global"
        let key = ResourceKey(project: project, scope: scope, collection: collection, name: name.last)
        try await authorize(key.resourceName)
        return (key, try await store.get(key))
    }
}

extension ResourceStore {
    /// The image that a family stands for: the newest that is ready and not deprecated.
    func newestImage(ofFamily family: String, project: String) async throws -> (ResourceKey, JSON)? {
        let images = try await list("images", project: project).filter { image in
            image.resource["family"]?.string == family && image.resource["status"]?.string == "READY"
                && image.resource["deprecated"]?["state"]?.string ?? "ACTIVE" == "ACTIVE"
        }
        return images.max {
            $0.resource["creationTimestamp"]?.string ?? "" < $1.resource["creationTimestamp"]?.string ?? ""
        }
        .map { ($0.key, $0.resource) }
    }
}

extension JSON {
    /// The licenses of a disk's, an image's or a snapshot's operating system.
    var licenses: [JSON] { self["licenses"]?.array ?? [] }
}

extension ImageCatalogue {
    /// The public image that a name stands for, by itself or by its family; nil for what is none.
    func computeImage(_ name: ResourceName, project: String) -> ComputeImage? {
        let images = entries.flatMap(\.computeImages).filter { $0.project == name.project ?? project }
        if let family = name.value(of: "family") ?? name.value(of: "imageFamilyViews") {
            return images.first { $0.families.contains(family) }
        }
        return images.first { $0.name == name.last }
    }

    /// The entry whose operating system a license stands for.
    func entry(ofLicense license: String) -> CatalogueEntry? {
        let name = ResourceName(parsing: license)
        return entry(family: name.last, project: name.project ?? "")
    }
}

extension ComputeImage {
    var link: String { Link.to("projects/\(project)/global/images/\(name)") }
    var license: String { Link.to("projects/\(project)/global/licenses/\(licenseName)") }
    /// Those of Google's images that a client may look for.
    var guestOSFeatures: [JSON] {
        ["VIRTIO_SCSI_MULTIQUEUE", "UEFI_COMPATIBLE", "GVNIC"].map { ["type": .string($0)] }
    }
    /// The same for the same image, over restarts.
    var id: String { Token.id(for: "\(project)/\(name)") }
}
