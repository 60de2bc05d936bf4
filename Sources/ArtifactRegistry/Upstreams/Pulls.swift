import APIServer
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Finds what a client pulls, fetching and keeping what a remote repository does not have yet.
struct Pulls: Sendable {
    let sources: RepositorySources
    let manifests: ManifestStore
    let keeper: FetchedBlobs
    let logger: Logger

    /// A manifest by tag or digest; nil when none of the place's sources has it.
    ///
    /// - Throws: ``GoogleError`` `UNAVAILABLE` (503) when it may be in a registry that cannot be asked.
    func manifest(
        _ reference: String,
        in place: RegistryPlace
    ) async throws -> (manifest: StoredManifest, content: Data)? {
        for source in try await sources.sources(of: place) {
            guard let remote = source.remote else {
                if let found = try await manifests.find(reference, in: source.place) { return found }
                continue
            }
            let held = try await manifests.find(reference, in: source.place)
            // What a digest names does not change.
            if let held, reference.contains(":") { return held }
            do {
                if let held, try await remote.digest(of: reference, image: place.image) == held.manifest.digest {
                    return held
                }
                if let found = try await fetch(reference, from: remote, in: source.place) { return found }
            } catch let error as GoogleError {
                throw error
            } catch {
                try Task.checkCancellation()
                logger.info("registry: an upstream cannot be asked: \(error)", metadata: ["url": "\(remote.base)"])
                // What was fetched before is served without it.
                guard let held else { throw GoogleError.upstreamUnavailable(remote.base.absoluteString, "\(error)") }
                return held
            }
        }
        return nil
    }

    private func fetch(
        _ reference: String,
        from remote: RemoteRegistry,
        in place: RegistryPlace
    ) async throws -> (manifest: StoredManifest, content: Data)? {
        guard let fetched = try await remote.manifest(reference, image: place.image) else { return nil }
        let manifest = try Manifest(fetched.data, contentType: fetched.mediaType)
        let tag = reference.contains(":") ? nil : reference
        try await manifests.put(manifest, fetched.data, fetched.digest, tag: tag, in: place, isWhole: false)
        return try await manifests.find(fetched.digest, in: place)
    }

    /// A blob that the project does not hold, from the first of the place's sources that has it.
    ///
    /// Its bytes go to the client and to the disk at once; the last of them only when the digest is right.
    func blob(_ digest: String, in place: RegistryPlace, _ headers: HTTPFields, isHead: Bool) async throws -> Response {
        for source in try await sources.sources(of: place) {
            guard let remote = source.remote else { continue }
            let answer: RemoteAnswer?
            do {
                answer = try await remote.blob(digest, image: place.image, isHead: isHead)
            } catch {
                try Task.checkCancellation()
                throw GoogleError.upstreamUnavailable(remote.base.absoluteString, "\(error)")
            }
            guard let answer else { continue }
            var headers = headers
            let length = answer.headers[.contentLength].flatMap { Int($0) }
            if isHead {
                headers[.contentLength] = length.map(String.init)
                return Response(status: .ok, headers: headers)
            }
            let body = keeper.pass(answer, expecting: digest, in: source.place)
            return Response(status: .ok, headers: headers, body: body)
        }
        throw GoogleError.blobUnknown(digest)
    }
}
