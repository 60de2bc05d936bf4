import APIServer
import Foundation
import GoogleAPI
import Workloads

/// Sources of builds that are commits of repositories.
struct RepositorySources: Sendable {
    let code: any SourceCode
    let connections: ConnectionStore

    /// One commit, found.
    struct Found: Sendable {
        let code: any SourceCode
        var source: SourceName
        var commit: String
        var folder: String

        var text: String { "\(source.repository) at \(commit)" }
        func open() async throws -> ByteStream { try await code.archive(of: source, at: commit, folder: folder) }
    }

    /// Finds what `repoSource`, `gitSource` or `connectedRepository` names; copies are fetched when they lack it.
    ///
    /// - Throws: ``GoogleError`` saying what is not there.
    func resolve(_ place: JSON, in project: ProjectIdentity) async throws -> Found {
        let inner = place["repoSource"] ?? place["gitSource"] ?? place["connectedRepository"] ?? [:]
        let source = try await source(place, in: project)
        let revision = Self.revision(inner)
        let isFixed = revision.utf8.count >= 40 && revision.allSatisfy { $0.isHexDigit }
        var found = isFixed ? try await find(revision, in: source.hosted) : nil
        if found == nil {
            try await bringUpToDate(source)
            found = try await find(revision, in: source.hosted)
        }
        guard let commit = found?.commit else { throw GoogleError.revisionMissing(revision, source.fullName) }
        return Found(code: code, source: source.hosted, commit: commit, folder: inner["dir"]?.string ?? "")
    }

    private static func revision(_ place: JSON) -> String {
        if let commit = place["commitSha"]?.string { return commit }
        if let branch = place["branchName"]?.string { return "refs/heads/\(branch)" }
        if let tag = place["tagName"]?.string { return "refs/tags/\(tag)" }
        return place["revision"]?.string ?? "HEAD"
    }

    private func source(_ place: JSON, in project: ProjectIdentity) async throws -> Trigger.Source {
        if let repository = place["repoSource"] {
            let owner = repository["projectId"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? project.id
            return try own(.init(hosting: repository["repoName"]?.string ?? "", in: owner), project)
        }
        if let name = place["connectedRepository"]?["repository"]?.string {
            return try await connected(name, in: project)
        }
        let url = place["gitSource"]?["url"]?.string ?? ""
        guard let source = Trigger.source(at: url, in: project.id) else {
            throw GoogleError.invalidBuild("the source '\(url)' is no https: address of a git repository")
        }
        return try own(source, project)
    }

    /// Where a trigger's source is; nil when it has none.
    func source(of trigger: Trigger) async throws -> Trigger.Source? {
        if let name = trigger.connectedRepository { return try await connected(name, in: trigger.project) }
        return try trigger.source.map { try own($0, trigger.project) }
    }

    private func connected(_ name: String, in project: ProjectIdentity) async throws -> Trigger.Source {
        guard let address = try await connections.remote(of: name, in: project),
            let source = Trigger.source(at: address, in: project.id)
        else { throw GoogleError.connectionNotFound(name) }
        return try own(source, project)
    }

    /// The same by the project's ID; builds do not reach into other projects.
    private func own(_ source: Trigger.Source, _ project: ProjectIdentity) throws -> Trigger.Source {
        guard [project.id, String(project.number)].contains(source.hosted.project) else {
            throw GoogleError.foreignRepository(source.hosted)
        }
        var source = source
        source.hosted.project = project.id
        return source
    }

    /// Finds a revision, however it is written; nil when there is none, or no repository.
    func find(_ revision: String, in source: SourceName) async throws -> (reference: String?, commit: String)? {
        guard try await code.has(source) else { return nil }
        if revision.hasPrefix("refs/") || revision == "HEAD" {
            return try await code.commit(revision, of: source).map { (revision, $0) }
        }
        for reference in ["refs/heads/\(revision)", "refs/tags/\(revision)"] {
            if let commit = try await code.commit(reference, of: source) { return (reference, commit) }
        }
        return try await code.commit(revision, of: source).map { (nil, $0) }
    }

    /// Fetches a copy of a repository elsewhere.
    func bringUpToDate(_ source: Trigger.Source, references: [String] = []) async throws {
        guard let url = source.url else { return }
        // A copy that somebody pushes to, as `brume connect` lets them, need not be reachable where it came from.
        let isThere = try await code.has(source.hosted)
        do {
            try await code.fetch(url, into: source.hosted, references: references)
        } catch let error where isThere && !(error is CancellationError) && references.isEmpty {}
    }
}
