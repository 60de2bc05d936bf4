import Foundation
import GRDB
import GoogleAPI

/// A managed instance group: a template, and the names of the instances that are to be made by it, in one zone or in
/// those of a region.
///
/// The names are the wanted state; `GroupKeeper` makes what is missing and ends what is too much.
enum InstanceGroup {
    /// The field of the row that holds the wanted names; clients do not see it.
    static let names = "wantedNames"
    /// The field that holds why a wanted instance could not be made, by its name.
    static let failures = "failures"

    /// The field that holds the name of the group's version.
    static let version = "versionName"

    /// The field of a group whose instances are being ended, and which then goes itself.
    static let isEnding = "isEnding"

    /// The field that holds the IDs of members that are to go, though an instance of their name may be wanted.
    static let leaving = "leavingIds"

    /// The field that is changed so that the group is looked at again.
    static let look = "look"

    static func document(
        _ asked: JSON,
        _ key: ResourceKey,
        zones: [String],
        template: ResourceKey,
        created: String
    ) -> JSON {
        var group: JSON = [
            "kind": "compute#instanceGroupManager", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(created), "selfLink": .string(key.link),
            "description": asked["description"] ?? "",
            "baseInstanceName": .string(asked["baseInstanceName"]?.string ?? String(key.name.prefix(54))),
            "instanceTemplate": .string(template.link),
            "instanceGroup": .string(Link.to("projects/\(key.project)/\(key.scope)/instanceGroups/\(key.name)")),
            "fingerprint": .string(Token.fingerprint()),
            "updatePolicy": asked["updatePolicy"] ?? ["type": "OPPORTUNISTIC", "minimalAction": "REPLACE"],
            "namedPorts": asked["namedPorts"] ?? [], names: [], failures: [:],
        ]
        for field in ["autoHealingPolicies", "instanceLifecyclePolicy"] { group[field] = asked[field] }
        group[key.zone == nil ? "region" : "zone"] = .string(Link.to("projects/\(key.project)/\(key.scope)"))
        if key.zone == nil {
            group["distributionPolicy"] = [
                "targetShape": asked["distributionPolicy"]?["targetShape"] ?? "EVEN",
                "zones": .array(zones.map { ["zone": .string(Link.to("projects/\(key.project)/zones/\($0)"))] }),
            ]
        }
        return group
    }

    static func key(of group: JSON) -> ResourceKey {
        ResourceKey(ResourceName(parsing: group["selfLink"]?.string ?? ""))
    }

    // MARK: Places

    /// The zones that a regional group is spread over when it does not say it.
    private static let usualZones = 3

    /// The zones of a new group: its own, or those that it asks for of its region.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a zone of another region.
    static func zones(of key: ResourceKey, asked: JSON) throws -> [String] {
        if let zone = key.zone { return [zone] }
        let known = Region.named(key.region ?? "")?.zones ?? []
        let zones = (asked["distributionPolicy"]?["zones"]?.array ?? []).map {
            ResourceName(parsing: $0["zone"]?.string ?? "").last
        }
        if let stranger = zones.first(where: { !known.contains($0) }) {
            throw GoogleError.invalidField(
                "resource.distributionPolicy.zones",
                stranger,
                "It is no zone of the region."
            )
        }
        return zones.isEmpty ? Array(known.prefix(usualZones)) : zones
    }

    private static func zones(of group: JSON) -> [String] {
        if let zone = key(of: group).zone { return [zone] }
        return (group["distributionPolicy"]?["zones"]?.array ?? []).map {
            ResourceName(parsing: $0["zone"]?.string ?? "").last
        }
    }

    /// The key of a new instance: in the zone that has the fewest.
    static func place(_ name: String, in group: JSON, among wanted: [ResourceKey]) -> ResourceKey {
        let zones = zones(of: group)
        let zone = zones.min { one, other in
            wanted.count { $0.zone == one } < wanted.count { $0.zone == other }
        }
        return instance(name, in: zone ?? "", of: group)
    }

    private static func instance(_ name: String, in zone: String, of group: JSON) -> ResourceKey {
        ResourceKey(project: key(of: group).project, scope: "zones/\(zone)", collection: "instances", name: name)
    }

    // MARK: What clients ask for

    /// Refuses what would have to be done, and is not: fields that Brume lacks, unless they say nothing.
    ///
    /// - Throws: ``GoogleError`` `notImplemented` (501) naming the field; 400 for a port that is none.
    static func check(_ asked: JSON) throws {
        try LackingFields.ofGroups.check(asked)
        try check(ports: asked["namedPorts"])
    }

    /// - Throws: ``GoogleError`` `invalid` (400) for a port that is none.
    static func check(ports: JSON?) throws {
        for port in ports?.array ?? [] where !(1...65535).contains(port["port"]?.integer ?? 0) {
            let text = port["port"]?.integer.map(String.init) ?? ""
            throw GoogleError.invalidField("namedPorts[].port", text, "It must be between 1 and 65535.")
        }
    }

    // MARK: Wanted instances

    /// Makes a group want a number of instances: new names are added at random, the last ones are given up first.
    static func resize(_ group: inout JSON, to size: Int) {
        var instances = wanted(group)
        let base = group["baseInstanceName"]?.string ?? ""
        while instances.count < size {
            let suffix = String((0..<4).compactMap { _ in "0123456789bcdfghjklmnpqrstvwxz".randomElement() })
            let name = "\(base)-\(suffix)"
            guard !instances.contains(where: { $0.name == name }) else { continue }
            instances.append(place(name, in: group, among: instances))
        }
        set(&group, wanted: Array(instances.prefix(size)))
    }

