import APIServer
import Foundation
import GoogleAPI
import GRDB
import Guests
import HTTPTypes

/// The rules of instances: what may be asked, and which operation does it.
///
/// The work itself is in `InstanceLife`.
struct InstanceMethods: Sendable {
    let rows: Rows
    let authorizer: any Authorizer
    let maker: InstanceMaker
    let life: InstanceLife

    func add(to api: MethodTable) {
        let path = ComputePath.zone + "/instances"
        let one = path + "/{name}"
        rows.addLookups(to: api, in: ComputePath.zone)
        api.add("compute.instances.insert", .post, path, requires: "compute.instances.create", insert)
        api.add("compute.instances.delete", .delete, one, delete)
        api.add("compute.instances.getSerialPortOutput", .get, one + "/serialPort", serialPortOutput)
        api.add("compute.instances.getGuestAttributes", .get, one + "/getGuestAttributes", guestAttributes)
        api.add("compute.instances.start", .post, one + "/start", start)
        api.add("compute.instances.stop", .post, one + "/stop", stop)
        api.add("compute.instances.suspend", .post, one + "/suspend", suspend)
        api.add("compute.instances.resume", .post, one + "/resume", resume)
        api.add("compute.instances.reset", .post, one + "/reset", reset)
        api.add("compute.instances.attachDisk", .post, one + "/attachDisk", attachDisk)
        api.add("compute.instances.detachDisk", .post, one + "/detachDisk", detachDisk)
        api.add("compute.instances.setDiskAutoDelete", .post, one + "/setDiskAutoDelete", setDiskAutoDelete)
        api.add("compute.instances.setMetadata", .post, one + "/setMetadata", setMetadata)
        api.add("compute.instances.setLabels", .post, one + "/setLabels", rows.setLabels)
        api.add("compute.instances.setTags", .post, one + "/setTags", setTags)
        api.add("compute.instances.setMachineType", .post, one + "/setMachineType", setMachineType)
        api.add("compute.instances.setScheduling", .post, one + "/setScheduling", setScheduling)
        api.add("compute.instances.setServiceAccount", .post, one + "/setServiceAccount", setServiceAccount)
        api.add("compute.instances.setDeletionProtection", .post, one + "/setDeletionProtection", setDeletionProtection)
        api.add("compute.instances.addAccessConfig", .post, one + "/addAccessConfig", addAccessConfig)
        api.add("compute.instances.deleteAccessConfig", .post, one + "/deleteAccessConfig", deleteAccessConfig)
        api.add(
            "compute.instances.simulateMaintenanceEvent",
            .post,
            one + "/simulateMaintenanceEvent",
            simulateMaintenanceEvent
        )
        api.lacks(
            "compute.instances",
            [
                "updateAccessConfig", "addNetworkInterface", "addResourcePolicies",
                "removeResourcePolicies", "setMachineResources", "setMinCpuPlatform", "setIamPolicy",
                "testIamPermissions", "updateNetworkInterface", "setName",
            ],
            on: one
        )
        api.add(
            "compute.instances.bulkInsert",
            .post,
            path + "/bulkInsert",
            requires: "compute.instances.create",
            bulkInsert
        )
        api.lacks("compute.regionInstances.bulkInsert", .post, ComputePath.region + "/instances/bulkInsert")
        api.lacks("compute.instances.update", .put, one)
    }

    // MARK: Looking

    /// What the machine has written to its first serial port, from a byte on.
    func serialPortOutput(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let output = try await life.console(of: try await rows.store.get(key))
        let start = max(0, Int(input.query["start"] ?? "0") ?? 0)
        let bytes = start < output.count ? output[start...] : []
        return [
            "kind": "compute#serialPortOutput", "contents": .string(String(decoding: bytes, as: UTF8.self)),
            "start": .string(String(min(start, output.count))), "next": .string(String(output.count)),
            "selfLink": .string("\(key.link)/serialPort"),
        ]
    }

    func guestAttributes(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let instance = try await rows.store.get(key)
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

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        var body = try await maker.body(input.body, from: input.query["sourceInstanceTemplate"], in: key.project)
        body["name"] = .string(input.name)
        let draft = try await maker.draft(body, at: key, for: caller)
        let operation = maker.operation(for: draft, by: caller)
        try await rows.store.database.write { try InstanceMaker.insert([(draft, operation)], in: $0) }
        return rows.changes.begin(operation, for: caller)
    }

