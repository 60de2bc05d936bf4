import APIServer
import Foundation
import GoogleAPI

/// A trigger: what must happen, and what is built then.
struct Trigger: Sendable, Equatable {
    var id: String
    var project: ProjectIdentity
    var location: String
    var createTime: Date
    /// The resource as on the wire.
    var document: JSON

    var name: String { document["name"]?.string ?? "" }
    var isDisabled: Bool { document["disabled"]?.bool ?? false }

    /// Where the source of its builds is, and how builds name it.
    struct Source: Sendable, Equatable {
        /// The repository that the daemon hosts; pushes to it are the trigger's.
        var hosted: SourceName
        /// `$REPO_NAME`.
        var repositoryName: String
        /// `$REPO_FULL_NAME`.
        var fullName: String
        /// Where the repository really is, when the hosted one is a copy.
        var url: String?
        /// The folder in which the steps run.
        var folder: String = ""
    }

    /// What moves the trigger, of a repository.
    struct Push: Sendable, Equatable {
        var branch: String?
        var tag: String?
        var isInverted: Bool
    }

    /// What the trigger waits for, whichever field says so.
    var push: Push? {
        let isOfConnection = document["repositoryEventConfig"]?["push"]
        if let push = document["github"]?["push"] ?? isOfConnection {
            return Push(
                branch: push["branch"]?.string,
                tag: push["tag"]?.string,
                isInverted: push["invertRegex"]?.bool ?? false
            )
        }
        guard let template = document["triggerTemplate"] else { return nil }
        return Push(
            branch: template["branchName"]?.string,
            tag: template["tagName"]?.string,
            isInverted: template["invertRegex"]?.bool ?? false
        )
    }

    var pullRequest: JSON? {
        document["github"]?["pullRequest"] ?? document["repositoryEventConfig"]?["pullRequest"]
    }

    /// `projects/P/locations/L/connections/C/repositories/R`, for triggers of a connected repository.
    var connectedRepository: String? {
        document["repositoryEventConfig"]?["repository"]?.string ?? document["sourceToBuild"]?["repository"]?.string
    }

    /// What is built when nothing is pushed: the branch, tag or commit that the trigger names.
    var revision: String? {
        if let text = document["sourceToBuild"]?["ref"]?.string { return text }
        if let text = document["gitFileSource"]?["revision"]?.string, !text.isEmpty { return text }
        guard let template = document["triggerTemplate"] else { return nil }
        if let commit = template["commitSha"]?.string { return commit }
        return nil
    }

    /// Where the trigger's source is; nil for triggers that have none, and for connected repositories, whose place
    /// their connection knows.
    var source: Source? {
        let folder = document["triggerTemplate"]?["dir"]?.string ?? ""
        if let template = document["triggerTemplate"], let repository = template["repoName"]?.string {
            let owner = template["projectId"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? project.id
            return Source(hosting: repository, in: owner, folder: folder)
        }
        if let github = document["github"], let owner = github["owner"]?.string, let name = github["name"]?.string {
            return Self.source(at: "https://github.com/\(owner)/\(name).git", in: project.id)
        }
        let address = document["sourceToBuild"]?["uri"]?.string ?? document["gitFileSource"]?["uri"]?.string
        return address.flatMap { Self.source(at: $0, in: project.id) }
    }

    /// What an address of a repository means here: a repository that Brume hosts, or Brume's copy of another's.
    ///
    /// Copies are called as Google's mirrors are: `github_OWNER_NAME`.
    static func source(at address: String, in project: String) -> Source? {
        guard let match = address.wholeMatch(of: /https?:\/\/(?:[^\/@]*@)?([^\/]+)\/(.+)/) else { return nil }
        let host = match.1.prefix { $0 != ":" }.lowercased()
        var path = match.2.split(separator: "/").map(String.init)
        if path.count == 4, path[0] == "p", path[2] == "r" {
            return Source(hosting: path[3], in: path[1])
        }
        guard let last = path.popLast() else { return nil }
        path.append(last.hasSuffix(".git") ? String(last.dropLast(4)) : last)
        let place = host == "github.com" ? "github" : host == "bitbucket.org" ? "bitbucket" : host
        let copy = ([place] + path).joined(separator: "_").map { character -> Character in
            character.isASCII && (character.isLetter || character.isNumber || "_-.".contains(character))
                ? character : "-"
        }
        return Source(
            hosted: SourceName(project: project, repository: String(copy)),
            repositoryName: path.last ?? "",
            fullName: path.joined(separator: "/"),
            url: address
        )
    }
}

extension Trigger.Source {
    /// A repository that is nowhere but here.
    init(hosting repository: String, in project: String, folder: String = "") {
        hosted = SourceName(project: project, repository: repository)
        repositoryName = repository
        fullName = repository
        self.folder = folder
    }
}
