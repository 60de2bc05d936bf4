import APIServer
import GoogleAPI
import GRDB
import HTTPTypes

/// `getIamPolicy`, `setIamPolicy` and `testIamPermissions` of a collection's resources.
struct PolicyMethods: Sendable {
    let rows: Rows
    let authorizer: any Authorizer
    /// Called before a change of a resource's policy is answered.
    let onChange: @Sendable (ResourceKey) async throws -> Void

    /// The etag of a policy that nobody has set yet.
    private static let firstEtag = "ACAB"

    /// - Parameter place: Where the collection stands.
    func add(to api: MethodTable, in place: String) {
        let id = "compute.\(rows.collection)"
        let one = "\(place)/\(rows.collection)/{name}"
        api.add("\(id).getIamPolicy", .get, one + "/getIamPolicy", get)
        api.add("\(id).setIamPolicy", .post, one + "/setIamPolicy", set)
        api.add("\(id).testIamPermissions", .post, one + "/testIamPermissions", requires: nil, test)
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> Policy {
        let key = try await rows.key(input)
        return try await rows.store.database.read { db in
            guard try ResourceStore.fetch(key, in: db) != nil else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            return try ResourcePolicies.fetch(key, in: db) ?? Policy(etag: Self.firstEtag)
        }
    }

    /// Replaces a policy; it decides from the next call on.
    ///
    /// - Throws: ``GoogleError`` `conditionNotMet` (412) for a policy that carries the `etag` of an older one.
    func set(_ input: ChangeInput, as caller: Caller) async throws -> Policy {
        let key = try await rows.key(input)
        let asked: Policy = try (input.body["policy"] ?? [:]).decode()
        let policy = try await rows.store.database.write { db in
            guard let id = try ResourceStore.fetch(key, in: db)?["id"]?.string else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            let etag = try ResourcePolicies.fetch(key, in: db)?.etag ?? Self.firstEtag
            let supplied = asked.etag.flatMap { $0.isEmpty ? nil : JSON.string($0) }
            try Token.check(supplied, against: .string(etag))
            var policy = asked
            policy.etag = Token.fingerprint()
            try ResourcePolicies.save(policy, on: id, in: db)
            return policy
        }
        try await onChange(key)
        return policy
    }

    func test(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let asked = (input.body["permissions"]?.array ?? []).compactMap(\.string)
        let held = try await authorizer.held(asked, by: caller, on: input.resource)
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }
}
