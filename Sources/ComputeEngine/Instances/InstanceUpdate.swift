import APIServer
import GRDB
import GoogleAPI
import Operations
import Workloads

// An instance is brought to what a whole document of it says.
extension InstanceMethods {
    /// Changes all that a document says otherwise, each field by the rule of its own method.
    ///
    /// See [instances.update](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances/update).
    ///
    /// - Throws: ``GoogleError`` `conditionNotMet` (412) for a document without the instance's fingerprint or with an
    ///   older one; 400 naming a field that cannot be changed, or one that needs more than the caller allows.
    func update(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let least = try Self.action("minimalAction", in: input) ?? .none
        let most = try Self.action("mostDisruptiveAllowedAction", in: input) ?? max(.refresh, least)
        guard least <= most else {
            throw GoogleError.tooDisruptive("minimalAction", needs: least.rawValue, allowed: most.rawValue)
        }
        guard let fingerprint = input.body["fingerprint"], !fingerprint.isNull else {
            throw GoogleError.fingerprintMismatch
        }
        let key = try await rows.key(input)
        let simulates = life.simulatesAccelerators
        return try await rows.changes.change("compute.instances.update", key, by: caller) { db, work in
            var changed: [InstanceChange] = []
            let instance = try ResourceStore.update(key, in: db) { instance in
                try Token.check(fingerprint, against: instance["fingerprint"])
                let shown = Link.render(instance, for: caller.origin)
                changed = try Self.apply(input.body, to: &instance, allowing: most)
                let changeable = Set(InstanceChange.all.map(\.field) + ["fingerprint", "labelFingerprint", "status"])
                for (field, asked) in input.body.object ?? [:] where !changeable.contains(field) {
                    guard Self.agrees(asked, with: shown[field]) else { throw GoogleError.fieldStays(field) }
                }
                if simulates { GuestAccelerators.labelSimulated(&instance) }
                try life.check(instance)
                instance["fingerprint"] = .string(Token.fingerprint())
            }
            let needed = changed.map(\.effect).reduce(least, max)
            work["restarts"] = .bool(needed == .restart && instance["status"] == "RUNNING")
            work["remakes"] = .bool(changed.contains { $0.field == InstanceChange.guestAccelerators.field })
            return instance
        }
    }

    /// Applies the rules of all fields of which a document says something else; returns those.
    private static func apply(
        _ asked: JSON,
        to instance: inout JSON,
        allowing most: InstanceChange.Effect
    ) throws -> [InstanceChange] {
        var done: [InstanceChange] = []
        for change in InstanceChange.all {
            var changed = instance
            try change.apply(asked, &changed)
            guard content(changed[change.field]) != content(instance[change.field]) else { continue }
            guard change.effect <= most || instance["status"] == "TERMINATED" else {
                throw GoogleError.tooDisruptive(change.field, needs: change.effect.rawValue, allowed: most.rawValue)
            }
            instance = changed
            done.append(change)
        }
        return done
    }

    private static func action(_ query: String, in input: ChangeInput) throws -> InstanceChange.Effect? {
        guard let text = input.query[query], !text.isEmpty else { return nil }
        guard let effect = InstanceChange.Effect(rawValue: text) else {
            let known = InstanceChange.Effect.allCases.map(\.rawValue).joined(separator: ", ")
            throw GoogleError.invalidField(query, text, "It must be one of \(known).")
        }
        return effect
    }

    /// What a field says, without its fingerprint; null when that is nothing.
    private static func content(_ value: JSON?) -> JSON {
        var content = value ?? .null
        if let members = value?.object {
            content = .object(members.filter { $0.key != "fingerprint" && Self.content($0.value) != .null })
        }
        return content.saysNothing ? .null : content
    }

