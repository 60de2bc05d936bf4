import APIServer
import Foundation
import GoogleAPI
import GRDB
import Operations

// What groups are told. They follow by `GroupKeeper`, or by the operation where it says so.
extension GroupMethods {
    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        try InstanceGroup.check(input.body)
        let size = try Self.size(input.body["targetSize"]?.integer)
        let zones = try InstanceGroup.zones(of: key, asked: input.body)
        let template = try await template(input.body, key, in: zones.first ?? "", for: caller)
        var group = InstanceGroup.document(
            input.body,
            key,
            zones: zones,
            template: template,
            created: Timestamp.text(rows.changes.now())
        )
        let base = group["baseInstanceName"]?.string ?? ""
        try ResourceNames.check(base + "-0000")
        InstanceGroup.resize(&group, to: size)
        var unmanaged = key
        unmanaged.collection = "instanceGroups"
        let namesake = unmanaged
        return try await rows.insert(group, at: key, by: caller) { db in
            guard try ResourceStore.fetch(namesake, in: db) == nil else {
                throw GoogleError.resourceExists(namesake.resourceName)
            }
        }
    }

    /// Checks that a group's instances can be made, and that the caller may have them made.
    private func template(
        _ asked: JSON,
        _ group: ResourceKey,
        in zone: String,
        for caller: Caller
    ) async throws -> ResourceKey {
        let text = asked["instanceTemplate"]?.string ?? asked["versions"]?[0]?["instanceTemplate"]?.string
        guard let text, !text.isEmpty else { throw GoogleError.fieldMissing("resource.instanceTemplate") }
        if (asked["versions"]?.array ?? []).count > 1 {
            throw GoogleError.invalidField("resource.versions", text, "A group has one version at a time here.")
        }
        let key = ResourceKey(project: group.project, scope: "zones/\(zone)", collection: "instances", name: group.name)
        let body = try await maker.body(["name": .string(group.name)], from: text, in: group.project)
        _ = try await maker.draft(body, at: key, for: caller)
        return InstanceTemplate.key(text, in: group.project)
    }

    private static func size(_ asked: Int64?) throws -> Int {
        guard let asked, (0...1000).contains(asked) else {
            throw GoogleError.invalidField("targetSize", asked.map(String.init) ?? "", "It must be between 0 and 1000.")
        }
        return Int(asked)
    }

    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        try await rows.update("delete", input, by: caller) { group in
            InstanceGroup.set(&group, wanted: [])
            group[InstanceGroup.isEnding] = true
        }
    }

    func resize(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let size = try Self.size(input.query["size"].flatMap { Int64($0) })
        return try await rows.update("resize", input, by: caller) { InstanceGroup.resize(&$0, to: size) }
    }

    // MARK: Templates

    /// Takes another template, for instances that are made from now on; where updates are proactive, for all.
    func setInstanceTemplate(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let group = try await rows.key(input)
        let zone = try InstanceGroup.zones(of: group, asked: try await rows.store.get(group)).first ?? ""
        let template = try await template(input.body, group, in: zone, for: caller)
        return try await rows.update("setInstanceTemplate", input, by: caller) { group in
            group["instanceTemplate"] = .string(template.link)
            group[InstanceGroup.failures] = [:]
        }
    }

    /// Changes what a document names of a group.
    ///
    /// - Throws: ``GoogleError`` `conditionNotMet` (412) for an older fingerprint; 400 naming a field that cannot be
    ///   changed.
    func patch(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let body = input.body
        try InstanceGroup.check(body)
        let key = try await rows.key(input)
        let present = try await rows.store.get(key)
        let size = try body["targetSize"].map { try Self.size($0.integer) }
        var template: ResourceKey?
        if body["instanceTemplate"] != nil || body["versions"] != nil {
            let zone = try InstanceGroup.zones(of: key, asked: present).first ?? ""
            template = try await self.template(body, key, in: zone, for: caller)
        }
        let link = template.map { JSON.string($0.link) }
        return try await rows.changes.change(change("patch"), key, by: caller) { db, work in
            let group = try ResourceStore.update(key, in: db) { group in
                try Self.apply(body, to: &group, as: Link.render(group, for: caller.origin))
                if let link { group["instanceTemplate"] = link }
                if let size { InstanceGroup.resize(&group, to: size) }
                // A version of another name is another one, though its template be the same: all are to follow.
                guard let version = body["versions"]?[0]?["name"], version != group[InstanceGroup.version] else {
                    return
                }
                group[InstanceGroup.version] = version
                guard group["updatePolicy"]?["type"] == "PROACTIVE" else { return }
                let isGentle = group["updatePolicy"]?["minimalAction"] == "RESTART"
                work = Self.work(
                    try Self.instances(InstanceGroup.wanted(group), in: db),
                    as: isGentle ? "restarts" : "instances"
                )
            }
            return group
        }
    }

    /// Applies what a patch says of a group by itself.
    private static func apply(_ patch: JSON, to group: inout JSON, as shown: JSON) throws {
        try Token.check(patch["fingerprint"], against: group["fingerprint"])
        for field in ["name", "baseInstanceName", "distributionPolicy"] {
            guard let asked = patch[field], asked != shown[field] else { continue }
            throw GoogleError.fieldStays(field)
        }
        for field in [
            "description", "updatePolicy", "autoHealingPolicies", "instanceLifecyclePolicy", "namedPorts",
        ] {
            guard let asked = patch[field] else { continue }
            // A list is replaced, an object is changed member by member.
            var value = group[field] ?? .null
            value.merge(asked)
            group[field] = value
        }
        group[InstanceGroup.failures] = [:]
        group["fingerprint"] = .string(Token.fingerprint())
    }

    /// Makes instances anew that are not yet what their group's template says; others stay as they are.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) where less than a replacement is allowed and one is needed.
    func applyUpdatesToInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let replaces = input.body["minimalAction"]?.string == "REPLACE"
        let most = input.body["mostDisruptiveAllowedAction"]?.string ?? "REPLACE"
        let all = input.body["allInstances"]?.bool ?? false
        return try await rows.changes.change(change("applyUpdatesToInstances"), key, by: caller) { db, work in
            guard let group = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            let named = all ? InstanceGroup.wanted(group) : try Self.named(input, of: group)
            let outdated = try Self.instances(named, in: db)
                .filter { replaces || InstanceGroup.isOutdated($0, in: group) }
            guard outdated.isEmpty || most == "REPLACE" else {
                throw GoogleError.tooDisruptive("instanceTemplate", needs: "REPLACE", allowed: most)
            }
            work = Self.work(outdated)
            return group
        }
    }

    // MARK: Single instances

    func createInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        for (index, instance) in (input.body["instances"]?.array ?? []).enumerated()
        where !(instance["preservedState"]?.saysNothing ?? true) {
            throw GoogleError.lackingField("instances[\(index)].preservedState")
        }
        let new = (input.body["instances"]?.array ?? []).compactMap { $0["name"]?.string }
        for name in new { try ResourceNames.check(name) }
        return try await rows.update("createInstances", input, by: caller) { group in
            var instances = InstanceGroup.wanted(group)
            for name in new {
                if instances.contains(where: { $0.name == name }) {
                    throw GoogleError.invalidField("instances[].name", name, "The group has an instance of that name.")
                }
                instances.append(InstanceGroup.place(name, in: group, among: instances))
            }
            InstanceGroup.set(&group, wanted: instances)
        }
    }

    func deleteInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.changes.change(change("deleteInstances"), key, by: caller) { db in
            try ResourceStore.update(key, in: db) { group in
                let named = try Self.named(input, of: group)
                InstanceGroup.set(&group, wanted: InstanceGroup.wanted(group).filter { !named.contains($0) })
                InstanceGroup.leave(&group, try Self.instances(named, in: db))
            }
        }
    }

    /// Ends instances; the group makes them again under their names.
    func recreateInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.changes.change(change("recreateInstances"), key, by: caller) { db, work in
            let group = try ResourceStore.update(key, in: db) { $0[InstanceGroup.failures] = [:] }
            work = Self.work(try Self.instances(try Self.named(input, of: group), in: db))
            return group
        }
    }

    /// Lets instances go from the group as they are.
    func abandonInstances(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.changes.change(change("abandonInstances"), key, by: caller) { db in
            try ResourceStore.update(key, in: db) { group in
                let named = try Self.named(input, of: group)
                for instance in named where try ResourceStore.fetch(instance, in: db) != nil {
                    _ = try ResourceStore.update(instance, in: db) { instance in
                        let items = (instance["metadata"]?["items"]?.array ?? [])
                            .filter { $0["key"]?.string != InstanceGroup.creator }
                        instance["metadata"]?["items"] = .array(items)
                    }
                }
                InstanceGroup.set(&group, wanted: InstanceGroup.wanted(group).filter { !named.contains($0) })
            }
        }
    }

    /// The members that a request names, by links or parts of links.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for what is no member.
    private static func named(_ input: ChangeInput, of group: JSON) throws -> [ResourceKey] {
        let wanted = InstanceGroup.wanted(group)
        return try (input.body["instances"]?.array ?? []).compactMap(\.string).map { text in
            let name = ResourceName(parsing: text)
            let zone = name.value(of: "zones")
            guard let member = wanted.first(where: { $0.name == name.last && (zone == nil || $0.zone == zone) }) else {
                throw GoogleError.invalidField(
                    "instances",
                    name.last,
                    "It is not a member of the instance group manager."
                )
            }
            return member
        }
    }

    /// Those of some instances that are there.
    private static func instances(_ keys: [ResourceKey], in db: Database) throws -> [JSON] {
        try keys.compactMap { try ResourceStore.fetch($0, in: db) }
    }

    /// What an operation is told to make anew, or to restart: by the IDs too, since others have the names afterwards.
    private static func work(_ instances: [JSON], as what: String = "instances") -> JSON {
        let members = instances.map { instance -> JSON in
            [
                "name": .string(InstanceGroup.key(ofMember: instance).resourceName.description),
                "id": instance["id"] ?? "",
            ]
        }
        return [what: .array(members)]
    }

    private static func instances(_ what: String, of operation: Operations.Operation) -> [(ResourceKey, id: String)] {
        (operation.input[what]?.array ?? []).map { member in
            (ResourceKey(ResourceName(parsing: member["name"]?.string ?? "")), member["id"]?.string ?? "")
        }
    }

    // MARK: Operations

    func register() async {
        await registerUnmanaged()
        let changes = rows.changes
        let rowsOnly = ["insert", "resize", "createInstances", "deleteInstances", "abandonInstances"]
        await changes.register(rowsOnly: rowsOnly.map(change))
        for verb in ["recreateInstances", "applyUpdatesToInstances"] {
            await changes.register(change(verb)) { _, operation in
                for (instance, id) in Self.instances("instances", of: operation) {
                    try await maker.life.delete(instance, id: id)
                }
            }
        }
        for verb in ["setInstanceTemplate", "patch"] {
            await changes.register(change(verb)) { key, operation in
                for (instance, id) in Self.instances("restarts", of: operation)
                where try await rows.store.find(instance)?["id"]?.string == id {
                    try await maker.life.restart(instance, within: operation)
                }
                for (instance, id) in Self.instances("instances", of: operation) {
                    try await maker.life.delete(instance, id: id)
                }
                let group = try await rows.store.get(key)
                guard group["updatePolicy"]?["type"] == "PROACTIVE" else { return }
                for row in try await rows.store.list("instances", project: key.project)
                where InstanceGroup.has(row.resource, key) && InstanceGroup.isOutdated(row.resource, in: group) {
                    try await maker.life.delete(row.key, id: row.resource["id"]?.string)
                }
            }
        }
        await changes.register(change("delete")) { key, _ in
            for row in try await rows.store.list("instances", project: key.project)
            where InstanceGroup.has(row.resource, key) {
                try await maker.life.delete(row.key, id: row.resource["id"]?.string)
            }
            try await rows.store.database.write { try ResourceStore.delete(key, in: $0) }
        }
    }
}
