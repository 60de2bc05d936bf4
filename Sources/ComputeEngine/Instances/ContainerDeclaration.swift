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

        var name: String?
        var image: String
        var command: [String]?
        var args: [String]?
        var env: [Variable]?
    }

    private struct Spec: Decodable, Sendable {
        var containers: [Container]
        var restartPolicy: String?
    }

    private var spec: Spec

    /// The first container; Google runs no more than one.
    var container: Container
    /// `Always`, `OnFailure` or `Never`.
    var restartPolicy: String { spec.restartPolicy ?? "Always" }

    private enum CodingKeys: CodingKey { case spec }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        spec = try values.decode(Spec.self, forKey: .spec)
        guard let first = spec.containers.first else {
            throw DecodingError.dataCorruptedError(
                forKey: .spec,
                in: values,
                debugDescription: "It declares no container."
            )
        }
        container = first
    }

    /// By which a workload is known to have been made of an instance's declaration, under its name and with its
    /// accelerators.
    static func labels(of instance: JSON) -> [String: String] {
        guard let declaration = Metadata.value(metadataKey, in: instance["metadata"]) else { return [:] }
        let name = instance["name"]?.string ?? ""
        let accelerators = (instance["guestAccelerators"]?.array ?? []).map { accelerator in
            let type = ResourceName(parsing: accelerator["acceleratorType"]?.string ?? "").last
            return "\(accelerator["acceleratorCount"]?.integer ?? 0) x \(type)"
        }
        return [metadataKey: declaration, "machine": ([name] + accelerators).joined(separator: ", ")]
    }

    /// Whether a workload with these labels was made of something else than the instance says now.
    static func isOther(than labels: [String: String], in instance: JSON) -> Bool {
        let own = Self.labels(of: instance)
        return [metadataKey, "machine"].contains { key in labels[key].map { $0 != own[key] } ?? false }
    }

    /// Reads an instance's declaration; nil when it has none.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when the YAML is wrong.
    static func read(from instance: JSON) throws -> ContainerDeclaration? {
        guard let text = Metadata.value(metadataKey, in: instance["metadata"]) else { return nil }
        do {
            return try YAMLDecoder().decode(Self.self, from: text)
        } catch let error as YamlError {
            throw GoogleError.invalidField("metadata.items", metadataKey, "It is not valid YAML: \(error)")
        } catch let error as DecodingError {
            throw GoogleError.invalidField("metadata.items", metadataKey, "It is no container declaration: \(error)")
        }
    }

    /// What the container runs: as Kubernetes has it, `command` replaces the image's entry point and `args` its command.
    ///
    /// - Returns: Nil when there is nothing to run, or only the init that the machine boots anyway.
    func program(imageEntrypoint: [String], imageCommand: [String]) -> [String]? {
        let command = container.command ?? []
        let args = container.args ?? []
        let program =
            (command.isEmpty ? imageEntrypoint : command)
            + (args.isEmpty && command.isEmpty ? imageCommand : args)
        guard let first = program.first, !["/sbin/init", "/lib/systemd/systemd"].contains(first) else { return nil }
        return program
    }
}
