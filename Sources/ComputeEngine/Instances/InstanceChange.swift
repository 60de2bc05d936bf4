import GoogleAPI

/// What may be changed of an instance: one rule a field.
///
/// A rule serves the field's own method, `instances.setTags` and its like, and `instances.update`. See
/// [updating properties](https://docs.cloud.google.com/compute/docs/instances/update-instance-properties).
struct InstanceChange: Sendable {
    /// What a change does to a machine that runs.
    enum Effect: String, Sendable, CaseIterable, Comparable {
        case none = "NO_EFFECT"
        case refresh = "REFRESH"
        /// The machine must be off for it.
        case restart = "RESTART"

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        static func < (one: Effect, other: Effect) -> Bool { one.rank < other.rank }
    }

    var field: String
    var effect: Effect
    /// Brings an instance to what a document of the same form says of the field.
    var apply: @Sendable (_ asked: JSON, _ instance: inout JSON) throws -> Void

    private init(
        _ field: String,
        _ effect: Effect = .none,
        _ apply: @escaping @Sendable (JSON, inout JSON) throws -> Void
    ) {
        self.field = field
        self.effect = effect
        self.apply = apply
    }

    /// In the order in which a change of several is made: what may be attached depends on the machine type.
    static let all = [
        description, labels, tags, metadata, scheduling, deletionProtection, machineType, guestAccelerators,
        minCpuPlatform, displayDevice, shieldedInstanceConfig, shieldedInstanceIntegrityPolicy,
    ]

    // MARK: While it runs

    static let description = kept("description")
    static let shieldedInstanceIntegrityPolicy = kept("shieldedInstanceIntegrityPolicy", always: true)

    static let labels = InstanceChange("labels") { asked, instance in
        try Rows.setLabels(asked["labels"], fingerprint: asked["labelFingerprint"], of: &instance)
    }

    static let tags = InstanceChange("tags") { asked, instance in
        try Token.check(asked["tags"]?["fingerprint"], against: instance["tags"]?["fingerprint"])
        try NetworkTags.check(asked["tags"])
        instance["tags"] = ["items": asked["tags"]?["items"] ?? [], "fingerprint": .string(Token.fingerprint())]
    }

    static let metadata = InstanceChange("metadata") { asked, instance in
        var metadata = try Metadata.checked(asked["metadata"] ?? [:])
        try Token.check(metadata["fingerprint"], against: instance["metadata"]?["fingerprint"])
        metadata["kind"] = "compute#metadata"
        metadata["fingerprint"] = .string(Token.fingerprint())
        let declared = Metadata.value(ContainerDeclaration.metadataKey, in: instance["metadata"])
        instance["metadata"] = metadata
        // What was taken before stays; whoever changes it learns what it cannot say.
        if Metadata.value(ContainerDeclaration.metadataKey, in: metadata) != declared {
            try ContainerDeclaration.read(from: instance)?.check()
        }
    }

    /// Only what is off becomes Spot, or ceases to be.
    static let scheduling = InstanceChange("scheduling") { asked, instance in
        guard var asked = asked["scheduling"] else { return }
        try RunLimit.check(asked)
        if GuestAccelerators.wanted(by: instance) != nil {
            if asked["onHostMaintenance"] == "MIGRATE" { throw GoogleError.acceleratorsDoNotMove }
            asked["onHostMaintenance"] = "TERMINATE"
        }
        let wasSpot = Scheduling.isSpot(instance)
        instance["scheduling"] = try Scheduling.completed(asked, over: instance["scheduling"] ?? [:])
        let status = instance["status"]?.string ?? ""
        guard Scheduling.isSpot(instance) == wasSpot || status == "TERMINATED" else {
            let name = ResourceName(parsing: instance["selfLink"]?.string ?? "")
            throw GoogleError.notReady(name, status: status, needs: "TERMINATED")
        }
        RunLimit.settle(&instance)
    }

    static let deletionProtection = InstanceChange("deletionProtection") { asked, instance in
        instance["deletionProtection"] = .bool(asked["deletionProtection"]?.bool ?? false)
    }

    // MARK: While it is off

    static let minCpuPlatform = kept("minCpuPlatform", .restart)
    static let displayDevice = kept("displayDevice", .restart)
    static let shieldedInstanceConfig = kept("shieldedInstanceConfig", .restart, always: true)

    static let machineType = InstanceChange("machineType", .restart) { asked, instance in
        let type = try MachineType.find(asked["machineType"]?.string ?? "", field: "machineType")
        try LocalDisk.check(instance, type: type)
        instance["machineType"] = .string("\(instance["zone"]?.string ?? "")/machineTypes/\(type.name)")
    }

    static let guestAccelerators = InstanceChange("guestAccelerators", .restart) { asked, instance in
        let accelerators = asked["guestAccelerators"] ?? []
        instance["guestAccelerators"] = accelerators.array?.isEmpty ?? true ? .none : accelerators
        let type = ResourceName(parsing: instance["machineType"]?.string ?? "").last
        guard let type = MachineType.named(type) else { return }
        let key = ResourceKey(ResourceName(parsing: instance["selfLink"]?.string ?? ""))
        try GuestAccelerators.complete(&instance, type: type, key: key)
    }

    /// A field that is shown as it was written, and does nothing here.
    ///
    /// - Parameter always: Every instance has the field: a document that leaves it out does not take it away.
    private static func kept(_ field: String, _ effect: Effect = .none, always: Bool = false) -> InstanceChange {
        InstanceChange(field, effect) { asked, instance in
            if always, asked[field] == nil { return }
            let isEmpty = asked[field]?.string?.isEmpty ?? false
            instance[field] = isEmpty ? .none : asked[field]
        }
    }
}