    static func set(_ group: inout JSON, wanted: [ResourceKey]) {
        // A group of one zone keeps names, one of a region `ZONE/NAME`.
        let isZonal = key(of: group).zone != nil
        group[names] = .array(wanted.map { .string(isZonal ? $0.name : "\($0.zone ?? "")/\($0.name)") })
        group["targetSize"] = .integer(Int64(wanted.count))
        // What has failed is tried again once the group is changed.
        group[failures] = [:]
    }

    static func wanted(_ group: JSON) -> [ResourceKey] {
        let own = key(of: group).zone
        return (group[names]?.array ?? []).compactMap(\.string).map { text in
            let name = ResourceName(parsing: text)
            return instance(name.last, in: own ?? name.segments.first ?? "", of: group)
        }
    }

    // MARK: Members

    /// The metadata by which an instance tells its group, as at Google.
    static let creator = "created-by"

    /// Whether an instance is a group's.
    static func has(_ instance: JSON, _ group: ResourceKey) -> Bool {
        Metadata.value(creator, in: instance["metadata"]) == group.resourceName.description
    }

    /// Notes instances that are there as leaving.
    static func leave(_ group: inout JSON, _ instances: [JSON]) {
        group[leaving] = .array((group[leaving]?.array ?? []) + instances.compactMap { $0["id"] })
    }

    /// Forgets an instance that has left.
    static func forget(_ group: inout JSON, id: String) {
        guard let leaving = group[leaving]?.array else { return }
        let others = leaving.filter { $0.string != id }
        group[Self.leaving] = others.isEmpty ? .none : .array(others)
    }

    /// Whether a member is to go.
    static func isLeaving(_ instance: JSON, _ group: JSON) -> Bool {
        !wanted(group).contains(key(ofMember: instance))
            || (group[leaving]?.array ?? []).contains(instance["id"] ?? .null)
    }

    /// The metadata by which an instance tells what it was made by, as at Google.
    static let madeBy = "instance-template"

    /// Whether an instance was made by another template than its group has now.
    static func isOutdated(_ instance: JSON, in group: JSON) -> Bool {
        let own = Metadata.value(madeBy, in: instance["metadata"])
        return own.map { $0 != ResourceName(parsing: group["instanceTemplate"]?.string ?? "").description } ?? false
    }

    static func key(ofMember instance: JSON) -> ResourceKey {
        ResourceKey(ResourceName(parsing: instance["selfLink"]?.string ?? ""))
    }

    /// A group as clients see it.
    static func shown(_ group: JSON, members: [JSON]) -> JSON {
        let wanted = Set(wanted(group))
        let staying = members.filter { !isLeaving($0, group) }
        let running = staying.filter { $0["status"] == "RUNNING" }
        let failed = (group[failures]?.object ?? [:]).count
        let leaving = members.count - staying.count
        var shown = group
        for field in [names, failures, isEnding, version, Self.leaving, look] { shown[field] = .none }
        shown["currentActions"] = [
            "none": .integer(Int64(running.count)), "creating": .integer(Int64(wanted.count - running.count)),
            "deleting": .integer(Int64(leaving)), "recreating": 0, "abandoning": 0, "restarting": 0, "refreshing": 0,
            "verifying": 0, "creatingWithoutRetries": .integer(Int64(failed)),
        ]
        shown["status"] = [
            "isStable": .bool(running.count == wanted.count && leaving == 0),
            "versionTarget": ["isReached": .bool(!staying.contains { isOutdated($0, in: group) })],
            "stateful": ["hasStatefulConfig": false, "perInstanceConfigs": ["allEffective": true]],
        ]
        var onlyVersion: JSON = [
            "instanceTemplate": group["instanceTemplate"] ?? "",
            "targetSize": ["calculated": .integer(Int64(wanted.count))],
        ]
        onlyVersion["name"] = group[version]
        shown["versions"] = [onlyVersion]
        return shown
    }

    /// The instances of a group as `listManagedInstances` tells them: also those that are still to be made.
    static func managed(_ group: JSON, members: [JSON]) -> [JSON] {
        let wanted = wanted(group)
        let there = members.map { instance -> JSON in
            let key = key(ofMember: instance)
            let status = instance["status"]?.string ?? ""
            let action = isLeaving(instance, group) ? "DELETING" : status == "RUNNING" ? "NONE" : "CREATING"
            let template = Metadata.value(madeBy, in: instance["metadata"]).map { JSON.string(Link.to($0)) }
            return [
                "name": .string(key.name), "instance": .string(key.link), "id": instance["id"] ?? "",
                "instanceStatus": .string(status), "currentAction": .string(action),
                "version": ["instanceTemplate": template ?? group["instanceTemplate"] ?? ""],
            ]
        }
        let present = Set(members.map(key(ofMember:)))
        let missing = wanted.filter { !present.contains($0) }.map { key -> JSON in
            var entry: JSON = [
                "name": .string(key.name), "currentAction": "CREATING", "instance": .string(key.link),
                "version": ["instanceTemplate": group["instanceTemplate"] ?? ""],
            ]
            if let failure = group[failures]?[key.name] { entry["lastAttempt"] = ["errors": ["errors": [failure]]] }
            return entry
        }
        return there + missing
    }
}
