import APIServer
import GoogleAPI
import ImageCatalogue

/// Public images and their families: what the catalogue can make.
struct ImageMethods: Sendable {
    let catalogue: ImageCatalogue

    /// Lists a public project's images; a project without any has an empty list.
    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let images = catalogue.entries.flatMap(\.computeImages).filter { $0.project == input.project }
        return try input.page(images.map(document), kind: "image", for: caller)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        guard let image = find(project: input.project, where: { $0.name == input.name }) else {
            throw GoogleError.resourceMissing(
                ResourceName(["projects", input.project, "global", "images", input.name])
            )
        }
        return Link.render(document(image), for: caller.origin)
    }

    func getFromFamily(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        Link.render(document(try family(input.name, project: input.project)), for: caller.origin)
    }

    func familyView(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        ["image": Link.render(document(try family(input.name, project: input.project)), for: caller.origin)]
    }

    private func family(_ family: String, project: String) throws -> ComputeImage {
        guard let image = find(project: project, where: { $0.families.contains(family) }) else {
            throw GoogleError.resourceMissing(
                ResourceName(["projects", project, "global", "images", "family", family])
            )
        }
        return image
    }

    private func find(project: String, where fits: (ComputeImage) -> Bool) -> ComputeImage? {
        catalogue.entries.flatMap(\.computeImages).first { $0.project == project && fits($0) }
    }

    /// What a disk's `sourceImage` names: a family or an image, by any of the forms that clients send.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) naming it as Google does.
    func resolve(sourceImage text: String, project: String) throws -> (image: ComputeImage, entry: CatalogueEntry) {
        let name = ResourceName(parsing: text)
        let project = name.project ?? project
        let entry: CatalogueEntry?
        if let family = name.value(of: "family") ?? name.value(of: "imageFamilyViews") {
            entry = catalogue.entry(family: family, project: project)
            if let entry, let image = entry.computeImages.first(where: { $0.families.contains(family) }) {
                return (image, entry)
            }
        } else {
            entry = catalogue.entry(image: name.last, project: project)
            if let entry, let image = entry.computeImages.first(where: { $0.name == name.last }) {
                return (image, entry)
            }
        }
        throw GoogleError.resourceMissing(name)
    }

    private func document(_ image: ComputeImage) -> JSON {
        var document: JSON = [
            "kind": "compute#image", "name": .string(image.name), "description": .string(image.description),
            "status": "READY", "sourceType": "RAW", "architecture": "X86_64",
            "diskSizeGb": .string(String(image.diskSizeGb)), "archiveSizeBytes": "0",
            "creationTimestamp": .string(image.creationTimestamp),
            "selfLink": .string(Link.to("projects/\(image.project)/global/images/\(image.name)")),
            "id": .string(
                String(UInt64(bitPattern: Int64(image.name.utf8.reduce(5381) { ($0 &* 33) &+ Int64($1) })) >> 1)
            ),
        ]
        if let family = image.families.first { document["family"] = .string(family) }
        return document
    }
}
