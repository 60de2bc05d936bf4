import Crypto
import Foundation
import GoogleAPI
import HTTPTypes

/// One registry elsewhere, as its clients see it: the pulling half of the distribution specification.
struct RemoteRegistry: Sendable {
    let base: URL
    let fetcher: any RemoteFetcher

    /// Docker Hub's own images are written without their folder.
    private var isDockerHub: Bool { base.host() == "registry-1.docker.io" }

    private static let dockerHub = URL(string: "https://registry-1.docker.io")
    private static let accepted = Manifest.imageTypes.union(Manifest.indexTypes).sorted().joined(separator: ", ")

    /// Reads `remoteRepositoryConfig`.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400), 501 for what Brume does not fetch from.
    init(_ config: JSON?, fetcher: any RemoteFetcher) throws {
        self.fetcher = fetcher
        if config?["upstreamCredentials"] != nil {
            throw GoogleError.remoteUnsupported("credentials for the upstream")
        }
        let docker = config?["dockerRepository"]
        let address = docker?["customRepository"]?["uri"]?.string ?? config?["commonRepository"]?["uri"]?.string
        // Python clients send enums as numbers.
        if docker?["publicRepository"] == "DOCKER_HUB" || docker?["publicRepository"] == 1, let hub = Self.dockerHub {
            base = hub
        } else if let address, let url = URL(string: address), ["http", "https"].contains(url.scheme), url.host() != nil
        {
            base = url.host() == "docker.io" ? Self.dockerHub ?? url : url
        } else {
            throw GoogleError.repositoryInvalid(
                "The field remoteRepositoryConfig.dockerRepository must say DOCKER_HUB, or the http or https URI of a "
                    + "registry."
            )
        }
    }

    struct FetchedManifest {
        var data: Data
        var mediaType: String?
        var digest: String
    }

    /// The digest that a tag names now; nil when there is none such.
    func digest(of tag: String, image: String) async throws -> String? {
        let answer = try await ask(.head, image, "manifests/\(tag)", [.accept: Self.accepted])
        return answer?.headers[.dockerContentDigest]
    }

    func manifest(_ reference: String, image: String) async throws -> FetchedManifest? {
        guard let answer = try await ask(.get, image, "manifests/\(reference)", [.accept: Self.accepted]) else {
            return nil
        }
        let data = try await answer.bytes(upTo: Manifest.maximumBytes)
        let digest = ContentDigest.text(SHA256.hash(data: data))
        guard !reference.contains(":") || reference == digest else {
            throw RemoteError.answer("content of another digest than '\(reference)'")
        }
        return FetchedManifest(data: data, mediaType: answer.headers[.contentType], digest: digest)
    }

    /// A blob's bytes; nil when there is none such.
    func blob(_ digest: String, image: String, isHead: Bool = false) async throws -> RemoteAnswer? {
        try await ask(isHead ? .head : .get, image, "blobs/\(digest)", [:])
    }

    private func ask(_ method: HTTPRequest.Method, _ image: String, _ what: String, _ headers: HTTPFields) async throws
        -> RemoteAnswer?
    {
        let name = isDockerHub && !image.contains("/") ? "library/\(image)" : image
        let url = base.appending(path: "v2/\(name)/\(what)")
        var answer = try await fetcher.fetch(method, url, headers: headers)
        if answer.status == 401, let token = try await token(answer.headers[.wwwAuthenticate], name) {
            var signed = headers
            signed[.authorization] = "Bearer \(token)"
            answer = try await fetcher.fetch(method, url, headers: signed)
        }
        switch answer.status {
        case 200..<300: return answer
        case 401, 403, 404: return nil
        case let status: throw RemoteError.answer("status \(status)")
        }
    }

    /// A token for everybody, as [docker's specification](https://distribution.github.io/distribution/spec/auth/token/)
    /// has it; nil when the registry offers none.
    private func token(_ challenge: String?, _ name: String) async throws -> String? {
        guard let challenge, challenge.lowercased().hasPrefix("bearer ") else { return nil }
        var fields: [String: String] = [:]
        for match in challenge.matches(of: /([a-z]+)="([^"]*)"/) { fields[String(match.1)] = String(match.2) }
        guard let realm = fields["realm"].flatMap({ URL(string: $0) }), ["http", "https"].contains(realm.scheme) else {
            return nil
        }
        var query = [URLQueryItem(name: "scope", value: "repository:\(name):pull")]
        if let service = fields["service"] { query.append(URLQueryItem(name: "service", value: service)) }
        let answer = try await fetcher.fetch(.get, realm.appending(queryItems: query), headers: [:])
        guard answer.status == 200 else { return nil }
        let json = try JSON(parsing: try await answer.bytes(upTo: 1 << 20))
        return json["token"]?.string ?? json["access_token"]?.string
    }
}
