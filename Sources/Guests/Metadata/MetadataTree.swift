import Foundation
import GoogleAPI

/// A document as the metadata server shows it: folders and values with names in kebab case, read by path.
struct MetadataTree {
    /// What stands at a path.
    enum Node: Equatable {
        case folder(JSON, isVerbatim: Bool)
        case value(JSON, name: String)
    }

    /// Keys in camel case, as `recursive=true` shows them.
    var root: JSON

    /// Finds what stands at a path; nil when nothing does.
    func node(at path: [String]) -> Node? {
        var current = root
        var isVerbatim = false
        var name = ""
        for segment in path {
            guard let (key, child) = Self.child(of: current, segment, isVerbatim) else { return nil }
            // Attributes are named by users: their names are not translated.
            if key == "attributes" || key == "guestAttributes" || key == "serviceAccounts" { isVerbatim = true }
            current = child
            name = key
        }
        return Self.isFolder(current, name: name)
            ? .folder(current, isVerbatim: isVerbatim) : .value(current, name: name)
    }

    private static func child(of parent: JSON, _ segment: String, _ isVerbatim: Bool) -> (key: String, value: JSON)? {
        if let members = parent.object {
            for key in isVerbatim ? [segment] : [segment, camelCase(segment)] {
                if let value = members[key] { return (key, value) }
            }
        }
        if let index = Int(segment), let element = parent[index] { return (segment, element) }
        return nil
    }

    /// Lists of plain values are values themselves: tags, scopes.
    private static func isFolder(_ json: JSON, name: String) -> Bool {
        if json.object != nil { return true }
        guard let elements = json.array else { return false }
        return elements.contains { $0.object != nil }
    }

    /// The names in a folder, one a line; folders end in a slash.
    static func listing(_ folder: JSON, isVerbatim: Bool, besides others: [String] = []) -> String {
        var lines = others
        if let elements = folder.array {
            lines = elements.indices.map { "\($0)/" }
        } else {
            for (key, value) in folder.object ?? [:] {
                lines.append((isVerbatim ? key : kebabCase(key)) + (isFolder(value, name: key) ? "/" : ""))
            }
            lines.sort()
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// A value without quotes; lists of scopes and aliases one a line, other lists as JSON.
    static func text(_ value: JSON, name: String) -> String {
        switch value {
        case .string(let text): return text
        case .array(let elements) where ["scopes", "aliases"].contains(name):
            return elements.compactMap(\.string).map { $0 + "\n" }.joined()
        case .bool(let isTrue): return isTrue ? "TRUE" : "FALSE"
        case .null: return ""
        default: return (try? value.data()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }

    /// Everything below a folder, one value a line: `attributes/startup-script echo`.
    static func flat(_ json: JSON, isVerbatim: Bool, name: String = "", path: String = "") -> String {
        guard isFolder(json, name: name) else { return "\(path) \(text(json, name: name))\n" }
        let below = path.isEmpty ? "" : path + "/"
        if let elements = json.array {
            return elements.enumerated().map { flat($1, isVerbatim: isVerbatim, path: "\(below)\($0)") }.joined()
        }
        return (json.object ?? [:]).sorted { $0.key < $1.key }.map { key, value in
            flat(
                value,
                isVerbatim: isVerbatim || key == "attributes" || key == "serviceAccounts",
                name: key,
                path: below + (isVerbatim ? key : kebabCase(key))
            )
        }.joined()
    }

    /// `network-interfaces` as `networkInterfaces`; Google spells some names with an underscore too.
    static func camelCase(_ text: String) -> String {
        let words = text.split(whereSeparator: { $0 == "-" || $0 == "_" })
        return (words.first.map { String($0) } ?? "")
            + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    static func kebabCase(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
    }
}

extension Guest {
    /// The whole tree under `computeMetadata/v1`.
    var metadata: MetadataTree {
        var instance = instance
        var accounts: JSON = [:]
        if let serviceAccount {
            let scopes = JSON.array(scopes.map { .string($0) })
            let account: JSON = ["aliases": ["default"], "email": .string(serviceAccount), "scopes": scopes]
            accounts = ["default": account]
            accounts[serviceAccount] = account
        }
        instance["serviceAccounts"] = accounts
        if instance["attributes"] == nil { instance["attributes"] = [:] }
        return MetadataTree(root: [
            "instance": instance,
            "oslogin": [:],
            "project": [
                "projectId": .string(projectID),
                "numericProjectId": .integer(projectNumber),
                "attributes": projectAttributes.object == nil ? [:] : projectAttributes,
            ],
            "universe": ["universeDomain": "googleapis.com"],
        ])
    }

    /// Whether programs in the guest may say something of it.
    var allowsGuestAttributes: Bool {
        let name = "enable-guest-attributes"
        return (instance["attributes"]?[name] ?? projectAttributes[name])?.bool ?? false
    }
}
