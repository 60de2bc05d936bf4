import Foundation
import GoogleAPI
import Yams

/// A `cloudbuild.yaml` or `cloudbuild.json` as a repository holds it: keys in either case, JSON being YAML too.
enum BuildConfigFile {
    /// The largest file that is read, in bytes.
    static let maximumBytes = 1 << 20
    /// Where a trigger looks when it names no file.
    static let names = ["cloudbuild.yaml", "cloudbuild.yml", "cloudbuild.json"]
    /// So many values at most: aliases let a small file stand for endless ones.
    private static let maximumValues = 100_000

    /// Reads a file into the build as on the wire.
    ///
    /// - Throws: ``GoogleError`` (400) with the line for what is no YAML.
    static func read(_ data: Data, name: String) throws -> JSON {
        func wrong(_ why: String) -> GoogleError {
            .invalidBuild("failed unmarshalling build config \(name): \(why)")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch {
            throw wrong("\(error)")
        }
        guard let node, node.mapping != nil else { throw wrong("the file holds no mapping of keys to values") }
        var count = 0
        let document = try convert(node, &count, wrong, keepsKeys: false)
        if document["source"] != nil { throw wrong("config cannot specify source") }
        return document
    }

    private static func convert(
        _ node: Node,
        _ count: inout Int,
        _ wrong: (String) -> GoogleError,
        keepsKeys: Bool
    ) throws -> JSON {
        count += 1
        guard count <= maximumValues else { throw wrong("more than \(maximumValues) values") }
        switch node {
        case .scalar(let scalar): return value(scalar)
        case .sequence(let sequence):
            return .array(try sequence.map { try convert($0, &count, wrong, keepsKeys: false) })
        case .mapping(let mapping):
            var members: [String: JSON] = [:]
            for (key, value) in mapping {
                guard let name = key.string else { throw wrong("a key is not text") }
                let known = keepsKeys ? name : camel(name)
                guard members[known] == nil else {
                    throw wrong("line \(key.mark?.line ?? 0): key \"\(name)\" is given twice")
                }
                let isOfTheUser = ["substitutions", "envMap", "secretEnv"].contains(known)
                members[known] = try convert(value, &count, wrong, keepsKeys: isOfTheUser)
            }
            return .object(members)
        case .alias: throw wrong("an alias names nothing")
        }
    }

    private static func value(_ scalar: Node.Scalar) -> JSON {
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        switch scalar.string {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case "", "~", "null", "Null", "NULL": return .null
        default: return Int64(scalar.string).map(JSON.integer) ?? .string(scalar.string)
        }
    }

    private static func camel(_ name: String) -> String {
        let parts = name.split(separator: "_")
        guard parts.count > 1 else { return name }
        return parts[0] + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// The build of a repository that has a Dockerfile alone.
    static func dockerfile(image: String) -> JSON {
        [
            "steps": [
                [
                    "name": "gcr.io/cloud-builders/docker",
                    "args": ["build", "--network", "cloudbuild", "-t", .string(image), "."],
                ]
            ],
            "images": [.string(image)],
        ]
    }
}
