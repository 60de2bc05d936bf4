import APIServer
import Foundation
import GoogleAPI
import GRDB
import HTTPTypes
import ImageCatalogue
import Operations

/// Images: the public ones, which the catalogue can make, and those that a project has made of its disks.
///
/// See [images](https://docs.cloud.google.com/compute/docs/reference/rest/v1/images).
struct ImageMethods: Sendable {
    let rows: Rows
    let sources: DiskSources
    let contents: DiskContents
    let authorizer: any Authorizer
    let catalogue: ImageCatalogue

    func add(to api: MethodTable) {
        let path = ComputePath.global + "/images"
        // Whether a caller may look depends on whether the project is a public one.
        api.add("compute.images.list", .get, path, requires: nil, list)
        api.add("compute.images.get", .get, path + "/{name}", requires: nil, get)
        api.add("compute.images.getFromFamily", .get, path + "/family/{name}", requires: nil, getFromFamily)
        api.add(
            "compute.imageFamilyViews.get",
            .get,
            ComputePath.zone + "/imageFamilyViews/{name}",
            requires: nil,
            familyView
        )
        api.add("compute.images.insert", .post, path, requires: "compute.images.create", insert)
        api.add("compute.images.patch", .patch, path + "/{name}", requires: "compute.images.update", patch)
        api.add("compute.images.delete", .delete, path + "/{name}", delete)
        api.add("compute.images.deprecate", .post, path + "/{name}/deprecate", deprecate)
        api.add("compute.images.setLabels", .post, path + "/{name}/setLabels", rows.setLabels)
    }

    // MARK: Looking

