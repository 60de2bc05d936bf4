import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// `tags/list` in gcr.io's dialect, and `_catalog`.
struct ListingMethods: Sendable {
    let store: ManifestStore
    let upstream: any UpstreamImages
    let access: RegistryAccess
    let sources: RepositorySources

    /// The tags of an image, its manifests, and the folders below it; gcloud reads `child` and `manifest`.
    func tags(_ place: RegistryPlace, _ call: Call) async throws -> Response {
        var manifests: [StoredManifest] = []
        var children = Set<String>()
        let below = place.image.isEmpty ? 0 : place.image.utf8.count + 1
        // Of a registry elsewhere, what was pulled from it.
        for source in try await sources.sources(of: place) {
            if !place.image.isEmpty { manifests += try await store.manifests(in: source.place) }
            for image in try await store.images(below: source.place) {
                children.insert(String(image.dropFirst(below).prefix { $0 != "/" }))
            }
        }
        for name in upstream.names(under: place.written) where name.hasPrefix(place.written + "/") {
            children.insert(String(name.dropFirst(place.written.count + 1).prefix { $0 != "/" }))
        }
        children.remove("")
        // A project without images is an empty list; an image that does not exist is an error.
        if !place.image.isEmpty, manifests.isEmpty, children.isEmpty, !upstream.knows(place.written) {
            throw GoogleError.nameUnknown(place.written)
        }
        let page = try Page(Set(manifests.flatMap(\.tags)).sorted(), call)
        var described: [String: JSON] = [:]
        for manifest in manifests { described[manifest.digest] = Self.describe(manifest) }
        let answer: JSON = [
            "name": .string(call.listedName), "tags": .array(page.items.map(JSON.string)),
            "child": .array(children.sorted().map(JSON.string)), "manifest": .object(described),
        ]
        return try .registry(.ok, headers: page.headers, json: answer)
    }

    private static func describe(_ manifest: StoredManifest) -> JSON {
        [
            "imageSizeBytes": .string(String(manifest.imageSizeBytes)), "layerId": "",
            "mediaType": .string(manifest.mediaType), "tag": .array(manifest.tags.map(JSON.string)),
            "timeCreatedMs": .string(milliseconds(manifest.createTime)),
            "timeUploadedMs": .string(milliseconds(manifest.updateTime)),
        ]
    }

    private static func milliseconds(_ date: Date) -> String { String(Int64(date.timeIntervalSince1970 * 1000)) }

    /// The repositories that the caller may read.
    func catalog(_ call: Call) async throws -> Response {
        var names: [String] = []
        var allowed: [ResourceName: Bool] = [:]
        for image in try await store.allImages() {
            if allowed[image.resource] == nil {
                let isAllowed = (try? await access.place(image, for: .download, as: call.caller)) != nil
                allowed[image.resource] = isAllowed
            }
            guard allowed[image.resource] == true else { continue }
            // As they would be written on the host that was asked.
            let host = RegistryPlace.isRegistry(call.hostName) ? call.hostName : "gcr.io"
            if image.written.hasPrefix(host + "/") { names.append(String(image.written.dropFirst(host.count + 1))) }
        }
        let page = try Page(names.sorted(), call)
        return try .registry(.ok, headers: page.headers, json: ["repositories": .array(page.items.map(JSON.string))])
    }
}

/// One page of names, with the link to the next.
private struct Page {
    var items: [String]
    var headers: HTTPFields = [:]

    init(_ all: [String], _ call: Call) throws {
        items = all
        if let last = call.query("last") { items = items.filter { $0 > last } }
        guard let text = call.query("n") else { return }
        guard let count = Int(text), count >= 0 else {
            throw GoogleError.registry("PAGINATION_NUMBER_INVALID", .invalidArgument, 400, "n=\(text) is no number.")
        }
        guard items.count > count else { return }
        items = Array(items.prefix(count))
        let path = (call.request.head.path ?? "/").prefix { $0 != "?" }
        if let last = items.last { headers[.link] = "<\(path)?n=\(count)&last=\(last)>; rel=\"next\"" }
    }
}

extension HTTPField.Name {
    fileprivate static let link: HTTPField.Name = {
        guard let name = HTTPField.Name("Link") else { preconditionFailure("'Link' is no header name") }
        return name
    }()
}

extension Call {
    /// The name of a `tags/list` call as it stands in the path.
    fileprivate var listedName: String {
        guard case .tags(let name) = RegistryPath(decodedPath) else { return "" }
        return name
    }
}
