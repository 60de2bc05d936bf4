import APIServer
import Foundation
import GRDB
import GoogleAPI
import Operations

// Many instances by one call.
extension InstanceMethods {
    /// Makes instances that are alike but for their names: all that are asked for, or none.
    ///
    /// See [bulk creation](https://docs.cloud.google.com/compute/docs/instances/multiple/about-bulk-creation).
    func bulkInsert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let zone = try await rows.key(input)
        return try await insert(
            input.body,
            in: zone,
            "compute.instances.bulkInsert",
            zones: Zones(scopes: [zone.scope]),
            by: caller
        )
    }

    /// The same in zones of the region that Brume chooses, as the location policy says.
    func bulkInsertInRegion(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let region = try await rows.key(input)
        return try await insert(
            input.body,
            in: region,
            "compute.regionInstances.bulkInsert",
            zones: try Self.zones(of: region, by: input.body["locationPolicy"]),
            by: caller
        )
    }

    /// The zones of a region that a location policy leaves, first those that it names.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a zone of another region, an unknown shape, and when none is left.
    private static func zones(of region: ResourceKey, by policy: JSON?) throws -> Zones {
        let shape = policy?["targetShape"]?.string ?? Zones.Shape.anySingleZone.rawValue
        guard let shape = Zones.Shape(rawValue: shape) else {
            let field = "locationPolicy.targetShape"
            throw GoogleError.invalidField(field, shape, "It must be ANY_SINGLE_ZONE, ANY or BALANCED.")
        }
        let zones = Region.named(region.region ?? "")?.zones ?? []
        var preferences: [String: String] = [:]
        var left = Zones(scopes: [], shape: shape)
        for (location, said) in policy?["locations"]?.object ?? [:] {
            let zone = ResourceName(parsing: location).last
            let preference = said["preference"]?.string ?? ""
            guard zones.contains(zone), ["ALLOW", "DENY", ""].contains(preference) else {
                throw GoogleError.invalidField(
                    "locationPolicy.locations",
                    location,
                    "It must be a zone of the region, with the preference ALLOW or DENY."
                )
            }
            preferences[zone] = preference
            left.most["zones/\(zone)"] = (said["constraints"]?["maxCount"]?.integer).map { max(0, Int($0)) }
        }
        let named = zones.filter { preferences[$0] == "ALLOW" }
        let others = zones.filter { !["ALLOW", "DENY"].contains(preferences[$0]) }
        left.scopes = (named + others).map { "zones/\($0)" }
        guard !left.scopes.isEmpty else {
            throw GoogleError.invalidField("locationPolicy.locations", "", "It leaves no zone of the region.")
        }
        return left
    }

    /// Makes instances in zones; the operation of the whole stands in the place that was asked for.
    private func insert(
        _ body: JSON,
        in place: ResourceKey,
        _ method: String,
        zones: Zones,
        by caller: Caller
    ) async throws -> JSON {
        let each = body["perInstanceProperties"]?.object ?? [:]
        let count = Int(body["count"]?.integer ?? Int64(each.count))
        guard (1...1000).contains(count) else {
            throw GoogleError.invalidField(
                "count",
                String(count),
                "Between 1 and 1000 instances can be created at once."
            )
        }
        guard Int(body["minCount"]?.integer ?? Int64(count)) <= count else {
            throw GoogleError.invalid("'minCount' cannot be larger than 'count'.")
        }
        let scopes = try zones.share(count)
        let taken = Set(
            try await rows.store.list("instances", project: place.project)
                .filter { zones.scopes.contains($0.key.scope) }.map(\.key.name)
        )
        let names = try Self.names(
            body["namePattern"]?.string ?? "",
            named: each.keys.sorted(),
            count: count,
            taken: taken
        )
        let shared = try await maker.body(
            body["instanceProperties"] ?? [:],
            from: body["sourceInstanceTemplate"]?.string,
            in: place.project
        )
        // By it, clients find the operations of the single instances.
        let group = Token.id()
        var drafts: [(InstanceDraft, Operations.Operation)] = []
        for (index, name) in names.enumerated() {
            var own = shared
            for (field, value) in each[name]?.object ?? [:] where field != "name" { own[field] = value }
            own["name"] = .string(name)
            let key = ResourceKey(project: place.project, scope: scopes[index], collection: "instances", name: name)
            let draft = try await maker.draft(own, at: key, for: caller)
            var operation = maker.operation(for: draft, by: caller)
            operation.input["operationGroupId"] = .string(group)
            drafts.append((draft, operation))
        }
        let made = drafts
        let least = Int(body["minCount"]?.integer ?? Int64(count))
        let whole = try await rows.changes.change(
            method,
            ResourceKey(project: place.project, scope: place.scope, collection: "instances", name: ""),
            by: caller,
            input: [
                "operations": .array(made.map { .string($0.1.id) }), "minCount": .integer(Int64(least)),
                "operationGroupId": .string(group),
            ]
        ) { db in
            try InstanceMaker.insert(made, in: db)
            return [:]
        }
        for (_, operation) in made { rows.changes.runner.begin(operation.id) }
        return whole
    }

    /// Names by a pattern whose run of `#` stands for a number: `vm-###` is vm-001, vm-002, …; taken ones are left out.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a pattern without one run of `#`, or with too short a one.
    static func names(_ pattern: String, named: [String], count: Int, taken: Set<String>) throws -> [String] {
        if pattern.isEmpty {
            guard named.count == count else {
                throw GoogleError.invalid("Either 'namePattern' or 'perInstanceProperties' must name the instances.")
            }
            return named
        }
        let hashes = pattern.count { $0 == "#" }
        guard hashes > 0, let start = pattern.firstIndex(of: "#"),
            pattern[start...].prefix(hashes).allSatisfy({ $0 == "#" })
        else {
            throw GoogleError.invalidField("namePattern", pattern, "It must hold one run of '#', such as 'vm-##'.")
        }
        let limit = Int(pow(10, Double(min(hashes, 18))))
        let free = (1..<limit).lazy.map { number in
            let digits = String(number)
            let padded = String(repeating: "0", count: hashes - digits.count) + digits
            return pattern.replacing(String(repeating: "#", count: hashes), with: padded)
        }.filter { !taken.contains($0) }.prefix(count)
        let names = Array(free)
        guard names.count == count else {
            throw GoogleError.invalidField(
                "namePattern",
                pattern,
                "It has not enough free names for \(count) instances."
            )
        }
        return names
    }

    func register() async {
        for method in ["compute.instances.bulkInsert", "compute.regionInstances.bulkInsert"] {
            await rows.changes.runner.register(method, handler: finishBulk)
        }
    }

    /// Waits for all instances of a call; when too few came up, the others go too.
    func finishBulk(_ operation: Operations.Operation) async throws -> JSON {
        let runner = rows.changes.runner
        var made: [(key: ResourceKey, id: String?)] = []
        var failure: OperationError?
        for id in (operation.input["operations"]?.array ?? []).compactMap(\.string) {
            let child = try await runner.waitUntilDone(id)
            if let error = child.error {
                failure = failure ?? error
            } else {
                made.append((ResourceKey(ResourceName(parsing: child.target)), child.metadata["targetId"]?.string))
            }
        }
        guard let failure, made.count < Int(operation.input["minCount"]?.integer ?? 0) else { return [:] }
        for (key, id) in made { try await life.delete(key, id: id) }
        throw failure.asGoogleError
    }
}

