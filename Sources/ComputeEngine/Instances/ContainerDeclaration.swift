import GoogleAPI
import Workloads
import Yams

/// What `create-with-container` asks for: the YAML of the metadata key `gce-container-declaration`.
struct ContainerDeclaration: Decodable, Sendable {
    static let metadataKey = "gce-container-declaration"

    struct Container: Decodable, Sendable {
        struct Variable: Decodable, Sendable {
            var name: String
            var value: String?
        }

        var image: String
        var command: [String]?
        var args: [String]?
        var env: [Variable]?
    }

    struct Spec: Decodable, Sendable { var containers: [Container] }

    var spec: Spec

    /// Reads an instance's declaration; nil when it has none.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when the YAML is wrong.
    static func read(from instance: JSON) throws -> Container? {
        guard let text = Metadata.value(metadataKey, in: instance["metadata"]) else { return nil }
        do {
            guard let container = try YAMLDecoder().decode(Self.self, from: text).spec.containers.first else {
                throw GoogleError.invalidField("metadata.items", metadataKey, "It declares no container.")
            }
            return container
        } catch let error as YamlError {
            throw GoogleError.invalidField("metadata.items", metadataKey, "It is not valid YAML: \(error)")
        } catch let error as DecodingError {
            throw GoogleError.invalidField("metadata.items", metadataKey, "It is no container declaration: \(error)")
        }
    }
}
