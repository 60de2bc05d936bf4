import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// The registry protocol: the [distribution specification](https://github.com/opencontainers/distribution-spec) in the
/// dialect of gcr.io.
struct Registry: Sendable {
    let access: RegistryAccess
    let blobs: BlobMethods
    let uploads: UploadMethods
    let manifests: ManifestMethods
    let listings: ListingMethods
    let sources: RepositorySources

    func read(_ input: RegistryInput, _ call: Call) async throws -> Response {
        switch input.path {
        case .base: try base(call)
        case .token: try await token(call)
        case .catalog: try await listings.catalog(call)
        case .blob(let name, let digest): try await blobs.get(place(name, .download, call), digest, call)
        case .upload(let name, let id): try await uploads.status(place(name, .upload, call), id, call)
        case .manifest(let name, let reference): try await manifests.get(place(name, .download, call), reference, call)
        case .tags(let name): try await listings.tags(place(name, .download, call, listing: true), call)
        case .referrers(let name, let digest):
            try await manifests.referrers(place(name, .download, call), digest, call)
        case .uploads: throw GoogleError.registryUnsupported("\(call.request.method) \(call.decodedPath)")
        }
    }

    func post(_ input: RegistryInput, _ call: Call) async throws -> Response {
        switch input.path {
        case .uploads(let name):
            let place = try await place(name, .upload, call)
            try await sources.checkTakesPushes(place)
            return try await uploads.begin(place, call, access)
        case .token: return try await token(call)
        default: throw GoogleError.registryUnsupported("POST \(call.decodedPath)")
        }
    }

    func patch(_ input: RegistryInput, _ call: Call) async throws -> Response {
        guard case .upload(let name, let id) = input.path else {
            throw GoogleError.registryUnsupported("PATCH \(call.decodedPath)")
        }
        return try await uploads.append(place(name, .upload, call), id, call)
    }

    func put(_ input: RegistryInput, _ call: Call) async throws -> Response {
        switch input.path {
        case .upload(let name, let id): return try await uploads.finish(place(name, .upload, call), id, call)
        case .manifest(let name, let reference):
            let place = try await place(name, .upload, call)
            try await sources.checkTakesPushes(place)
            return try await manifests.put(place, reference, call)
        default: throw GoogleError.registryUnsupported("PUT \(call.decodedPath)")
        }
    }

    func delete(_ input: RegistryInput, _ call: Call) async throws -> Response {
        switch input.path {
        case .blob(let name, let digest): try await blobs.delete(place(name, .delete, call), digest)
        case .upload(let name, let id): try await uploads.cancel(place(name, .upload, call), id)
        case .manifest(let name, let reference): try await manifests.delete(place(name, .delete, call), reference)
        default: throw GoogleError.registryUnsupported("DELETE \(call.decodedPath)")
        }
    }

    private func place(
        _ name: String,
        _ permission: RegistryAccess.Permission,
        _ call: Call,
        listing: Bool = false
    ) async throws -> RegistryPlace {
        let place = try RegistryPlace(host: call.hostName, name: name, listing: listing)
        return try await access.place(place, for: permission, as: call.caller)
    }

    /// Tells that this is a registry; callers without any credential are sent to the token endpoint first.
    private func base(_ call: Call) throws -> Response {
        guard call.headers[.authorization] != nil else { throw GoogleError.registryUnauthorized("Sign in first.") }
        return try .registry(.ok, json: [:])
    }

    /// The token endpoint, as [docker's specification](https://distribution.github.io/distribution/spec/auth/token/) has it.
    private func token(_ call: Call) async throws -> Response {
        let parts = (call.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1).map(String.init)
        let token: String
        if parts.count == 2, parts[0].lowercased() == "basic" {
            token = try await access.token(for: parts[1])
        } else if parts.count == 2 {
            token = parts[1]
        } else {
            token = RegistryAccess.anonymousToken
        }
        return try .registry(.ok, json: ["token": .string(token), "access_token": .string(token), "expires_in": 3600])
    }
}

/// A call of the registry protocol; what it names decides what it does.
struct RegistryInput: MethodInput {
    var path: RegistryPath
    var resource: ResourceName { ResourceName([]) }

    init(from call: Call) async throws {
        guard let path = RegistryPath(call.decodedPath) else {
            throw GoogleError.registry(
                "NAME_UNKNOWN",
                .notFound,
                404,
                "The registry has nothing at \(call.decodedPath)."
            )
        }
        self.path = path
    }
}

extension Response {
    /// An answer of the registry; `json` nil: no body.
    static func registry(
        _ status: HTTPResponse.Status,
        headers: HTTPFields = [:],
        json: JSON? = nil
    ) throws -> Response {
        var headers = headers
        headers[.dockerDistributionAPIVersion] = "registry/2.0"
        guard let json else { return Response(status: status, headers: headers) }
        headers[.contentType] = headers[.contentType] ?? "application/json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: .init(bytes: try json.data())))
    }
}
