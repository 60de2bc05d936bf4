import APIServer
import GoogleAPI
import GRDB
import HTTPTypes

/// What is the same for every collection of resources that are rows.
struct Rows: Sendable {
    /// `disks`.
    let collection: String
    /// `disk`.
    let kind: String
    let store: ResourceStore
    let projects: any ProjectDirectory
    let changes: ChangeLog

    /// The key of what a request names, by its name or by its ID.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) for what is no project, zone or region.
    func key(_ input: some PlacedInput) async throws -> ResourceKey {
        var key = try await place(of: input)
        // No name begins with a digit.
        if input.name.first?.isWholeNumber ?? false, let name = try await store.name(ofID: input.name, like: key) {
            key.name = name
        }
        return key
    }

    private func place(of input: some PlacedInput) async throws -> ResourceKey {
        let (project, scope) = try await place(input.project, zone: input.zone, region: input.region)
        return ResourceKey(project: project, scope: scope, collection: collection, name: input.name)
    }

    private func place(_ asked: String, zone: String?, region: String?) async throws -> (project: String, scope: String)
    {
        let project = try await projects.project(asked).id
        return (project, try Self.scope(zone: zone, region: region, project: project))
    }

    /// The key of a resource that is to be made.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for a name that is none.
    func newKey(_ input: some PlacedInput) async throws -> ResourceKey {
        let key = try await place(of: input)
        try ResourceNames.check(key.name)
        return key
    }

    func get(_ input: NamedInput, as caller: Caller) async throws -> RenderedJSON {
        RenderedJSON(Link.render(try await store.text(of: try await key(input)), for: caller.origin))
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> RenderedJSON {
        guard input.window.filter == nil, !input.window.isNewestFirst else {
            return try RenderedJSON(try await list(input, as: caller) { $0 })
        }
        let (project, scope) = try await place(input.project, zone: input.zone, region: input.region)
        let page = try await store.texts(collection, project: project, scope: scope, input.window)
        return try input.page(page.texts, next: page.next, kind: kind, for: caller)
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        try await aggregatedList(input, as: caller) { $0 }
    }

    /// A list of the rows as something shows them, as resources of the same or of another kind.
    func list(
        _ input: ListInput,
        as caller: Caller,
        kind: String? = nil,
        _ show: @escaping @Sendable (JSON) -> JSON
    ) async throws -> JSON {
        let (project, scope) = try await place(input.project, zone: input.zone, region: input.region)
        let page = try await store.page(collection, project: project, scope: scope, input.window, show)
        return input.page(page, kind: kind ?? self.kind, for: caller)
    }

    func aggregatedList(
        _ input: ListInput,
        as caller: Caller,
        collection: String? = nil,
        kind: String? = nil,
        _ show: @escaping @Sendable (JSON) -> JSON
    ) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let page = try await store.page(self.collection, project: project, scope: nil, input.window, show)
        return input.aggregate(page, collection: collection ?? self.collection, kind: kind ?? self.kind, for: caller)
    }

    func setLabels(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await update("setLabels", input, by: caller) { resource in
            try Self.setLabels(input.body["labels"], fingerprint: input.body["labelFingerprint"], of: &resource)
        }
    }

    static func setLabels(_ labels: JSON?, fingerprint: JSON?, of resource: inout JSON) throws {
        try Token.check(fingerprint, against: resource["labelFingerprint"])
        try Labels.check(labels, field: "labels")
        resource["labels"] = labels
        resource["labelFingerprint"] = .string(Token.fingerprint())
    }

    /// Deletes a row whose resource is nothing else.
    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        return try await changes.change("compute.\(collection).delete", key, by: caller) { db in
            guard let resource = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            try ResourceStore.delete(key, in: db)
            return resource
        }
    }

    /// Changes a row, and inserts and begins the operation that carries the change out.
    func update(
        _ verb: String,
        _ input: some PlacedInput,
        by caller: Caller,
        input parameters: JSON = [:],
        _ change: @escaping @Sendable (inout JSON) throws -> Void
    ) async throws -> JSON {
        let key = try await key(input)
        return try await changes.change("compute.\(collection).\(verb)", key, by: caller, input: parameters) { db in
            try ResourceStore.update(key, in: db, change)
        }
    }

    func insert(
        _ resource: JSON,
        at key: ResourceKey,
        by caller: Caller,
        _ besides: @escaping @Sendable (Database) throws -> Void = { _ in }
    ) async throws -> JSON {
        try await changes.change("compute.\(collection).insert", key, by: caller) { db in
            try besides(db)
            try ResourceStore.insert(resource, at: key, in: db)
            return resource
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404) for what is no zone or region.
    static func scope(zone: String?, region: String?, project: String) throws -> String {
        if let zone {
            guard Region.ofZone(zone) != nil else { throw GoogleError.unknownZone(zone, project: project) }
            return "zones/\(zone)"
        }
        if let region {
            guard Region.named(region) != nil else {
                throw GoogleError.resourceMissing(ResourceName(["projects", project, "regions", region]))
            }
            return "regions/\(region)"
        }
        return "global"
    }

    // MARK: Lines of the method table

    /// The collection in a place, found and listed.
    func addLookups(to api: MethodTable, in place: String, isAggregated: Bool = true) {
        let path = "\(place)/\(collection)"
        let id = "compute.\(collection)"
        api.add("\(id).get", .get, path + "/{name}", get)
        api.add("\(id).list", .get, path, list)
        guard isAggregated else { return }
        api.add(
            "\(id).aggregatedList",
            .get,
            "\(ComputePath.aggregated)/\(collection)",
            requires: "\(id).list",
            aggregatedList
        )
    }
}
