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
        api.add("compute.instances.updateAccessConfig", .post, one + "/updateAccessConfig", updateAccessConfig)
        api.add("compute.instances.setName", .post, one + "/setName", setName)
        api.add("compute.instances.setMinCpuPlatform", .post, one + "/setMinCpuPlatform", setMinCpuPlatform)
        api.add("compute.instances.setMachineResources", .post, one + "/setMachineResources", setMachineResources)
        api.add("compute.instances.updateDisplayDevice", .patch, one + "/updateDisplayDevice", updateDisplayDevice)
        api.add(
            "compute.instances.updateShieldedInstanceConfig",
            .patch,
            one + "/updateShieldedInstanceConfig",
            updateShieldedInstanceConfig
        )
        api.add(
            "compute.instances.setShieldedInstanceIntegrityPolicy",
            .patch,
            one + "/setShieldedInstanceIntegrityPolicy",
            setShieldedInstanceIntegrityPolicy
        )
        api.add("compute.instances.update", .put, one, update)
        api.add(
            "compute.instances.simulateMaintenanceEvent",
            .post,
            one + "/simulateMaintenanceEvent",
            simulateMaintenanceEvent
        )
        api.add(
            "compute.instances.bulkInsert",
            .post,
            path + "/bulkInsert",
            requires: "compute.instances.create",
            bulkInsert
        )
        api.add(
            "compute.regionInstances.bulkInsert",
            .post,
            ComputePath.region + "/instances/bulkInsert",
            requires: "compute.instances.create",
            bulkInsertInRegion
        )
    }

    // MARK: Looking

    /// What the machine has written to its first serial port, from a byte on, and why it is off when nobody wanted it to be.
    func serialPortOutput(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        let instance = try await rows.store.get(key)
        let output = try await life.console(of: instance)
        let start = max(0, Int(input.query["start"] ?? "0") ?? 0)
        var bytes = start < output.count ? output[start...] : []
        // The reason goes when the machine is started again, and so is not counted.
        if let reason = instance["statusMessage"]?.string { bytes += "\r\nbrume: \(reason)\r\n".utf8 }
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
        let key = try await rows.newKey(input)
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
        parameters: JSON = [:],
        _ change: @escaping @Sendable (inout JSON) throws -> Void
    ) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.update(verb, input, by: caller, input: parameters) { instance in
            let status = instance["status"]?.string ?? ""
            guard status == needs else { throw GoogleError.notReady(key.resourceName, status: status, needs: needs) }
            try change(&instance)
        }
    }

    // MARK: Changing

    /// Changes one field by its rule; an instance that the change does not reach while it runs must be off.
    private func apply(
        _ change: InstanceChange,
        _ asked: JSON,
        _ verb: String,
        _ input: ChangeInput,
        by caller: Caller,
        parameters: JSON = [:],
        _ besides: @escaping @Sendable (inout JSON) -> Void = { _ in }
    ) async throws -> JSON {
        let apply: @Sendable (inout JSON) throws -> Void = { instance in
            try change.apply(asked, &instance)
            besides(&instance)
            instance["fingerprint"] = .string(Token.fingerprint())
        }
        guard change.effect == .restart else {
            return try await rows.update(verb, input, by: caller, input: parameters, apply)
        }
        return try await update(verb, input, by: caller, needs: "TERMINATED", parameters: parameters, apply)
    }

    func setMetadata(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await apply(.metadata, ["metadata": input.body], "setMetadata", input, by: caller)
    }

    func setTags(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await apply(.tags, ["tags": input.body], "setTags", input, by: caller)
    }

    func setMachineType(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await apply(.machineType, input.body, "setMachineType", input, by: caller)
    }

    func setMinCpuPlatform(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await apply(.minCpuPlatform, input.body, "setMinCpuPlatform", input, by: caller)
    }

    /// Changes the accelerators of an instance: its machine is made anew around its disks.
    func setMachineResources(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let simulates = life.simulatesAccelerators
        return try await apply(
            .guestAccelerators,
            input.body,
            "setMachineResources",
            input,
            by: caller,
            parameters: ["remakes": true]
        ) { if simulates { GuestAccelerators.labelSimulated(&$0) } }
    }

    func updateDisplayDevice(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try await apply(.displayDevice, ["displayDevice": input.body], "updateDisplayDevice", input, by: caller)
    }

    func updateShieldedInstanceConfig(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let verb = "updateShieldedInstanceConfig"
        let field = InstanceChange.shieldedInstanceConfig.field
        var config = try await rows.store.get(try await rows.key(input))[field] ?? [:]
        config.merge(input.body)
        return try await apply(.shieldedInstanceConfig, [field: config], verb, input, by: caller)
    }

    func setShieldedInstanceIntegrityPolicy(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let change = InstanceChange.shieldedInstanceIntegrityPolicy
        let verb = "setShieldedInstanceIntegrityPolicy"
        return try await apply(change, [change.field: input.body], verb, input, by: caller)
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
        try await apply(.scheduling, ["scheduling": input.body], "setScheduling", input, by: caller)
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
        let isProtected = input.query["deletionProtection"]?.lowercased() != "false"
        let asked: JSON = ["deletionProtection": .bool(isProtected)]
        return try await apply(.deletionProtection, asked, "setDeletionProtection", input, by: caller)
    }
}
