import Foundation
import GRDB
import GoogleAPI

/// A managed instance group: a template, and the names of the instances that are to be made by it.
///
/// The names are the wanted state; `GroupKeeper` makes what is missing and ends what is too much.
enum InstanceGroup {
    /// The field of the row that holds the wanted names; clients do not see it.
    static let names = "wantedNames"
    /// The field that holds why a wanted instance could not be made, by its name.
    static let failures = "failures"

    /// The field of a group whose instances are being ended, and which then goes itself.
    static let isEnding = "isEnding"

    static func document(_ asked: JSON, _ key: ResourceKey, template: ResourceKey, created: String) -> JSON {
        [
            "kind": "compute#instanceGroupManager", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(created), "selfLink": .string(key.link),
            "description": asked["description"] ?? "", "zone": .string(Link.to("projects/\(key.project)/\(key.scope)")),
            "baseInstanceName": .string(asked["baseInstanceName"]?.string ?? String(key.name.prefix(54))),
            "instanceTemplate": .string(template.link),
            "instanceGroup": .string(Link.to("projects/\(key.project)/\(key.scope)/instanceGroups/\(key.name)")),
            "fingerprint": .string(Token.fingerprint()),
            "updatePolicy": asked["updatePolicy"] ?? ["type": "OPPORTUNISTIC", "minimalAction": "REPLACE"],
            names: [], failures: [:],
        ]
    }

    /// Makes a group want a number of instances: new names are added at random, the last ones are given up first.
    static func resize(_ group: inout JSON, to size: Int) {
        var names = wanted(group)
        let base = group["baseInstanceName"]?.string ?? ""
        while names.count < size {
            let suffix = String((0..<4).compactMap { _ in "0123456789bcdfghjklmnpqrstvwxz".randomElement() })
            if !names.contains("\(base)-\(suffix)") { names.append("\(base)-\(suffix)") }
        }
        set(&group, names: Array(names.prefix(size)))
    }

    static func set(_ group: inout JSON, names: [String]) {
        group[Self.names] = .array(names.map { .string($0) })
        group["targetSize"] = .integer(Int64(names.count))
        // What has failed is tried again once the group is changed.
        group[failures] = [:]
    }

    static func wanted(_ group: JSON) -> [String] { (group[names]?.array ?? []).compactMap(\.string) }

    // MARK: Members

    /// The metadata by which an instance tells its group, as at Google.
    static let creator = "created-by"

    /// Whether an instance is a group's.
    static func has(_ instance: JSON, _ group: ResourceKey) -> Bool {
        Metadata.value(creator, in: instance["metadata"]) == group.resourceName.description
    }

    /// A group as clients see it.
    static func shown(_ group: JSON, members: [JSON]) -> JSON {
        let names = wanted(group)
        let running = members.filter { $0["status"]?.string == "RUNNING" && names.contains($0["name"]?.string ?? "") }
        let failed = (group[failures]?.object ?? [:]).count
        let leaving = members.count { !names.contains($0["name"]?.string ?? "") }
        var shown = group
        shown[Self.names] = .none
        shown[failures] = .none
        shown[isEnding] = .none
        shown["currentActions"] = [
            "none": .integer(Int64(running.count)), "creating": .integer(Int64(names.count - running.count)),
            "deleting": .integer(Int64(leaving)), "recreating": 0, "abandoning": 0, "restarting": 0, "refreshing": 0,
            "verifying": 0, "creatingWithoutRetries": .integer(Int64(failed)),
        ]
        shown["status"] = [
            "isStable": .bool(running.count == names.count && leaving == 0), "versionTarget": ["isReached": true],
            "stateful": ["hasStatefulConfig": false, "perInstanceConfigs": ["allEffective": true]],
        ]
        shown["versions"] = [
            [
                "instanceTemplate": group["instanceTemplate"] ?? "",
                "targetSize": ["calculated": .integer(Int64(names.count))],
            ]
        ]
        return shown
    }

    /// The instances of a group as `listManagedInstances` tells them: also those that are still to be made.
    static func managed(_ group: JSON, _ key: ResourceKey, members: [JSON]) -> [JSON] {
        let names = wanted(group)
        let there = members.map { instance -> JSON in
            let name = instance["name"]?.string ?? ""
            let status = instance["status"]?.string ?? ""
            let action = !names.contains(name) ? "DELETING" : status == "RUNNING" ? "NONE" : "CREATING"
            return [
                "name": .string(name), "instance": instance["selfLink"] ?? "", "id": instance["id"] ?? "",
                "instanceStatus": .string(status), "currentAction": .string(action),
                "version": ["instanceTemplate": group["instanceTemplate"] ?? ""],
            ]
        }
        let missing = names.filter { name in !members.contains { $0["name"]?.string == name } }.map { name -> JSON in
            var entry: JSON = [
                "name": .string(name), "currentAction": "CREATING",
                "instance": .string(Link.to("projects/\(key.project)/\(key.scope)/instances/\(name)")),
                "version": ["instanceTemplate": group["instanceTemplate"] ?? ""],
            ]
            if let failure = group[failures]?[name] { entry["lastAttempt"] = ["errors": ["errors": [failure]]] }
            return entry
        }
        return there + missing
    }
}