/// The zones that many instances are shared out to.
private struct Zones {
    var scopes: [String]
    /// How many a zone takes at most; one that is not named here takes all.
    var most: [String: Int] = [:]
    var shape = Shape.anySingleZone

    /// See [location policy](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances/bulkInsert).
    enum Shape: String {
        case anySingleZone = "ANY_SINGLE_ZONE"
        /// The first zone is filled before the next.
        case any = "ANY"
        /// Each zone takes one in turn.
        case balanced = "BALANCED"
    }

    /// The zone of each instance.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when the zones do not take that many.
    func share(_ count: Int) throws -> [String] {
        var room = most
        var shared: [String] = []
        while shared.count < count {
            let least = shape == .anySingleZone ? count : 1
            let open = scopes.filter { room[$0] ?? count >= least }
            guard let first = open.first else {
                let who = shape == .anySingleZone ? "no zone takes" : "the zones do not take"
                throw GoogleError.invalidField(
                    "locationPolicy.locations[].constraints.maxCount",
                    "",
                    "\(count) instances are asked for, and \(who) them all."
                )
            }
            switch shape {
            case .anySingleZone: return Array(repeating: first, count: count)
            case .any: take(first)
            case .balanced: for scope in open where shared.count < count { take(scope) }
            }
        }
        return shared

        func take(_ scope: String) {
            shared.append(scope)
            room[scope] = room[scope].map { $0 - 1 }
        }
    }
}
