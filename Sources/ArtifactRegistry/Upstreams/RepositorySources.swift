import APIServer
import Foundation
import GoogleAPI

/// Where a repository finds what is asked of it: in itself, in a registry elsewhere, or in other repositories.
struct RepositorySources: Sendable {
    let repositories: RepositoryStore
    let projects: any ProjectDirectory
    let fetcher: any RemoteFetcher
    let secrets: any UpstreamSecrets

    struct Source: Sendable {
        var place: RegistryPlace
        /// Where it fetches images that it has not.
        var remote: RemoteRegistry?
        /// Where it fetches Python packages that it has not.
        var index: RemoteIndex?
    }

    /// The places in which to look, in their order.
    func sources(of place: RegistryPlace) async throws -> [Source] {
        guard let document = try await repositories.find(place) else { return [Source(place: place)] }
        guard document["mode"] == "VIRTUAL_REPOSITORY" else { return [try await source(place, document)] }
        var sources: [Source] = []
        for policy in UpstreamPolicy.all(of: document) {
            var upstream = policy.place
            upstream.image = place.image
            // One that was deleted since is passed over.
            guard let document = try await repositories.find(upstream) else { continue }
            sources.append(try await source(upstream, document))
        }
        return sources
    }

    private func source(_ place: RegistryPlace, _ document: JSON) async throws -> Source {
        guard document["mode"] == "REMOTE_REPOSITORY" else { return Source(place: place) }
        let config = try RemoteConfig(document)
        let credentials = try await credentials(config, in: place)
        guard document["format"] == "PYTHON" else {
            return Source(
                place: place,
                remote: RemoteRegistry(base: config.base, credentials: credentials, fetcher: fetcher)
            )
        }
        return Source(place: place, index: RemoteIndex(base: config.base, credentials: credentials, fetcher: fetcher))
    }

    private func credentials(_ config: RemoteConfig, in place: RegistryPlace) async throws -> RemoteCredentials? {
        guard let (username, version) = config.credentials else { return nil }
        let number = try await projects.project(place.project).number
        return RemoteCredentials(
            username: username,
            passwordVersion: version,
            account: "service-\(number)@gcp-sa-artifactregistry.iam.gserviceaccount.com",
            secrets: secrets
        )
    }

    /// Nobody pushes into what is filled from elsewhere.
    ///
    /// - Throws: ``GoogleError`` `DENIED` (400).
    func checkTakesPushes(_ place: RegistryPlace) async throws {
        let mode = try await repositories.find(place)?["mode"]?.string ?? "STANDARD_REPOSITORY"
        guard mode == "STANDARD_REPOSITORY" else { throw GoogleError.pushRefused(place.resource.description, mode) }
    }

    /// Checks what a new or changed repository says of where it finds things.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400), `notFound` (404); `forbidden` (403) for a password that cannot be read.
    func check(_ document: JSON, at place: RegistryPlace) async throws {
        switch document["mode"]?.string {
        case "REMOTE_REPOSITORY":
            let config = try RemoteConfig(document)
            guard document["remoteRepositoryConfig"]?["disableUpstreamValidation"]?.bool != true else { return }
            _ = try await credentials(config, in: place)?.basic()
        case "VIRTUAL_REPOSITORY":
            let given = document["virtualRepositoryConfig"]?["upstreamPolicies"]?.array ?? []
            guard !given.isEmpty else { throw GoogleError.repositoryInvalid("A virtual repository needs upstreams.") }
            for entry in given { try await check(entry, of: place, format: document["format"]) }
        default: break
        }
    }

    private func check(_ entry: JSON, of place: RegistryPlace, format: JSON?) async throws {
        let name = entry["repository"]?.string ?? ""
        guard let policy = UpstreamPolicy(entry) else {
            throw GoogleError.repositoryInvalid(
                "The upstream '\(name)' is no repository: write projects/P/locations/L/repositories/R."
            )
        }
        guard policy.place.project == place.project, policy.place.location == place.location else {
            throw GoogleError.repositoryInvalid(
                "The upstream '\(name)' must be in the project and the location of the virtual repository."
            )
        }
        guard let upstream = try await repositories.find(policy.place) else {
            throw GoogleError.repositoryNotFound(policy.place.resource.description)
        }
        guard upstream["format"] == format, upstream["mode"] != "VIRTUAL_REPOSITORY" else {
            throw GoogleError.repositoryInvalid(
                "The upstream '\(name)' must be a standard or remote repository of the same format."
            )
        }
    }
}

/// One upstream of a virtual repository.
struct UpstreamPolicy: Sendable {
    var place: RegistryPlace
    var priority: Int64

    init?(_ entry: JSON) {
        let parts = (entry["repository"]?.string ?? "").split(separator: "/").map(String.init)
        guard parts.count == 6, parts[0] == "projects", parts[2] == "locations", parts[4] == "repositories" else {
            return nil
        }
        place = RegistryPlace(project: parts[1], location: parts[3], repository: parts[5], image: "")
        priority = entry["priority"]?.integer ?? 0
    }

    /// Those of a repository; the highest priority comes first.
    static func all(of document: JSON) -> [UpstreamPolicy] {
        let entries = document["virtualRepositoryConfig"]?["upstreamPolicies"]?.array ?? []
        return entries.compactMap(UpstreamPolicy.init).enumerated()
            .sorted { ($1.element.priority, $0.offset) < ($0.element.priority, $1.offset) }.map(\.element)
    }
}
