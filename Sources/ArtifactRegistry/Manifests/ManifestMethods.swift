import APIServer
import Crypto
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Manifests by tag and digest.
struct ManifestMethods: Sendable {
    let store: ManifestStore
    let repositories: RepositoryStore
    let upstream: any UpstreamImages
    let pulls: Pulls

    /// GET and HEAD. A known public image that is not here yet is made first.
    func get(_ place: RegistryPlace, _ reference: String, _ call: Call) async throws -> Response {
        let found = try await pulls.manifest(reference, in: place)
        let held =
            if let found { found } else { try await provide(reference, in: place) }
        guard let (manifest, content) = held else {
            if try await !repositories.exists(place) { throw GoogleError.nameUnknown(place.written) }
            throw GoogleError.manifestUnknown(reference, place.written)
        }
        var headers: HTTPFields = [
            .contentType: manifest.mediaType, .dockerContentDigest: manifest.digest, .eTag: "\"\(manifest.digest)\"",
            .dockerDistributionAPIVersion: "registry/2.0", .contentLength: String(content.count),
        ]
        if call.request.method == .head { return Response(status: .ok, headers: headers) }
        headers[.contentLength] = nil
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: .init(bytes: content)))
    }

    private func provide(_ reference: String, in place: RegistryPlace) async throws -> (StoredManifest, Data)? {
        // What has a digest was pushed before, or is not to be had.
        guard !reference.contains(":"), upstream.knows(place.written) else { return nil }
        guard try await upstream.provide("\(place.written):\(reference)") else { return nil }
        return try await store.find(reference, in: place)
    }

    func put(_ place: RegistryPlace, _ reference: String, _ call: Call) async throws -> Response {
        let data: Data
        do {
            data = try await call.bytes(upTo: Manifest.maximumBytes)
        } catch let error as GoogleError where error.code == 413 {
            throw GoogleError.registry("MANIFEST_INVALID", .invalidArgument, 413, error.message)
        }
        let digest = ContentDigest.text(SHA256.hash(data: data))
        if reference.contains(":") {
            try ContentDigest.check(reference)
            guard reference == digest else {
                throw GoogleError.digestInvalid(reference, "is not that of the manifest, which is '\(digest)'")
            }
        } else {
            guard Tag.isValid(reference) else { throw GoogleError.tagInvalid(reference) }
        }
        let manifest = try Manifest(data, contentType: call.headers[.contentType])
        try await repositories.prepare(place, isPublic: upstream.knows(place.written))
        try await store.put(manifest, data, digest, tag: reference.contains(":") ? nil : reference, in: place)
        var headers: HTTPFields = [
            .location: "\(call.caller.origin)\(call.manifestsPath)/\(digest)", .dockerContentDigest: digest,
            .contentLength: "0",
        ]
        headers[.ociSubject] = manifest.subject
        return try .registry(.created, headers: headers)
    }

    /// DELETE: by tag, the tag alone; by digest, the manifest, unless a tag still names it.
    func delete(_ place: RegistryPlace, _ reference: String) async throws -> Response {
        if reference.contains(":") {
            try ContentDigest.check(reference)
            try await store.delete(digest: reference, in: place)
        } else {
            try await store.delete(tag: reference, in: place)
        }
        return try .registry(.accepted, headers: [.contentLength: "0"])
    }

    /// The manifests that name `digest` as their subject, as an index.
    func referrers(_ place: RegistryPlace, _ digest: String, _ call: Call) async throws -> Response {
        try ContentDigest.check(digest)
        var manifests = try await store.referrers(of: digest, in: place)
        var headers: HTTPFields = [.contentType: "application/vnd.oci.image.index.v1+json"]
        if let type = call.query("artifactType") {
            manifests.removeAll { $0.artifactType != type }
            headers[.ociFiltersApplied] = "artifactType"
        }
        let descriptors = manifests.map { manifest in
            var descriptor: JSON = [
                "mediaType": .string(manifest.mediaType), "digest": .string(manifest.digest),
                "size": .integer(manifest.contentBytes),
            ]
            descriptor["artifactType"] = manifest.artifactType.map(JSON.string)
            descriptor["annotations"] = manifest.annotations
            return descriptor
        }
        let index: JSON = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": .array(descriptors),
        ]
        return try .registry(.ok, headers: headers, json: index)
    }
}

enum Tag {
    static func isValid(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128, first != 45, first != 46 else { return false }
        return text.utf8.allSatisfy {
            (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || [45, 46, 95].contains($0)
        }
    }
}

extension Call {
    /// The path up to `/manifests`.
    fileprivate var manifestsPath: String {
        let path = String((request.head.path ?? "/").prefix { $0 != "?" })
        return path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }
}
