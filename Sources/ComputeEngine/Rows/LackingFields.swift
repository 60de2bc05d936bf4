import GoogleAPI

/// Fields of a request that Google has and Brume lacks.
///
/// A request that says something in one of them is refused by its name, so that nobody waits for what it would do.
struct LackingFields: Sendable {
    private let paths: [String]
    private let had: [String: [String]]

    /// - Parameters:
    ///   - paths: Fields from the body down: `disks[].diskEncryptionKey` is the one of each element of a list, `disks[1]`
    ///     its second element.
    ///   - had: The same, with the values that are what Brume does anyway.
    init(_ paths: String..., except had: [String: [String]] = [:]) {
        self.paths = paths + had.keys.sorted()
        self.had = had
    }

    /// - Parameter prefix: Where the body stands in the request's: `properties.`.
    /// - Throws: ``GoogleError`` `notImplemented` (501) naming the field.
    func check(_ body: JSON, under prefix: String = "") throws {
        for path in paths {
            for (field, value) in Self.values(at: path.split(separator: ".")[...], in: body, named: "") {
                guard !value.saysNothing else { continue }
                let text = value.string
                if let text, had[path]?.contains(text) ?? false { continue }
                throw GoogleError.lackingField(prefix + field, value: had[path] == nil ? nil : text)
            }
        }
    }

    private static func values(
        at path: ArraySlice<Substring>,
        in value: JSON,
        named name: String
    ) -> [(field: String, value: JSON)] {
        guard let part = path.first else { return [(name, value)] }
        let key = String(part.prefix { $0 != "[" })
        guard let member = value[key] else { return [] }
        let own = name.isEmpty ? key : "\(name).\(key)"
        guard part.hasSuffix("]") else { return values(at: path.dropFirst(), in: member, named: own) }
        let wanted = Int(part.dropFirst(key.count + 1).dropLast())
        let elements = (member.array ?? []).enumerated().filter { wanted == nil || $0.offset == wanted }
        return elements.flatMap { values(at: path.dropFirst(), in: $0.element, named: "\(own)[\($0.offset)]") }
    }
}

extension LackingFields {
    static let ofInstances = LackingFields(
        "networkInterfaces[1]",
        "networkInterfaces[].aliasIpRanges",
        "networkInterfaces[].ipv6AccessConfigs",
        "networkInterfaces[].ipv6Address",
        "networkInterfaces[].networkAttachment",
        "disks[].diskEncryptionKey",
        "disks[].initializeParams.provisionedIops",
        "disks[].initializeParams.provisionedThroughput",
        "disks[].initializeParams.replicaZones",
        "disks[].initializeParams.resourcePolicies",
        "disks[].initializeParams.storagePool",
        "disks[].initializeParams.enableConfidentialCompute",
        "disks[].initializeParams.sourceImageEncryptionKey",
        "disks[].initializeParams.sourceSnapshotEncryptionKey",
        "resourcePolicies",
        "confidentialInstanceConfig",
        "advancedMachineFeatures",
        "instanceEncryptionKey",
        "sourceMachineImage",
        except: [
            "networkInterfaces[].stackType": ["IPV4_ONLY"],
            "disks[].initializeParams.architecture": ["X86_64"],
            "reservationAffinity.consumeReservationType": ["ANY_RESERVATION", "NO_RESERVATION", "UNSPECIFIED"],
        ]
    )

    static let ofScheduling = LackingFields("nodeAffinities", "localSsdRecoveryTimeout")

    static let ofAttachedDisks = LackingFields("boot", "diskEncryptionKey")

    static let ofDisks = LackingFields(
        "diskEncryptionKey",
        "sourceDiskEncryptionKey",
        "sourceImageEncryptionKey",
        "sourceSnapshotEncryptionKey",
        "sourceInstantSnapshot",
        "sourceStorageObject",
        "enableConfidentialCompute",
        "resourcePolicies",
        "storagePool",
        "asyncPrimaryDisk",
        "replicaZones",
        "provisionedIops",
        "provisionedThroughput",
        "licenses",
        except: ["accessMode": ["READ_WRITE_SINGLE"], "architecture": ["X86_64"]]
    )

    static let ofImages = LackingFields(
        "rawDisk",
        "imageEncryptionKey",
        "sourceDiskEncryptionKey",
        "sourceImageEncryptionKey",
        "sourceSnapshotEncryptionKey",
        "shieldedInstanceInitialState",
        "licenses",
        except: ["architecture": ["X86_64"]]
    )

    static let ofSnapshots = LackingFields(
        "snapshotEncryptionKey",
        "sourceDiskEncryptionKey",
        "sourceInstantSnapshot",
        "chainName"
    )

    static let ofTemplates = LackingFields("sourceInstance")

    static let ofGroups = LackingFields(
        "statefulPolicy",
        "targetPools",
        "allInstancesConfig",
        "standbyPolicy",
        "targetSuspendedSize",
        "targetStoppedSize",
        "instanceFlexibilityPolicy",
        "resourcePolicies",
        "autoHealingPolicies[].healthCheck",
        // A group heals itself, always by its newest template.
        except: ["instanceLifecyclePolicy.defaultActionOnFailure": ["REPAIR"]]
    )

    static let ofSubnetworks = LackingFields(
        "secondaryIpRanges",
        "ipv6AccessType",
        "reservedInternalRange",
        "role",
        except: ["stackType": ["IPV4_ONLY"], "purpose": ["PRIVATE", "PRIVATE_RFC_1918"]]
    )
}
