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

        struct Security: Decodable, Sendable {
            var privileged: Bool?
        }

        struct VolumeMount: Decodable, Sendable {
            var name: String
            var mountPath: String
            var readOnly: Bool?
        }

        var name: String?
        var image: String
        var command: [String]?
        var args: [String]?
        var env: [Variable]?
        var securityContext: Security?
        var volumeMounts: [VolumeMount]?
    }

    private struct Volume: Decodable, Sendable {
        struct PersistentDisk: Decodable, Sendable {
            var pdName: String
            var partition: Int?
        }

        struct EmptyFolder: Decodable, Sendable {}

        var name: String
        var gcePersistentDisk: PersistentDisk?
        var emptyDir: EmptyFolder?
    }

    private struct Spec: Decodable, Sendable {
        var containers: [Container]
        var volumes: [Volume]?
        var restartPolicy: String?
    }

    private var spec: Spec

    /// The first container; Google runs no more than one.
    var container: Container
    /// `Always`, `OnFailure` or `Never`.
    var restartPolicy: String { spec.restartPolicy ?? "Always" }

    /// Where in the container a disk of the instance is to be found, by the name of its device; nil: where any disk is.
    func mount(ofDevice name: String) -> Container.VolumeMount? {
        let volumes = (spec.volumes ?? []).filter { $0.gcePersistentDisk?.pdName == name }
        return container.volumeMounts?.first { mount in volumes.contains { $0.name == mount.name } }
    }

    /// Folders of the container that are in memory, and empty when it starts.
    var memoryMounts: [Mount] {
        let volumes = Set((spec.volumes ?? []).filter { $0.emptyDir != nil }.map(\.name))
        return (container.volumeMounts ?? []).filter { volumes.contains($0.name) }.map {
            Mount(.memory, at: $0.mountPath)
        }
    }

    /// Refuses what would have to be done of a declaration, and is not.
    ///
    /// - Throws: ``GoogleError`` `notImplemented` (501) naming it; `invalid` (400) for a path that is none.
    func check() throws {
        func lacks(_ what: String) -> GoogleError { .lackingField("metadata.items[\(Self.metadataKey)].\(what)") }
        if container.securityContext?.privileged ?? false { throw lacks("securityContext.privileged") }
        for volume in spec.volumes ?? [] {
            guard volume.gcePersistentDisk != nil || volume.emptyDir != nil else {
                throw lacks("volumes[\(volume.name)]")
            }
            if volume.gcePersistentDisk?.partition ?? 0 != 0 {
                throw lacks("volumes[\(volume.name)].gcePersistentDisk.partition")
            }
        }
        var mounted: Set<String> = []
        for mount in container.volumeMounts ?? [] {
            if !mounted.insert(mount.name).inserted { throw lacks("containers[0].volumeMounts of \(mount.name) twice") }
            // As the kernel writes it, by which a mount is found again.
            guard mount.mountPath.wholeMatch(of: /(\/[A-Za-z0-9_.@+-]+)+/) != nil,
                !mount.mountPath.split(separator: "/").contains(where: { $0 == "." || $0 == ".." })
            else {
                throw GoogleError.invalidField(
                    "volumeMounts[].mountPath",
                    mount.mountPath,
                    "It must be the path of a folder, such as /mnt/data, of letters, digits and '_.@+-'."
                )
            }
        }
    }

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

    /// By which a workload is known to have been made of an instance's declaration, under its name, with its
    /// accelerators and declared disks.
    static func labels(of instance: JSON) -> [String: String] {
        guard let declaration = Metadata.value(metadataKey, in: instance["metadata"]) else { return [:] }
        let name = instance["name"]?.string ?? ""
        let accelerators = (instance["guestAccelerators"]?.array ?? []).map { accelerator in
            let type = ResourceName(parsing: accelerator["acceleratorType"]?.string ?? "").last
            return "\(accelerator["acceleratorCount"]?.integer ?? 0) x \(type)"
        }
        let disks = declaredDisks(of: instance).compactMap { $0["deviceName"]?.string }
        return [metadataKey: declaration, "machine": ([name] + accelerators + disks).joined(separator: ", ")]
    }

    /// The disks of an instance that its container has where its declaration says, from when it is made.
    static func declaredDisks(of instance: JSON) -> [JSON] {
        guard let declaration = try? read(from: instance) else { return [] }
        return (instance["disks"]?.array ?? []).filter { disk in
            disk["boot"]?.bool != true && declaration.mount(ofDevice: disk["deviceName"]?.string ?? "") != nil
        }
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