    /// Whether a document says nothing else than the instance: what it leaves out, or leaves empty, it does not say.
    private static func agrees(_ asked: JSON, with current: JSON?) -> Bool {
        switch (asked, current ?? .null) {
        case (.object(let members), let current):
            // gcloud writes fingerprints in another alphabet than it read them in.
            members.allSatisfy { $0.key == "fingerprint" || agrees($0.value, with: current[$0.key]) }
        case (.array(let elements), .array(let others)):
            elements.count == others.count && zip(elements, others).allSatisfy { agrees($0, with: $1) }
        case (.string(let text), .string(let other)) where text.contains("/"):
            text == other || other.hasSuffix("/" + ResourceName(parsing: text).description)
        case (let asked, .null): asked.saysNothing
        case (let asked, let other): asked == other || (asked.integer != nil && asked.integer == other.integer)
        }
    }
}

extension InstanceLife {
    /// Lets a machine know what is different of its instance; one that must be off for it is stopped and started again.
    func update(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let isMadeAnew = operation.input["remakes"]?.bool ?? false
        if operation.input["restarts"]?.bool ?? false {
            return try await restart(key, within: operation) {
                try await fit(try await store.get(key), key, isMadeAnew: isMadeAnew)
            }
        }
        let instance = try await store.get(key)
        if instance["status"] == "TERMINATED" { try await fit(instance, key, isMadeAnew: isMadeAnew) }
        try await show(instance, key)
        if instance["status"] == "RUNNING" {
            try await applyUsers(instance, key)
            try await walls.raise(for: instance, key)
        }
    }

    /// Stops a machine and starts it again, as operations of their own within another.
    func restart(
        _ key: ResourceKey,
        within whole: Operations.Operation,
        whileOff work: () async throws -> Void = {}
    ) async throws {
        let hasBegunToStart = try await store.database.read { db in
            try Operations.Operation.exists(db, key: Self.part("start", of: whole, key))
        }
        if !hasBegunToStart {
            try await run("stop", key, within: whole)
            try await work()
            try await show(try await store.get(key), key)
        }
        try await run("start", key, within: whole)
    }

    private static func part(_ verb: String, of whole: Operations.Operation, _ key: ResourceKey) -> String {
        "\(whole.id)-\(verb)-\(key.name)"
    }

    /// Runs an operation within another, once even when the daemon is started anew meanwhile.
    private func run(_ verb: String, _ key: ResourceKey, within whole: Operations.Operation) async throws {
        var part = whole
        part.id = Self.part(verb, of: whole, key)
        part.target = key.resourceName.description
        part.scope = key.scope
        part.method = "compute.instances.\(verb)"
        part.input = [:]
        part.metadata["id"] = .string(Token.id())
        part.metadata["targetId"] = try await store.get(key)["id"]
        part.state = .pending
        let new = part
        let isNew = try await store.database.write { db in
            if try Operations.Operation.exists(db, key: new.id) { return false }
            try OperationRunner.insert(new, in: db)
            if verb == "stop", try ResourceStore.fetch(key, in: db)?["status"] == "RUNNING" {
                _ = try ResourceStore.update(key, in: db) { $0["status"] = "STOPPING" }
            }
            return true
        }
        if isNew { changes.runner.begin(new.id) }
        if let error = try await changes.runner.waitUntilDone(new.id).error { throw error.asGoogleError }
    }

    /// Fits a machine that is off to its instance.
    private func fit(_ instance: JSON, _ key: ResourceKey, isMadeAnew: Bool) async throws {
        let workload = Self.workload(of: instance)
        guard try await engine.status(of: workload) != nil else { return }
        if isMadeAnew { return try await unmake(instance, key) }
        try await engine.resize(workload, to: Self.resources(of: instance))
    }

    /// Removes a machine that is off and keeps its disk: the next start makes it of what the instance is then.
    ///
    /// A declared container is known to be another by what it was made of, and its machine is made anew by that.
    func unmake(_ instance: JSON, _ key: ResourceKey) async throws {
        guard try ContainerDeclaration.read(from: instance) == nil else { return }
        let workload = Self.workload(of: instance)
        let boot = Disk.key(of: instance["disks"]?[0]?["source"]?.string ?? "", like: key)
        try await contents.keep(try await store.get(boot), of: workload)
        try await engine.remove(workload)
    }
}
