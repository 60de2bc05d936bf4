import APIServer
import Foundation
import GoogleAPI

/// A secret: its row. The payloads are its versions'.
struct Secret: Sendable, Equatable {
    /// The row's; 0 before it is inserted.
    var id: Int64
    var project: ProjectIdentity
    var name: String
    var createTime: Date
    /// `labels`, `annotations`, `replication`, `versionAliases` and `etag`.
    var settings: JSON
    var policy: Policy

    /// The full name, by the project's number, as in Google's answers.
    var resourceName: String { "projects/\(project.number)/secrets/\(name)" }

    var etag: String { settings["etag"]?.string ?? "" }

    /// The resource as on the wire.
    var document: JSON {
        var document = settings
        document["name"] = .string(resourceName)
        document["createTime"] = .string(Timestamp.text(createTime))
        return document
    }

    /// The number of the version that an alias names.
    func version(aliased alias: String) -> Int64? { settings["versionAliases"]?[alias]?.integer }

    /// Whether a secret may be called so: up to 255 letters, digits, `-` and `_`.
    static func isValid(name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name.wholeMatch(of: /[A-Za-z0-9_\-]+/) != nil
    }
}
