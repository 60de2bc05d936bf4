import APIServer
import Foundation
import GRDB
import GoogleAPI
import Operations

/// Makes instances, one or many at once: for requests, for templates, for groups.
struct InstanceMaker: Sendable {
    let rows: Rows
    let authorizer: any Authorizer
    let sources: DiskSources
    let defaults: DefaultNetwork
    let life: InstanceLife

    /// Checks and completes what is asked for.
    ///
    /// - Parameter isAuthorized: Whether somebody was asked before who may act as the instance's accounts.
    /// - Throws: ``GoogleError`` (400, 404) naming the field or resource; 403 for an account that the caller may not
    ///   act as.
    func draft(
        _ body: JSON,
        at key: ResourceKey,
        for caller: Caller,
        isAuthorized: Bool = false
    ) async throws -> InstanceDraft {
        try ResourceNames.check(key.name)
        let project = try await rows.projects.project(key.project)
        var draft = try await InstanceDraft(
            body,
            key: key,
            defaultAccount: ServiceAccounts.computeDefault(project),
            sources: sources,
            defaults: defaults,
            for: caller,
            now: rows.changes.now()
        )
        if life.simulatesAccelerators { GuestAccelerators.labelSimulated(&draft.instance) }
        for account in isAuthorized ? [] : draft.instance["serviceAccounts"]?.array ?? [] {
            try await authorizer.authorize(caller, toActAs: account["email"]?.string ?? "", in: project)
        }
        try life.check(draft.instance)
        return draft
    }

    /// An operation that brings a drafted instance up.
    func operation(for draft: InstanceDraft, by caller: Caller) -> Operations.Operation {
        var operation = rows.changes.operation(
            "compute.instances.insert",
            on: draft.key.resourceName,
            project: draft.key.project,
            scope: draft.key.scope,
            by: caller,
            input: ["newDisks": .array(draft.disks.made.map { JSON.string($0.key.name) })]
        )
        operation.metadata["targetId"] = draft.instance["id"]
        return operation
    }

    /// Inserts instances with their disks, and the operations that bring them up, as far as quotas allow all of them.
    static func insert(_ drafts: [(InstanceDraft, Operations.Operation)], in db: Database) throws {
        for (draft, operation) in drafts { try insert(draft, operation, in: db) }
        try Quota.check(
            drafts.flatMap { draft, _ in
                [(draft.key, draft.instance)] + draft.disks.made.map { ($0.key, $0.disk) }
            },
            in: db
        )
    }

    private static func insert(_ draft: InstanceDraft, _ operation: Operations.Operation, in db: Database) throws {
        try Address.checkFree(for: draft.instance, in: draft.key.project, db)
        try ResourceStore.insert(draft.instance, at: draft.key, in: db)
        for (key, disk) in draft.disks.made { try ResourceStore.insert(disk, at: key, in: db) }
        for (disk, isReadOnly) in draft.disks.existing {
            _ = try ResourceStore.update(disk, in: db) {
                try Disk.use(&$0, at: disk, by: draft.key, isReadOnly: isReadOnly)
            }
        }
        try OperationRunner.insert(operation, in: db)
    }

    /// Begins an instance's end; the operation that goes with it is to be inserted too.
    ///
    /// - Throws: ``GoogleError`` for an instance that is protected.
    static func markForDeletion(_ instance: inout JSON) throws {
        if instance["deletionProtection"]?.bool ?? false { throw GoogleError.deletionProtected }
        instance["status"] = "STOPPING"
    }

    /// What a request asks for: what its template says, and its own fields in its place.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) for a template that is not there.
    func body(_ asked: JSON, from template: String?, in project: String) async throws -> JSON {
        guard let template, !template.isEmpty else { return asked }
        var body = try await InstanceTemplate.find(template, in: project, store: rows.store)["properties"] ?? [:]
        for (field, value) in asked.object ?? [:] { body[field] = value }
        return body
    }
}
