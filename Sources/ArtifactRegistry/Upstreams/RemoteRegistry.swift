import Crypto
import Foundation
import GoogleAPI
import HTTPTypes

/// One registry elsewhere, as its clients see it: the pulling half of the distribution specification.
struct RemoteRegistry: Sendable {
    let base: URL
    let credentials: RemoteCredentials?
    let fetcher: any RemoteFetcher

    /// Docker Hub's own images are written without their folder.
    private var isDockerHub: Bool { base.host() == "registry-1.docker.io" }

    private static let accepted = Manifest.imageTypes.union(Manifest.indexTypes).sorted().joined(separator: ", ")

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
        if answer.status == 401, let credential = try await credential(answer.headers[.wwwAuthenticate], name) {
            var signed = headers
            signed[.authorization] = credential
            answer = try await fetcher.fetch(method, url, headers: signed)
        }
        switch answer.status {
        case 200..<300: return answer
        case 401, 403, 404: return nil
        case let status: throw RemoteError.answer("status \(status)")
        }
    }

    /// What a challenge asks for: the password, or a token that is given for it, or to everybody, as
    /// [docker's specification](https://distribution.github.io/distribution/spec/auth/token/) has it; nil when there
    /// is neither.
    private func credential(_ challenge: String?, _ name: String) async throws -> String? {
        guard let challenge else { return nil }
        let basic = try await credentials?.basic()
        guard challenge.lowercased().hasPrefix("bearer ") else { return basic }
        var fields: [String: String] = [:]
        for match in challenge.matches(of: /([a-z]+)="([^"]*)"/) { fields[String(match.1)] = String(match.2) }
        guard let realm = fields["realm"].flatMap({ URL(string: $0) }), ["http", "https"].contains(realm.scheme) else {
            return nil
        }
        var query = [URLQueryItem(name: "scope", value: "repository:\(name):pull")]
        if let service = fields["service"] { query.append(URLQueryItem(name: "service", value: service)) }
        var headers: HTTPFields = [:]
        // A password that was given to a secure registry goes nowhere in the clear.
        if base.scheme == "http" || realm.scheme == "https" { headers[.authorization] = basic }
        let answer = try await fetcher.fetch(.get, realm.appending(queryItems: query), headers: headers)
        guard answer.status == 200 else { return nil }
        let json = try JSON(parsing: try await answer.bytes(upTo: 1 << 20))
        return (json["token"]?.string ?? json["access_token"]?.string).map { "Bearer \($0)" }
    }
}
