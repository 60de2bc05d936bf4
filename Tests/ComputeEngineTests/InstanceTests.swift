import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.instances.insert", .timeLimit(.minutes(1)))
struct InsertInstanceTests {
    @Test func `an instance runs when its operation is done, with an address and a disk`() async throws {
        try await ComputeCloud.run { cloud in
            let operation = try await cloud.finished(
                cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            )
            #expect(operation["status"] == "DONE" && operation["error"] == nil, "\(operation)")
            #expect(operation["operationType"] == "insert")
            let instance = try await cloud.instance("vm")
            #expect(instance["status"] == "RUNNING" && instance["id"] == operation["targetId"])
            let interface = instance["networkInterfaces"]?[0]
            #expect(interface?["networkIP"]?.string?.hasPrefix("10.") == true)
            #expect(interface?["accessConfigs"]?[0]?["natIP"] == interface?["networkIP"])
            let disk = try await cloud.api.get(ComputeCloud.zone + "/disks/vm").json
            #expect(disk["sizeGb"] == "10" && disk["selfLink"] == instance["disks"]?[0]?["source"])
            let workload = try await cloud.workload("vm")
            #expect(try await cloud.engine.status(of: workload)?.isRunning == true)
        }
    }

    @Test(arguments: [
        ("Vm", "debian-12", "e2-small", 400), ("-vm", "debian-12", "e2-small", 400), ("", "debian-12", "e2-small", 400),
        ("vm", "debian-99", "e2-small", 404), ("vm", "debian-12", "e2-tiny", 400),
    ])
    func `a bad name, family or type is refused and leaves nothing`(
        name: String,
        family: String,
        type: String,
        status: Int
    ) async throws {
        try await ComputeCloud.run { cloud in
            let body = ComputeCloud.body(name, family: family, type: type)
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == status && reply.message != nil, "\(reply.text)")
            let list = try await cloud.api.get(ComputeCloud.instances).json
            #expect(list["items"]?.array?.isEmpty ?? true)
        }
    }

    @Test func `an unknown zone is 404, an unknown image too, a second disk 400`() async throws {
        try await ComputeCloud.run { cloud in
            let elsewhere = "/compute/v1/projects/demo/zones/mars-north1-a/instances"
            let reply = try await cloud.api.post(elsewhere, json: ComputeCloud.body("vm"))
            #expect(reply.status == 404)
            let image = ComputeCloud.body("vm").replacing("images/family/debian-12", with: "images/debian-99")
            #expect(try await cloud.api.post(ComputeCloud.instances, json: image).status == 404)
            let disks = ComputeCloud.body("vm").replacing("\"disks\": [", with: "\"disks\": [{\"boot\": false}, ")
            #expect(try await cloud.api.post(ComputeCloud.instances, json: disks).status == 400)
        }
    }

    @Test func `a taken name is 409, and the first instance stays as it is`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            let reply = try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            #expect(reply.status == 409 && reply.reason == "alreadyExists")
            #expect(try await cloud.instance("vm") == first)
        }
    }

    @Test func `what cannot be started leaves an error and nothing else`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("seed")
            let seed = try await cloud.workload("seed")
            let image = try #require(await cloud.engine.process(of: seed)?.image)
            await cloud.engine.failStart(of: image, "no room")
            let operation = try await cloud.finished(
                cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            )
            #expect(operation["error"]?["errors"]?[0]?["message"]?.string?.contains("no room") == true, "\(operation)")
            #expect(try await cloud.api.get(ComputeCloud.instances + "/vm").status == 404)
            #expect(try await cloud.api.get(ComputeCloud.zone + "/disks/vm").status == 404)
            #expect(await cloud.engine.workloadNames == [seed])
        }
    }

    @Test func `a spot instance by its provisioning model is preemptible and not restarted`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm", and: #""scheduling": {"provisioningModel": "SPOT"},"#)
            let scheduling = instance["scheduling"]
            #expect(scheduling?["preemptible"] == true && scheduling?["automaticRestart"] == false)
        }
    }
}

