import Foundation
import Yams

/// What a folder of the [Container Device Interface](https://github.com/cncf-tags/container-device-interface) says of
/// the devices of one vendor: names, and what a container needs to use each.
package struct DeviceSpecification: Decodable, Sendable {
    package static let usualFolders = ["/etc/cdi", "/var/run/cdi"]

    struct Edits: Decodable, Sendable {
        struct Node: Decodable, Sendable {
            var path: String
            var hostPath: String?
            var permissions: String?
        }

        struct Mount: Decodable, Sendable {
            var hostPath: String
            var containerPath: String
            var options: [String]?
        }

        struct Hook: Decodable, Sendable {}

        /// `NAME=value`.
        var env: [String]?
        var deviceNodes: [Node]?
        var mounts: [Mount]?
        var hooks: [Hook]?
    }

    struct Device: Decodable, Sendable {
        var name: String
        var containerEdits: Edits
    }

    /// `nvidia.com/gpu`.
    var kind: String
    var devices: [Device]
    /// What every device of the kind needs besides.
    var containerEdits: Edits?

    /// The specifications in some folders; what cannot be read counts for nothing, as with every engine.
    static func read(_ folders: [String]) -> [DeviceSpecification] {
        folders.flatMap { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.filter { $0.hasSuffix(".json") || $0.hasSuffix(".yaml") }.sorted().compactMap { name in
                // JSON is YAML too.
                FileManager.default.contents(atPath: folder + "/" + name)
                    .flatMap { try? YAMLDecoder().decode(DeviceSpecification.self, from: $0) }
            }
        }
    }

    /// The devices that Brume can bind by itself: hooks are programs that only an engine can run at the right moment.
    var bindable: [AcceleratorDevice] {
        devices.compactMap { device in
            let edits = [containerEdits, device.containerEdits].compactMap(\.self)
            guard edits.allSatisfy({ ($0.hooks ?? []).isEmpty }) else { return nil }
            return AcceleratorDevice(kind: kind, name: device.name, access: .edits(edits))
        }
    }
}