    /// Lists a project's images; a public project without any has an empty list.
    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let open = publicImages.filter { $0.project == input.project }
        guard open.isEmpty, let project = try? await rows.projects.project(input.project).id else {
            return try input.page(open.map(document), kind: "image", for: caller)
        }
        try await authorizer.authorize(caller, for: "compute.images.list", on: .project(project))
        let own = try await rows.store.list("images", project: project)
        return try input.page(own.map(\.resource), kind: "image", for: caller)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        if let image = publicImages.first(where: { $0.project == input.project && $0.name == input.name }) {
            return Link.render(document(image), for: caller.origin)
        }
        let key = try await ownKey(input, ["images", input.name], for: caller, isResource: true)
        return Link.render(try await rows.store.get(key), for: caller.origin)
    }

    func getFromFamily(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        if let image = publicImages.first(where: {
            $0.project == input.project && $0.families.contains(input.name)
        }) {
            return Link.render(document(image), for: caller.origin)
        }
        let key = try await ownKey(input, ["images", "family", input.name], for: caller)
        guard let (_, image) = try await rows.store.newestImage(ofFamily: input.name, project: key.project) else {
            throw GoogleError.resourceMissing(
                ResourceName(["projects", key.project, "global", "images", "family", input.name])
            )
        }
        return Link.render(image, for: caller.origin)
    }

    func familyView(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        ["image": try await getFromFamily(input, as: caller)]
    }

    /// An image of one of this cloud's projects; what is neither that nor public is not there.
    ///
    /// - Parameter isResource: Whether the image's own policy counts; a family has none.
    private func ownKey(
        _ input: NamedInput,
        _ path: [String],
        for caller: Caller,
        isResource: Bool = false
    ) async throws -> ResourceKey {
        guard let project = try? await rows.projects.project(input.project).id else {
            throw GoogleError.resourceMissing(ResourceName(["projects", input.project, "global"] + path))
        }
        let key = ResourceKey(project: project, scope: "global", collection: "images", name: input.name)
        let resource = isResource ? key.resourceName : .project(project)
        try await authorizer.authorize(caller, for: "compute.images.get", on: resource)
        return key
    }

    // MARK: Making and changing

    /// Makes an image of a disk, a snapshot or another image.
    ///
    /// - Throws: ``GoogleError`` `resourceInUseByAnotherResource` (400) for the disk of a running machine, unless forced.
    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let body = input.body
        let key = try await rows.newKey(input)
        try Labels.check(body["labels"], field: "resource.labels")
        try LackingFields.ofImages.check(body)
        guard let source = try await sources.find(in: body, project: key.project, for: caller) else {
            throw GoogleError.fieldMissing("resource.sourceDisk")
        }
        if let family = body["family"]?.string, !family.isEmpty { try ResourceNames.check(family) }
        var image: JSON = [
            "kind": "compute#image", "id": .string(Token.id()), "name": .string(key.name), "status": "PENDING",
            "creationTimestamp": .string(Timestamp.text(rows.changes.now())), "selfLink": .string(key.link),
            "sourceType": "RAW", "architecture": "X86_64", "archiveSizeBytes": "0",
            "diskSizeGb": .string(String(source.diskSizeGb)), "labelFingerprint": .string(Token.fingerprint()),
            "storageLocations": body["storageLocations"] ?? [],
        ]
        source.note(in: &image)
        for field in ["description", "labels", "family", "guestOsFeatures"] where body[field] != nil {
            image[field] = body[field]
        }
        let row = image
        return try await rows.insert(row, at: key, by: caller) { db in
            if source.field == "sourceDisk", !input.says("forceCreate") {
                try Self.checkUnused(ResourceKey(ResourceName(parsing: source.link)), in: db)
            }
        }
    }

    /// - Throws: ``GoogleError`` `resourceInUseByAnotherResource` (400) when a running machine may write the disk.
    private static func checkUnused(_ disk: ResourceKey, in db: Database) throws {
        for user in try ResourceStore.fetch(disk, in: db)?["users"]?.array ?? [] {
            let instance = ResourceKey(ResourceName(parsing: user.string ?? ""))
            let status = try ResourceStore.fetch(instance, in: db)?["status"]?.string
            if let status, status != "TERMINATED" {
                throw GoogleError.inUse(disk.resourceName, by: instance.resourceName.description)
            }
        }
    }

    func patch(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        if let family = input.body["family"]?.string, !family.isEmpty { try ResourceNames.check(family) }
        try Labels.check(input.body["labels"], field: "resource.labels")
        return try await rows.update("patch", input, by: caller) { image in
            for field in ["description", "family", "labels"] where input.body[field] != nil {
                image[field] = input.body[field]
            }
        }
    }

    /// Marks an image: a family does not stand for a deprecated one. `ACTIVE` takes the mark back.
    func deprecate(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let state = input.body["state"]?.string ?? "ACTIVE"
        guard ["ACTIVE", "DEPRECATED", "OBSOLETE", "DELETED"].contains(state) else {
            throw GoogleError.invalidField("resource.state", state, "It is no state of an image.")
        }
        return try await rows.update("deprecate", input, by: caller) { image in
            image["deprecated"] = state == "ACTIVE" ? .none : input.body
        }
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        try await rows.update("delete", input, by: caller) { $0["status"] = "DELETING" }
    }

    // MARK: Operations

    func register() async {
        let changes = rows.changes
        await changes.register("compute.images.insert") { key, _ in try await contents.make(key) }
        await changes.register("compute.images.delete") { key, _ in try await contents.destroy(key) }
        await changes.register(rowsOnly: ["patch", "deprecate", "setLabels"].map { "compute.images.\($0)" })
    }

    // MARK: Public images

    private var publicImages: [ComputeImage] { catalogue.entries.flatMap(\.computeImages) }

    private func document(_ image: ComputeImage) -> JSON {
        var document: JSON = [
            "kind": "compute#image", "name": .string(image.name), "description": .string(image.description),
            "status": "READY", "sourceType": "RAW", "architecture": "X86_64",
            "diskSizeGb": .string(String(image.diskSizeGb)), "archiveSizeBytes": "0",
            "creationTimestamp": .string(image.creationTimestamp), "licenses": [.string(image.license)],
            "selfLink": .string(image.link), "id": .string(image.id),
            "guestOsFeatures": .array(image.guestOSFeatures), "labelFingerprint": "42WmSpB8rSM=",
        ]
        if let family = image.families.first { document["family"] = .string(family) }
        return document
    }
}
