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
        let body = input.body
        let zone = try await rows.key(input)
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
        let taken = Set(
            try await rows.store.list("instances", project: zone.project, scope: zone.scope).map(\.key.name)
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
            in: zone.project
        )
        // By it, clients find the operations of the single instances.
        let group = Token.id()
        var drafts: [(InstanceDraft, Operations.Operation)] = []
        for name in names {
            var own = shared
            for (field, value) in each[name]?.object ?? [:] where field != "name" { own[field] = value }
            own["name"] = .string(name)
            let key = ResourceKey(project: zone.project, scope: zone.scope, collection: "instances", name: name)
            let draft = try await maker.draft(own, at: key, for: caller)
            var operation = maker.operation(for: draft, by: caller)
            operation.input["operationGroupId"] = .string(group)
            drafts.append((draft, operation))
        }
        let made = drafts
        let least = Int(body["minCount"]?.integer ?? Int64(count))
        let whole = try await rows.changes.change(
            "compute.instances.bulkInsert",
            ResourceKey(project: zone.project, scope: zone.scope, collection: "instances", name: ""),
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
        await rows.changes.runner.register("compute.instances.bulkInsert", handler: finishBulk)
    }

    /// Waits for all instances of a call; when too few came up, the others go too.
    func finishBulk(_ operation: Operations.Operation) async throws -> JSON {
        let runner = rows.changes.runner
        var made: [ResourceKey] = []
        var failure: OperationError?
        for id in (operation.input["operations"]?.array ?? []).compactMap(\.string) {
            let child = try await runner.waitUntilDone(id)
            if let error = child.error {
                failure = failure ?? error
            } else {
                made.append(ResourceKey(ResourceName(parsing: child.target)))
            }
        }
        guard let failure, made.count < Int(operation.input["minCount"]?.integer ?? 0) else { return [:] }
        for key in made { try await life.delete(key, operation) }
        throw failure.asGoogleError
    }
}
