import APIServer
import Foundation
import GRDB
import GoogleAPI
import Logging
import Operations
import ServiceLifecycle

/// Keeps managed instance groups at their size: makes the instances that are missing and ends those that are too much,
/// whenever a group or an instance changes.
actor GroupKeeper: Service {
    private let store: ResourceStore
    private let maker: InstanceMaker
    private let logger: Logger
    /// Instances at work, by their links: not to be made or ended a second time.
    private var atWork: Set<String> = []

    init(store: ResourceStore, maker: InstanceMaker, logger: Logger) {
        self.store = store
        self.maker = maker
        self.logger = logger
    }

    /// A group and the instances that say they are its own.
    private struct State: Equatable, Sendable {
        var key: ResourceKey
        var group: JSON
        var members: [Member]
    }

    private struct Member: Equatable, Sendable {
        var key: ResourceKey
        var id: String
        /// Whether it is to go.
        var isLeaving: Bool
    }

    func run() async throws {
        let states = ValueObservation.tracking { try Self.states(in: $0) }.removeDuplicates()
        await withDiscardingTaskGroup { tasks in
            do {
                for try await groups in states.values(in: store.database).cancelOnGracefulShutdown() {
                    for state in groups { begin(state, &tasks) }
                }
            } catch {
                logger.error("cannot watch instance groups: \(error)")
            }
            tasks.cancelAll()
        }
    }

    private static func states(in db: Database) throws -> [State] {
        let groups = try ResourceStore.list("instanceGroupManagers", in: db)
        guard !groups.isEmpty else { return [] }
        let instances = try ResourceStore.list("instances", in: db)
        return groups.filter { $0.resource[InstanceGroup.isEnding] == nil }.map { key, group in
            let members = instances.filter { InstanceGroup.has($0.resource, key) }.map { row in
                Member(
                    key: row.key,
                    id: row.resource["id"]?.string ?? "",
                    isLeaving: InstanceGroup.isLeaving(row.resource, group)
                )
            }
            return State(key: key, group: group, members: members)
        }
    }

    private func begin(_ state: State, _ tasks: inout DiscardingTaskGroup) {
        let wanted = InstanceGroup.wanted(state.group)
        let failed = state.group[InstanceGroup.failures] ?? [:]
        let present = Set(state.members.map(\.key))
        for instance in wanted where !present.contains(instance) && failed[instance.name] == nil {
            guard atWork.insert(instance.link).inserted else { continue }
            tasks.addTask { await self.make(instance, state) }
        }
        for member in state.members where member.isLeaving {
            guard atWork.insert(member.key.link).inserted else { continue }
            tasks.addTask { await self.end(member, of: state.key) }
        }
    }

    private func make(_ instance: ResourceKey, _ state: State) async {
        do {
            let operation = try await insert(instance, state)
            let ended = try await maker.rows.changes.runner.waitUntilDone(operation)
            if let error = ended.error { await note(error.reason, error.message, instance, state) }
        } catch is CancellationError {
        } catch let error as GoogleError {
            await note(error.reason, error.message, instance, state)
        } catch {
            await note("internalError", "\(error)", instance, state)
        }
        atWork.remove(instance.link)
        // What has happened meanwhile was left to this task.
        try? await touch(state.key)
    }

    /// Notes why an instance could not be made; it is not tried again before the group is changed.
    private func note(_ code: String, _ message: String, _ instance: ResourceKey, _ state: State) async {
        logger.warning("a group's instance cannot be made: \(message)", metadata: ["instance": "\(instance.link)"])
        let failure: JSON = [
            "code": .string(code), "message": .string(message),
            "timestamp": .string(Timestamp.text(maker.rows.changes.now())),
        ]
        _ = try? await store.update(state.key) { group in
            // It says nothing of another template.
            guard group["instanceTemplate"] == state.group["instanceTemplate"] else { return }
            group[InstanceGroup.failures]?[instance.name] = failure
        }
    }

    private func insert(_ instance: ResourceKey, _ state: State) async throws -> String {
        let caller = try await agent(of: instance.project)
        let template = state.group["instanceTemplate"]
        let asked: JSON = ["name": .string(instance.name)]
        var body = try await maker.body(asked, from: template?.string, in: instance.project)
        var items = body["metadata"]?["items"]?.array ?? []
        items.append(["key": .string(InstanceGroup.creator), "value": .string(state.key.resourceName.description)])
        if let template = template?.string {
            let name = ResourceName(parsing: template).description
            items.append(["key": .string(InstanceGroup.madeBy), "value": .string(name)])
        }
        var metadata = body["metadata"] ?? [:]
        metadata["items"] = .array(items)
        body["metadata"] = metadata
        let draft = try await maker.draft(body, at: instance, for: caller, isAuthorized: true)
        let operation = maker.operation(for: draft, by: caller)
        try await store.database.write { db in
            // The group may want something else by now; it is looked at again.
            guard let group = try ResourceStore.fetch(state.key, in: db), group["instanceTemplate"] == template,
                InstanceGroup.wanted(group).contains(instance)
            else { throw CancellationError() }
            try InstanceMaker.insert([(draft, operation)], in: db)
        }
        maker.rows.changes.runner.begin(operation.id)
        return operation.id
    }

    private func end(_ member: Member, of group: ResourceKey) async {
        let instance = member.key
        do {
            let caller = try await agent(of: instance.project)
            var operation = maker.rows.changes.operation(
                "compute.instances.delete",
                on: instance.resourceName,
                project: instance.project,
                scope: instance.scope,
                by: caller
            )
            operation.metadata["targetId"] = .string(member.id)
            let new = operation
            let isThere = try await store.database.write { db in
                guard try ResourceStore.fetch(instance, in: db)?["id"]?.string == member.id else { return false }
                _ = try ResourceStore.update(instance, in: db, InstanceMaker.markForDeletion)
                try OperationRunner.insert(new, in: db)
                return true
            }
            if isThere {
                maker.rows.changes.runner.begin(new.id)
                let ended = try await maker.rows.changes.runner.waitUntilDone(new.id)
                if let error = ended.error { throw error.asGoogleError }
            }
            try await store.update(group) { InstanceGroup.forget(&$0, id: member.id) }
        } catch let error as GoogleError where error.status == .notFound {
            // The group is gone too.
        } catch is CancellationError {
        } catch {
            logger.warning("a group's instance cannot be ended: \(error)", metadata: ["instance": "\(instance.link)"])
            // It is tried again once something else is changed.
            atWork.remove(instance.link)
            return
        }
        atWork.remove(instance.link)
        // An instance of the same name may be wanted by now.
        try? await touch(group)
    }

    /// Has a group looked at again.
    private func touch(_ key: ResourceKey) async throws {
        try await store.update(key) { $0[InstanceGroup.look] = .string(Token.fingerprint()) }
    }

    /// The account in whose name Google's services act in a project.
    private func agent(of project: String) async throws -> Caller {
        let number = try await maker.rows.projects.project(project).number
        return Caller(
            identity: .account("\(number)@cloudservices.gserviceaccount.com"),
            origin: "https://compute.googleapis.com",
            requestID: "group"
        )
    }
}
