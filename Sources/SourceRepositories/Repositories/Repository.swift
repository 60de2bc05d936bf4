import APIServer
import Foundation
import GoogleAPI

/// A hosted repository: its row.
struct Repository: Sendable, Equatable {
    /// Names the folder, and nothing else.
    var id: String
    var project: ProjectIdentity
    var name: String
    var createTime: Date
    var policy: Policy

    var resource: ResourceName { ResourceName(["projects", project.id, "repos", name]) }

    /// The resource as on the wire; `url` leads through the door that the caller used.
    func document(for caller: Caller) -> JSON {
        ["name": .string(resource.description), "url": .string(url(for: caller))]
    }

    func url(for caller: Caller) -> String {
        let host = caller.origin.split(separator: "/").last ?? ""
        let isGoogle = host.hasSuffix("googleapis.com") || host.hasSuffix("google.com")
        let origin = isGoogle ? "https://source.developers.google.com" : caller.origin
        return "\(origin)/p/\(project.id)/r/\(name)"
    }

    /// Whether a repository may be called so. Google allows '/' too; Brume does not.
    static func isValid(name: String) -> Bool {
        (3...128).contains(name.utf8.count) && name.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9_.\-]*/) != nil
            && !name.contains("..") && !name.hasSuffix(".git") && !name.hasSuffix(".lock") && !name.hasSuffix(".")
    }
}
