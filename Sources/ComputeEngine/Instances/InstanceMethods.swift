import APIServer
import Foundation
import GRDB
import GoogleAPI
import Guests
import Operations
import Workloads

/// The rules of instances: what may be asked, and which operation does it.
///
/// The work itself is in `InstanceLife`.
struct InstanceMethods: Sendable {
    let store: ResourceStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let images: ImageMethods
    let changes: ChangeLog
    let life: InstanceLife

    // MARK: Looking

    func get(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        Link.render(try await store.get(try await key(input)), for: caller.origin)
    }

    func list(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let zone = input.zone ?? ""
        guard Region.ofZone(zone) != nil else { throw GoogleError.unknownZone(zone, project: project) }
        let rows = try await store.list("instances", project: project, scope: "zones/\(zone)")
        return try input.page(rows.map(\.resource), kind: "instance", for: caller)
    }

    func aggregatedList(_ input: ListInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let rows = try await store.list("instances", project: project)
        let scopes = Dictionary(grouping: rows, by: \.key.scope).sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.map(\.resource)) }
        return try input.aggregate(scopes, collection: "instances", kind: "instance", for: caller)
    }

    /// What the machine has written to its first serial port, from a byte on.
    func serialPortOutput(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        let output = try await life.console(of: try await store.get(key))
        let start = max(0, Int(input.query["start"] ?? "0") ?? 0)
        let bytes = start < output.count ? output[start...] : []
        return [
            "kind": "compute#serialPortOutput", "contents": .string(String(decoding: bytes, as: UTF8.self)),
            "start": .string(String(min(start, output.count))), "next": .string(String(output.count)),
            "selfLink": .string("\(key.link)/serialPort"),
        ]
    }

    func guestAttributes(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        let instance = try await store.get(key)
        let path = input.query["queryPath"] ?? ""
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        let found = try await life.guestAttributes(of: instance, namespace: parts.first)
            .filter { parts.count < 2 || $0.key == parts[1] }
        guard !found.isEmpty else {
            throw GoogleError.notFound("The resource '\(path)' of type 'Guest Attribute' was not found.")
        }
        return [
            "kind": "compute#guestAttributes", "queryPath": .string(path),
            "queryValue": [
                "items": .array(
                    found.map {
                        ["namespace": .string($0.namespace), "key": .string($0.key), "value": .string($0.value)]
                    }
                )
            ],
        ]
    }

    // MARK: Making and deleting

    func insert(_ input: InsertInstanceInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let draft = try InstanceDraft(
            input.body,
            zone: input.zone,
            project: project.id,
            defaultAccount: ServiceAccounts.computeDefault(project),
            capabilities: input.body["guestAccelerators"] == nil ? nil : try? await life.capabilities(),
            images: images,
            now: changes.now()
        )
        for account in draft.instance["serviceAccounts"]?.array ?? [] {
            try await authorizer.authorize(caller, toActAs: account["email"]?.string ?? "", in: project)
        }
        try life.check(draft.instance)
        var operation = operation("insert", draft.key, by: caller)
        operation.metadata["targetId"] = draft.instance["id"]
        operation.input["newDisks"] = .array(draft.disks.made.map { .string($0.key.name) })
        let inserted = operation
        try await store.database.write { db in
            try ResourceStore.insert(draft.instance, at: draft.key, in: db)
            for (key, disk) in draft.disks.made { try ResourceStore.insert(disk, at: key, in: db) }
            for (key, isReadOnly) in draft.disks.existing {
                _ = try ResourceStore.update(key, in: db) { disk in
                    let users = disk["users"]?.array ?? []
                    if let user = users.first?.string, !isReadOnly {
                        throw GoogleError.inUse(key.resourceName, by: user)
                    }
                    disk["users"] = .array(users + [.string(draft.key.link)])
                }
            }
            try OperationRunner.insert(inserted, in: db)
        }
        return try await changes.begin(operation, for: caller)
    }

    func delete(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("delete", input, caller) { instance in
            if instance["deletionProtection"]?.bool ?? false { throw GoogleError.deletionProtected }
            guard instance["disks"]?[0]?["autoDelete"]?.bool ?? true else { throw GoogleError.bootDiskKept }
            instance["status"] = "STOPPING"
        }
    }

    // MARK: Starting and stopping

    func start(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("start", input, caller) { instance in
            if instance["status"]?.string == "TERMINATED" { instance["status"] = "STAGING" }
        }
    }

    func stop(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("stop", input, caller) { instance in
            if instance["status"]?.string == "RUNNING" { instance["status"] = "STOPPING" }
        }
    }

    func reset(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        return try await change("reset", input, caller) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == "RUNNING" else {
                throw GoogleError.notReady(key.resourceName, status: status, needs: "RUNNING")
            }
        }
    }

    // MARK: Changing

    func setMetadata(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let metadata = try Metadata.checked(input.body)
        return try await change("setMetadata", input, caller) { instance in
            try Token.check(metadata["fingerprint"], against: instance["metadata"]?["fingerprint"])
            var metadata = metadata
            metadata["kind"] = "compute#metadata"
            metadata["fingerprint"] = .string(Token.fingerprint())
            instance["metadata"] = metadata
        }
    }

    func setLabels(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("setLabels", input, caller) { instance in
            try Token.check(input.body["labelFingerprint"], against: instance["labelFingerprint"])
            instance["labels"] = input.body["labels"]
            instance["labelFingerprint"] = .string(Token.fingerprint())
        }
    }

    func setTags(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("setTags", input, caller) { instance in
            try Token.check(input.body["fingerprint"], against: instance["tags"]?["fingerprint"])
            instance["tags"] = ["items": input.body["items"] ?? [], "fingerprint": .string(Token.fingerprint())]
        }
    }

    func setMachineType(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let asked = input.body["machineType"]?.string ?? ""
        let type = ResourceName(parsing: asked).last
        guard MachineType.named(type) != nil else {
            throw GoogleError.invalidField("machineType", asked, "The referenced resource does not exist.")
        }
        let key = try await key(input)
        return try await change("setMachineType", input, caller) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == "TERMINATED" else {
                throw GoogleError.notReady(key.resourceName, status: status, needs: "TERMINATED")
            }
            instance["machineType"] = .string(Link.to("projects/\(key.project)/\(key.scope)/machineTypes/\(type)"))
        }
    }

    /// Changes who a machine's programs are; at Google too it must be stopped for that.
    func setServiceAccount(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        let project = try await projects.project(input.project)
        let asked = input.body["email"]?.string ?? ""
        let email = asked == "default" ? ServiceAccounts.computeDefault(project) : asked
        if !email.isEmpty { try await authorizer.authorize(caller, toActAs: email, in: project) }
        return try await change("setServiceAccount", input, caller) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == "TERMINATED" else {
                throw GoogleError.notReady(key.resourceName, status: status, needs: "TERMINATED")
            }
            instance["serviceAccounts"] =
                email.isEmpty ? .none : [["email": .string(email), "scopes": input.body["scopes"] ?? []]]
        }
    }

    func simulateMaintenanceEvent(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let key = try await key(input)
        return try await change("simulateMaintenanceEvent", input, caller) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == "RUNNING" else {
                throw GoogleError.notReady(key.resourceName, status: status, needs: "RUNNING")
            }
        }
    }

    func setScheduling(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("setScheduling", input, caller) { instance in
            var scheduling = instance["scheduling"] ?? [:]
            scheduling.merge(input.body)
            instance["scheduling"] = scheduling
        }
    }

    func setDiskAutoDelete(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        let device = input.query["deviceName"] ?? ""
        return try await change("setDiskAutoDelete", input, caller) { instance in
            var disks = instance["disks"]?.array ?? []
            guard let index = disks.firstIndex(where: { $0["deviceName"]?.string == device }) else {
                throw GoogleError.invalidField("deviceName", device, "No attached disk has this device name.")
            }
            disks[index]["autoDelete"] = .bool(input.query["autoDelete"]?.lowercased() == "true")
            instance["disks"] = .array(disks)
        }
    }

    func setDeletionProtection(_ input: InstanceInput, as caller: Caller) async throws -> JSON {
        try await change("setDeletionProtection", input, caller) { instance in
            instance["deletionProtection"] = .bool(input.query["deletionProtection"]?.lowercased() != "false")
        }
    }

    // MARK: - Shared

    /// Changes an instance's row and inserts the operation that carries the change out, in one transaction.
    private func change(
        _ verb: String,
        _ input: InstanceInput,
        _ caller: Caller,
        _ change: @escaping @Sendable (inout JSON) throws -> Void
    ) async throws -> JSON {
        let key = try await key(input)
        var operation = operation(verb, key, by: caller)
        operation.metadata["targetId"] = try await store.get(key)["id"]
        let inserted = operation
        try await store.database.write { db in
            _ = try ResourceStore.update(key, in: db, change)
            try OperationRunner.insert(inserted, in: db)
        }
        return try await changes.begin(operation, for: caller)
    }

    private func operation(_ verb: String, _ key: ResourceKey, by caller: Caller) -> Operations.Operation {
        changes.operation(
            "compute.instances.\(verb)",
            on: key.resourceName,
            project: key.project,
            scope: key.scope,
            by: caller
        )
    }

    private func key(_ input: InstanceInput) async throws -> ResourceKey {
        let project = try await projects.project(input.project).id
        guard Region.ofZone(input.zone) != nil else { throw GoogleError.unknownZone(input.zone, project: project) }
        return ResourceKey(project: project, scope: "zones/\(input.zone)", collection: "instances", name: input.name)
    }
}