    func delete(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await rows.update("delete", input, by: caller, InstanceMaker.markForDeletion)
    }

    // MARK: Starting and stopping

    func start(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await rows.update("start", input, by: caller) { instance in
            if instance["status"]?.string == "TERMINATED" { instance["status"] = "STAGING" }
        }
    }

    func stop(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await rows.update("stop", input, by: caller) { instance in
            if ["RUNNING", "SUSPENDED"].contains(instance["status"]?.string) { instance["status"] = "STOPPING" }
        }
    }

    func reset(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await update("reset", input, by: caller, needs: "RUNNING") { _ in }
    }

    func suspend(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await update("suspend", input, by: caller, needs: "RUNNING") { $0["status"] = "SUSPENDING" }
    }

    func resume(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await update("resume", input, by: caller, needs: "SUSPENDED") { $0["status"] = "STAGING" }
    }

    /// Changes an instance that is in the one state that the change needs.
    func update(
        _ verb: String,
        _ input: ChangeInput,
        by caller: Caller,
        needs: String,
        _ change: @escaping @Sendable (inout JSON) -> Void
    ) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.update(verb, input, by: caller) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == needs else { throw GoogleError.notReady(key.resourceName, status: status, needs: needs) }
            change(&instance)
        }
    }

    // MARK: Changing

    func setMetadata(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let metadata = try Metadata.checked(input.body)
        return try await rows.update("setMetadata", input, by: caller) { instance in
            try Token.check(metadata["fingerprint"], against: instance["metadata"]?["fingerprint"])
            var metadata = metadata
            metadata["kind"] = "compute#metadata"
            metadata["fingerprint"] = .string(Token.fingerprint())
            instance["metadata"] = metadata
        }
    }

    func setTags(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await rows.update("setTags", input, by: caller) { instance in
            try Token.check(input.body["fingerprint"], against: instance["tags"]?["fingerprint"])
            instance["tags"] = ["items": input.body["items"] ?? [], "fingerprint": .string(Token.fingerprint())]
        }
    }

    func setMachineType(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let asked = input.body["machineType"]?.string ?? ""
        let type = ResourceName(parsing: asked).last
        guard MachineType.named(type) != nil else {
            throw GoogleError.invalidField("machineType", asked, "The referenced resource does not exist.")
        }
        let key = try await rows.key(input)
        return try await update("setMachineType", input, by: caller, needs: "TERMINATED") { instance in
            instance["machineType"] = .string(Link.to("projects/\(key.project)/\(key.scope)/machineTypes/\(type)"))
        }
    }

    /// Changes who a machine's programs are; at Google too it must be stopped for that.
    func setServiceAccount(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let project = try await rows.projects.project(input.project)
        let asked = input.body["email"]?.string ?? ""
        let email = asked == "default" ? ServiceAccounts.computeDefault(project) : asked
        if !email.isEmpty { try await authorizer.authorize(caller, toActAs: email, in: project) }
        return try await update("setServiceAccount", input, by: caller, needs: "TERMINATED") { instance in
            instance["serviceAccounts"] =
                email.isEmpty ? .none : [["email": .string(email), "scopes": input.body["scopes"] ?? []]]
        }
    }

    func simulateMaintenanceEvent(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await update("simulateMaintenanceEvent", input, by: caller, needs: "RUNNING") { _ in }
    }

    func setScheduling(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try RunLimit.check(input.body)
        return try await rows.update("setScheduling", input, by: caller) { instance in
            var scheduling = instance["scheduling"] ?? [:]
            scheduling.merge(input.body)
            instance["scheduling"] = scheduling
        }
    }

    func setDiskAutoDelete(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let device = input.query["deviceName"] ?? ""
        return try await rows.update("setDiskAutoDelete", input, by: caller) { instance in
            var disks = instance["disks"]?.array ?? []
            guard let index = disks.firstIndex(where: { $0["deviceName"]?.string == device }) else {
                throw GoogleError.invalidField("deviceName", device, "No attached disk has this device name.")
            }
            disks[index]["autoDelete"] = .bool(input.says("autoDelete"))
            instance["disks"] = .array(disks)
        }
    }

    func setDeletionProtection(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await rows.update("setDeletionProtection", input, by: caller) { instance in
            instance["deletionProtection"] = .bool(input.query["deletionProtection"]?.lowercased() != "false")
        }
    }
}