@Suite("compute.instances: their life", .timeLimit(.minutes(1)))
struct InstanceLifeTests {
    @Test func `a stopped instance keeps its row, id, address and disk, and starts again`() async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("vm")
            let workload = try await cloud.workload("vm")
            #expect(try await cloud.perform("stop", "vm")["error"] == nil)
            #expect(try await cloud.instance("vm")["status"] == "TERMINATED")
            #expect(try await cloud.engine.status(of: workload)?.isRunning == false)
            #expect(try await cloud.perform("start", "vm")["error"] == nil)
            let after = try await cloud.instance("vm")
            #expect(after["status"] == "RUNNING" && after["id"] == before["id"])
            #expect(after["networkInterfaces"] == before["networkInterfaces"])
            #expect(try await cloud.engine.status(of: workload)?.isRunning == true)
        }
    }

    @Test func `reset restarts a running machine, also one that is not restarted by itself`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm", and: #""scheduling": {"automaticRestart": false},"#)
            let workload = try await cloud.workload("vm")
            #expect(try await cloud.perform("reset", "vm")["error"] == nil)
            #expect(try await cloud.instance("vm")["status"] == "RUNNING")
            #expect(await cloud.engine.calls.count { $0 == "start \(workload)" } == 2)
            try await cloud.perform("stop", "vm")
            let reply = try await cloud.api.post(ComputeCloud.instances + "/vm/reset")
            #expect(reply.status == 400 && reply.reason == "resourceNotReady", "\(reply.text)")
        }
    }

    @Test func `a deleted instance leaves no machine, disk or address; its name is free`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            try await cloud.finished(cloud.api.send(.delete, ComputeCloud.instances + "/vm"))
            #expect(try await cloud.api.get(ComputeCloud.instances + "/vm").status == 404)
            #expect(try await cloud.api.get(ComputeCloud.zone + "/disks/vm").status == 404)
            #expect(await cloud.engine.workloadNames.isEmpty)
            let second = try await cloud.insert("vm")
            #expect(second["id"] != first["id"])
            #expect(
                second["networkInterfaces"]?[0]?["networkIP"] == first["networkInterfaces"]?[0]?["networkIP"]
            )
        }
    }

    @Test func `a protected instance is not deleted`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm", and: #""deletionProtection": true,"#)
            #expect(try await cloud.api.send(.delete, ComputeCloud.instances + "/vm").status == 400)
            #expect(try await cloud.instance("vm")["status"] == "RUNNING")
        }
    }

    @Test func `a disk that is not deleted with its instance stays, unused`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            try await cloud.finished(
                cloud.api.post(
                    ComputeCloud.instances + "/vm/setDiskAutoDelete?autoDelete=false&deviceName=persistent-disk-0"
                )
            )
            try await cloud.finished(cloud.api.send(.delete, ComputeCloud.instances + "/vm"))
            let disk = try await cloud.api.get(ComputeCloud.zone + "/disks/vm")
            #expect(disk.status == 200 && disk.json["users"]?.array?.isEmpty ?? true, "\(disk.text)")
        }
    }

    @Test func `a machine that dies is restarted, and its startup script runs once for each start`() async throws {
        try await ComputeCloud.run { cloud in
            let scripts = Lines()
            await cloud.engine.whenExecuted(where: { $0.command.last?.contains("startup-script") == true }) { session in
                scripts.add(await session.readInput())
                return 0
            }
            let metadata = #""metadata": {"items": [{"key": "startup-script", "value": "echo fog"}]},"#
            try await cloud.insert("vm", and: metadata)
            let workload = try await cloud.workload("vm")
            await cloud.engine.end(workload, with: Exit(code: 1))
            try await cloud.until {
                let isUp = try await cloud.engine.status(of: workload)?.isRunning == true
                return isUp && scripts.all.count == 2
            }
            // The next operation's end comes after the engine's word of the restart.
            try await cloud.perform("setLabels", "vm", #"{"labels": {"a": "b"}}"#)
            #expect(try await cloud.instance("vm")["status"] == "RUNNING")
            #expect(scripts.all.count == 2 && scripts.all.allSatisfy { $0.contains("echo fog") })
        }
    }

    @Test(arguments: [(#"{"automaticRestart": false}"#, Exit.Reason.exited), ("{}", .poweredOff)])
    func `a machine that ends stays off when it is not to be restarted`(
        scheduling: String,
        reason: Exit.Reason
    ) async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm", and: "\"scheduling\": \(scheduling),")
            let workload = try await cloud.workload("vm")
            await cloud.engine.end(workload, with: Exit(code: 0, reason: reason))
            try await cloud.until { try await cloud.instance("vm")["status"] == "TERMINATED" }
            #expect(try await cloud.engine.status(of: workload)?.isRunning == false)
        }
    }

    @Test func `after a restart of the daemon running instances come back, stopped ones stay`() async throws {
        let engine = SimulatedEngine()
        let store = try ComputeCloud.makeStore()
        try await ComputeCloud.run(engine: engine, store: store) { cloud in
            try await cloud.insert("up")
            try await cloud.insert("down")
            try await cloud.perform("stop", "down")
        }
        for name in await engine.workloadNames { await engine.end(name, with: Exit(code: 137)) }
        try await ComputeCloud.run(engine: engine, store: store) { cloud in
            let up = try await cloud.workload("up")
            try await cloud.until { try await cloud.engine.status(of: up)?.isRunning == true }
            #expect(try await cloud.instance("down")["status"] == "TERMINATED")
            let down = try await cloud.workload("down")
            #expect(try await cloud.engine.status(of: down)?.isRunning == false)
        }
    }
}

