import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.instances.update and the fields' own methods", .timeLimit(.minutes(1)))
struct UpdateInstanceTests {
    private static let vm = ComputeCloud.instances + "/vm"

    /// Sends an instance back with something else in it.
    private func update(
        _ cloud: ComputeCloud,
        _ query: String = "",
        _ change: (inout JSON) -> Void
    ) async throws -> TestReply {
        var instance = try await cloud.get("vm")
        change(&instance)
        return try await cloud.api.put(Self.vm + query, json: instance.text)
    }

    @Test func `all that a document says otherwise is changed at once`() async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("vm")
            let reply = try await update(cloud) {
                $0["labels"] = ["team": "red"]
                $0["description"] = "mine"
                $0["deletionProtection"] = true
                $0["tags"]?["items"] = ["web"]
                $0["metadata"]?["items"] = [["key": "ssh-keys", "value": "ada:ssh-ed25519 CCCC ada"]]
                $0["scheduling"]?["automaticRestart"] = false
            }
            let operation = try await cloud.done(reply)
            #expect(operation["error"] == nil && operation["operationType"] == "update")
            let after = try await cloud.get("vm")
            #expect(after["labels"] == ["team": "red"] && after["description"] == "mine")
            #expect(after["tags"]?["items"] == ["web"] && after["deletionProtection"] == true)
            #expect(after["scheduling"]?["automaticRestart"] == false && after["status"] == "RUNNING")
            #expect(after["fingerprint"] != before["fingerprint"])
            #expect(cloud.inside.inputs(of: "users-up.sh").last?.contains("CCCC") == true)
        }
    }

    @Test func `a document that is sent back as it was changes nothing else`() async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("vm")
            let reply = try await update(cloud) { instance in
                // As gcloud writes what it has read as `+/8=`.
                var interface = instance["networkInterfaces"]?[0] ?? [:]
                interface["fingerprint"] = "-_8="
                instance["networkInterfaces"] = [interface]
            }
            _ = try await cloud.done(reply)
            var after = try await cloud.get("vm")
            after["fingerprint"] = before["fingerprint"]
            #expect(after == before)
        }
    }

    @Test func `an older document, or one without a fingerprint, answers 412`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            for fingerprint in [JSON.string("c3RhbGU="), .null] {
                let reply = try await update(cloud) { $0["fingerprint"] = fingerprint }
                #expect(reply.status == 412 && reply.reason == "conditionNotMet")
            }
            let labels = try await update(cloud) {
                $0["labelFingerprint"] = "c3RhbGU="
                $0["labels"] = ["a": "b"]
            }
            #expect(labels.status == 412)
        }
    }

    @Test(arguments: ["id", "zone", "networkInterfaces", "disks", "serviceAccounts"])
    func `what cannot be changed is named`(field: String) async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let reply = try await update(cloud) { $0[field] = $0[field]?.array == nil ? "1" : [["name": "other"]] }
            #expect(reply.status == 400 && reply.text.contains("'resource.\(field)'"), "\(reply.text)")
        }
    }

    @Test func `a machine type that needs a restart is refused, or changed by one where that is allowed`() async throws
    {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            let type: (inout JSON) -> Void = { $0["machineType"] = "zones/europe-west1-b/machineTypes/n1-standard-4" }
            let refused = try await update(cloud, "", type)
            #expect(refused.status == 400 && refused.text.contains("RESTART"))
            let reply = try await update(cloud, "?mostDisruptiveAllowedAction=RESTART", type)
            #expect(try await cloud.done(reply)["error"] == nil)
            let limits = await cloud.engine.process(of: workload)?.resources
            #expect(limits == Resources(milliCPUs: 4000, memoryBytes: 15 << 30))
            #expect(try await cloud.get("vm")["status"] == "RUNNING")
            let calls = await cloud.engine.calls.filter { $0 == "stop \(workload)" || $0 == "start \(workload)" }
            #expect(calls == ["start \(workload)", "stop \(workload)", "start \(workload)"])

            try await cloud.perform("stop", "vm")
            let small: (inout JSON) -> Void = { $0["machineType"] = "zones/europe-west1-b/machineTypes/e2-small" }
            #expect(try await cloud.done(update(cloud, "", small))["error"] == nil)
            #expect(await cloud.engine.process(of: workload)?.resources.memoryBytes == 2 << 30)
            #expect(try await cloud.get("vm")["status"] == "TERMINATED")
        }
    }

    @Test func `a restart may be asked for by itself`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            let tooMuch = try await update(cloud, "?minimalAction=RESTART&mostDisruptiveAllowedAction=REFRESH") { _ in }
            #expect(tooMuch.status == 400)
            #expect(try await update(cloud, "?minimalAction=BOOM") { _ in }.status == 400)
            _ = try await cloud.done(update(cloud, "?minimalAction=RESTART") { _ in })
            #expect(await cloud.engine.calls.count { $0 == "start \(workload)" } == 2)
        }
    }

    @Test(arguments: [
        ("setMinCpuPlatform", #"{"minCpuPlatform": "Intel Skylake"}"#, "minCpuPlatform"),
        ("updateDisplayDevice", #"{"enableDisplay": true}"#, "displayDevice"),
        ("updateShieldedInstanceConfig", #"{"enableVtpm": true}"#, "shieldedInstanceConfig"),
    ])
    func `what a running machine could not follow is changed of a stopped one`(
        verb: String,
        body: String,
        field: String
    ) async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            func send() async throws -> TestReply {
                if verb == "setMinCpuPlatform" { return try await cloud.api.post("\(Self.vm)/\(verb)", json: body) }
                return try await cloud.api.patch("\(Self.vm)/\(verb)", json: body)
            }
            #expect(try await send().reason == "resourceNotReady")
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.done(send())["error"] == nil)
            #expect(try await cloud.get("vm")[field] != nil)
        }
    }

    @Test func `parts of a shielded instance's settings are changed one by one`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm") { $0["shieldedInstanceConfig"] = ["enableVtpm": true] }
            try await cloud.perform("stop", "vm")
            let path = "\(Self.vm)/updateShieldedInstanceConfig"
            _ = try await cloud.done(cloud.api.patch(path, json: #"{"enableSecureBoot": true}"#))
            let config = try await cloud.get("vm")["shieldedInstanceConfig"]
            #expect(config?["enableVtpm"] == true && config?["enableSecureBoot"] == true)
            let policy = "\(Self.vm)/setShieldedInstanceIntegrityPolicy"
            _ = try await cloud.done(cloud.api.patch(policy, json: #"{"updateAutoLearnPolicy": true}"#))
            #expect(try await cloud.get("vm")["shieldedInstanceIntegrityPolicy"]?["updateAutoLearnPolicy"] == true)
        }
    }

    @Test func `an access config is renamed and named, and keeps its address`() async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("vm")["networkInterfaces"]?[0]?["accessConfigs"]?[0]
            let body = #"{"name": "nat", "setPublicPtr": true, "publicPtrDomainName": "vm.example.com."}"#
            try await cloud.perform("updateAccessConfig", "vm", json: body)
            let named = try await cloud.get("vm")["networkInterfaces"]?[0]?["accessConfigs"]?[0]
            #expect(named?["name"] == "nat" && named?["publicPtrDomainName"] == "vm.example.com.")
            #expect(named?["natIP"] == before?["natIP"])
            try await cloud.perform("updateAccessConfig", "vm", json: #"{"setPublicPtr": false}"#)
            let unnamed = try await cloud.get("vm")["networkInterfaces"]?[0]?["accessConfigs"]?[0]
            #expect(unnamed?["publicPtrDomainName"] == nil && unnamed?["name"] == "nat")
            for (refused, word) in [
                (#"{"natIP": "198.19.0.7"}"#, "accessConfig.natIP"),
                (#"{"networkTier": "GOLD"}"#, "accessConfig.networkTier"),
                (#"{"setPublicPtr": true}"#, "accessConfig.publicPtrDomainName"),
            ] {
                let reply = try await cloud.api.post("\(Self.vm)/updateAccessConfig", json: refused)
                #expect(reply.status == 400 && reply.text.contains(word), "\(reply.text)")
            }
        }
    }
}

@Suite("compute.instances.setMachineResources", .timeLimit(.minutes(1)))
struct MachineResourcesTests {
    @Test func `a stopped machine gets other accelerators, and is made anew with its disk`() async throws {
        try await ComputeCloud.run { cloud in
            await cloud.engine.offer(accelerators: ["nvidia.com/gpu": 2])
            let workload = ComputeCloud.workload(
                try await cloud.insert("vm") {
                    $0["machineType"] = "zones/europe-west1-b/machineTypes/n1-standard-4"
                    $0["scheduling"] = ["onHostMaintenance": "TERMINATE"]
                }
            )
            let body =
                #"{"guestAccelerators": [{"acceleratorType": "zones/europe-west1-b/acceleratorTypes/nvidia-tesla-t4", "acceleratorCount": 2}]}"#
            let path = "\(ComputeCloud.instances)/vm/setMachineResources"
            #expect(try await cloud.api.post(path, json: body).reason == "resourceNotReady")
            try await cloud.perform("stop", "vm")
            #expect(try await cloud.perform("setMachineResources", "vm", json: body)["error"] == nil)
            try await cloud.perform("start", "vm")
            #expect(await cloud.engine.process(of: workload)?.accelerators?.count == 2)
            try await cloud.perform("stop", "vm")
            try await cloud.perform("setMachineResources", "vm", json: #"{"guestAccelerators": []}"#)
            #expect(try await cloud.get("vm")["guestAccelerators"] == nil)
            try await cloud.perform("start", "vm")
            #expect(await cloud.engine.process(of: workload)?.accelerators == nil)
        }
    }
}