@Suite("compute.instances: changes", .timeLimit(.minutes(1)))
struct InstanceChangeTests {
    @Test func `ssh keys reach the machine before setMetadata is done, the project's too`() async throws {
        try await ComputeCloud.run { cloud in
            let seen = Lines()
            await cloud.engine.whenExecuted(where: { $0.command.last?.hasSuffix("users-up.sh") == true }) { session in
                seen.add(await session.readInput())
                return 0
            }
            let instance = try await cloud.insert("vm")
            let fingerprint = instance["metadata"]?["fingerprint"]?.string ?? ""
            let items = #"[{"key": "ssh-keys", "value": "ada:ssh-ed25519 AAAA ada"}]"#
            let body = #"{"fingerprint": "\#(fingerprint)", "items": \#(items)}"#
            #expect(try await cloud.perform("setMetadata", "vm", body)["error"] == nil)
            #expect(seen.all.last?.contains("ada:ssh-ed25519 AAAA ada") == true)
            let project = #"{"items": [{"key": "ssh-keys", "value": "bob:ssh-ed25519 BBBB bob"}]}"#
            let path = "/compute/v1/projects/demo/setCommonInstanceMetadata"
            try await cloud.finished(cloud.api.post(path, json: project))
            #expect(seen.all.last?.contains("bob:ssh-ed25519") == true && seen.all.last?.contains("ada:") == true)
        }
    }

    @Test(arguments: [
        ("setMetadata", #"{"fingerprint": "AAAAAAAAAAA=", "items": []}"#),
        ("setLabels", #"{"labelFingerprint": "AAAAAAAAAAA=", "labels": {}}"#),
        ("setTags", #"{"fingerprint": "AAAAAAAAAAA=", "items": ["web"]}"#),
    ])
    func `a change against an older fingerprint is 412 and changes nothing`(verb: String, body: String) async throws {
        try await ComputeCloud.run { cloud in
            let before = try await cloud.insert("vm")
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/vm/\(verb)", json: body)
            #expect(reply.status == 412 && reply.reason == "conditionNotMet", "\(reply.text)")
            #expect(try await cloud.instance("vm") == before)
        }
    }

    @Test func `the machine type changes on stopped instances only`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let body = #"{"machineType": "zones/europe-west1-b/machineTypes/e2-medium"}"#
            let path = ComputeCloud.instances + "/vm/setMachineType"
            #expect(try await cloud.api.post(path, json: body).reason == "resourceNotReady")
            try await cloud.perform("stop", "vm")
            try await cloud.perform("setMachineType", "vm", body)
            #expect(try await cloud.instance("vm")["machineType"]?.string?.hasSuffix("/e2-medium") == true)
            let workload = try await cloud.workload("vm")
            #expect(await cloud.engine.process(of: workload)?.resources.memoryBytes == 4 << 30)
        }
    }
}

@Suite("compute.instances.list", .timeLimit(.minutes(1)))
struct ListInstancesTests {
    static let aggregated = "/compute/v1/projects/demo/aggregated/instances"

    @Test func `lists come in pages, in order, and aggregated by zone`() async throws {
        try await ComputeCloud.run { cloud in
            for name in ["c", "a", "b"] { try await cloud.insert(name) }
            let first = try await cloud.api.get(ComputeCloud.instances + "?maxResults=2").json
            #expect(names(first) == ["a", "b"])
            let token = try #require(first["nextPageToken"]?.string)
            let second = try await cloud.api.get("\(ComputeCloud.instances)?maxResults=2&pageToken=\(token)").json
            #expect(names(second) == ["c"] && second["nextPageToken"] == nil)
            let all = try await cloud.api.get(Self.aggregated).json["items"]?["zones/europe-west1-b"]?["instances"]
            #expect(all?.array?.count == 3)
            #expect(try await cloud.api.get(ComputeCloud.instances + "?maxResults=501").status == 400)
            #expect(try await cloud.api.get(ComputeCloud.instances + "?pageToken=x").status == 400)
            let byNumber = ComputeCloud.zone.replacing("/demo/", with: "/123456789012/")
            let same = try await cloud.api.get(byNumber + "/instances").json
            #expect(names(same).count == 3)
            #expect(try await cloud.api.get(byNumber + "/operations").json["items"]?.array?.count == 3)
        }
    }

    @Test(arguments: [
        ("name = vm", ["vm"]), ("name=vm*", ["vm", "vm-2"]), (#"(name eq "^vm-\d$")"#, ["vm-2"]),
        ("(name eq vm) (status eq RUNNING)", ["vm"]), ("name != vm AND name != web", ["vm-2"]),
        ("name ne vm.*", ["web"]), ("labels.env = prod", ["web"]), ("labels.env:prod", ["web"]),
        ("zone eq europe-west1-b AND labels.env=prod", ["web"]), ("status = TERMINATED", []),
        (#"name eq ".*\bvm\b.*""#, ["vm", "vm-2"]), ("name = v.", []),
    ])
    func `a filter keeps what fits all its conditions`(filter: String, expected: [String]) async throws {
        try await ComputeCloud.run { cloud in
            for name in ["vm", "vm-2"] { try await cloud.insert(name) }
            try await cloud.insert("web", and: #""labels": {"env": "prod"},"#)
            let text = filter.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let list = try await cloud.api.get("\(ComputeCloud.instances)?filter=\(text)").json
            #expect(names(list) == expected, "\(list)")
            let aggregated = try await cloud.api.get("\(Self.aggregated)?filter=\(text)").json
            let found = aggregated["items"]?["zones/europe-west1-b"]?["instances"]?.array ?? []
            #expect(aggregated["items"] != nil && found.compactMap { $0["name"]?.string } == expected)
        }
    }

    @Test(arguments: ["name", "name eq", "name > vm", "name eq [", "a = b OR c = d"])
    func `what is no filter is 400`(filter: String) async throws {
        try await ComputeCloud.run { cloud in
            let text = filter.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let reply = try await cloud.api.get("\(ComputeCloud.instances)?filter=\(text)")
            #expect(reply.status == 400)
        }
    }

    private func names(_ list: JSON) -> [String] { (list["items"]?.array ?? []).compactMap { $0["name"]?.string } }
}

/// What commands were sent; written by the engine's tasks.
final class Lines: @unchecked Sendable {
    // The lock is held around every use of `kept`.
    private let lock = NSLock()
    private var kept: [String] = []

    func add(_ text: String) { lock.withLock { kept.append(text) } }
    var all: [String] { lock.withLock { kept } }
}
