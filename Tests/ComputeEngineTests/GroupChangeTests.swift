import BrumeTesting
import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing

@Suite("compute.instanceGroupManagers.patch and groups of regions", .timeLimit(.minutes(1)))
struct GroupChangeTests {
    private static let zonal = ComputeCloud.zone + "/instanceGroupManagers"
    private static let regional = ComputeCloud.project + "/regions/europe-west1/instanceGroupManagers"

    private func makeTemplate(_ name: String, type: String = "e2-small", in cloud: ComputeCloud) async throws {
        var properties = try JSON(parsing: Data(ComputeCloud.body(name).utf8))
        properties["name"] = .none
        properties["machineType"] = .string(type)
        let template: JSON = ["name": .string(name), "properties": properties]
        let path = ComputeCloud.project + "/global/instanceTemplates"
        #expect(try await cloud.done(cloud.api.post(path, json: template.text))["error"] == nil)
    }

    private func make(_ path: String, size: Int64, _ more: JSON = [:], in cloud: ComputeCloud) async throws {
        try await makeTemplate("t", in: cloud)
        var body: JSON = [
            "name": "g", "baseInstanceName": "w", "targetSize": .integer(size),
            "instanceTemplate": "global/instanceTemplates/t",
        ]
        body.merge(more)
        #expect(try await cloud.done(cloud.api.post(path, json: body.text))["error"] == nil)
    }

    /// The running instances, once they are as they are wanted; by their names.
    private func instances(
        in cloud: ComputeCloud,
        when isWanted: ([JSON]) -> Bool
    ) async throws -> [JSON] {
        let sql = "SELECT resource FROM computeResources WHERE collection = 'instances' ORDER BY name"
        let rows = ValueObservation.tracking { try Data.fetchAll($0, sql: sql) }
        for try await row in rows.values(in: cloud.store.database) {
            let instances = try row.map { try JSON(parsing: $0) }
            if instances.allSatisfy({ $0["status"] == "RUNNING" }), isWanted(instances) { return instances }
        }
        return []
    }

    private static func zone(_ instance: JSON) -> String {
        String(ResourceName(parsing: instance["zone"]?.string ?? "").last.suffix(1))
    }

    @Test func `a regional group is spread over its zones, and stays so`() async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.regional, size: 4, in: cloud)
            let first = try await instances(in: cloud) { $0.count == 4 }
            #expect(first.map(Self.zone).sorted() == ["b", "b", "c", "d"])
            let group = try await cloud.api.get("\(Self.regional)/g").json
            #expect(group["region"]?.string?.hasSuffix("/regions/europe-west1") == true && group["zone"] == nil)
            #expect(group["status"]?["isStable"] == true && group["targetSize"] == 4)
            #expect(group["distributionPolicy"]?["zones"]?.array?.count == 3)
            let managed = try await cloud.api.post("\(Self.regional)/g/listManagedInstances").json["managedInstances"]
            #expect(managed?.array?.allSatisfy { $0["currentAction"] == "NONE" } == true)

            _ = try await cloud.done(cloud.api.post("\(Self.regional)/g/resize?size=3"))
            let second = try await instances(in: cloud) { $0.count == 3 }
            #expect(second.map(Self.zone).sorted() == ["b", "c", "d"])
            let link = second[0]["selfLink"]?.string ?? ""
            let gone = try await cloud.api.post(
                "\(Self.regional)/g/deleteInstances",
                json: #"{"instances": ["\#(link)"]}"#
            )
            _ = try await cloud.done(gone)
            _ = try await instances(in: cloud) { $0.count == 2 }
            _ = try await cloud.done(
                cloud.api.post("\(Self.regional)/g/createInstances", json: #"{"instances": [{"name": "own"}]}"#)
            )
            let third = try await instances(in: cloud) { $0.count == 3 }
            #expect(third.map(Self.zone).sorted() == ["b", "c", "d"] && third[0]["name"] == "own")

            let path = "\(ComputeCloud.project)/regions/europe-west1/instanceGroups"
            #expect(try await cloud.api.get("\(path)/g").json["size"] == 3)
            #expect(try await cloud.api.post("\(path)/g/listInstances").json["items"]?.array?.count == 3)
            let everywhere = try await cloud.api.get(ComputeCloud.project + "/aggregated/instanceGroupManagers").json
            #expect(everywhere["items"]?["regions/europe-west1"]?["instanceGroupManagers"]?.array?.count == 1)
            #expect(try await cloud.api.get("\(Self.zonal)/g").status == 404)
            // gcloud asks whether a group has an autoscaler before it shows it.
            let scalers = try await cloud.api.get(ComputeCloud.project + "/regions/europe-west1/autoscalers")
            #expect(scalers.json["items"] == [])
            _ = try await cloud.done(cloud.api.delete("\(Self.regional)/g"))
            #expect(try await instances(in: cloud) { _ in true } == [])
        }
    }

    @Test func `a regional group keeps to the zones that it asks for`() async throws {
        try await ComputeCloud.run { cloud in
            let zones: JSON = [
                "distributionPolicy": ["zones": [["zone": "zones/europe-west1-c"], ["zone": "zones/europe-west1-d"]]]
            ]
            try await make(Self.regional, size: 2, zones, in: cloud)
            #expect(try await instances(in: cloud) { $0.count == 2 }.map(Self.zone).sorted() == ["c", "d"])
            let strange =
                #"{"name": "h", "targetSize": 1, "instanceTemplate": "global/instanceTemplates/t", "distributionPolicy": {"zones": [{"zone": "zones/us-east1-b"}]}}"#
            #expect(try await cloud.api.post(Self.regional, json: strange).status == 400)
        }
    }

    @Test(arguments: [zonal, regional])
    func `a group is changed by what a patch names`(groups: String) async throws {
        try await ComputeCloud.run { cloud in
            try await make(groups, size: 1, in: cloud)
            let before = try await cloud.api.get("\(groups)/g").json
            let body =
                #"{"targetSize": 2, "description": "d", "updatePolicy": {"minimalAction": "RESTART"}, "autoHealingPolicies": [{"initialDelaySec": 60}]}"#
            _ = try await cloud.done(cloud.api.patch("\(groups)/g", json: body))
            _ = try await instances(in: cloud) { $0.count == 2 }
            let after = try await cloud.api.get("\(groups)/g").json
            #expect(after["targetSize"] == 2 && after["description"] == "d")
            #expect(after["updatePolicy"] == ["type": "OPPORTUNISTIC", "minimalAction": "RESTART"])
            #expect(after["autoHealingPolicies"]?[0]?["initialDelaySec"] == 60)
            let fingerprint = before["fingerprint"]?.string ?? ""
            for (refused, status) in [
                (#"{"baseInstanceName": "other"}"#, 400), (#"{"targetSize": 2000}"#, 400),
                (#"{"instanceTemplate": "global/instanceTemplates/none"}"#, 404),
                (#"{"fingerprint": "\#(fingerprint)", "description": "e"}"#, 412),
                (#"{"baseInstanceName": "w", "description": "f"}"#, 200),
            ] {
                let reply = try await cloud.api.patch("\(groups)/g", json: refused)
                #expect(reply.status == status, "\(refused) \(reply.text)")
            }
        }
    }

    @Test func `another template is for new instances, and for others when they are told`() async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.zonal, size: 2, in: cloud)
            let before = try await instances(in: cloud) { $0.count == 2 }
            try await makeTemplate("u", type: "e2-micro", in: cloud)
            let body = #"{"versions": [{"instanceTemplate": "global/instanceTemplates/u"}]}"#
            _ = try await cloud.done(cloud.api.patch("\(Self.zonal)/g", json: body))
            let group = try await cloud.api.get("\(Self.zonal)/g").json
            #expect(group["status"]?["versionTarget"]?["isReached"] == false && group["status"]?["isStable"] == true)
            #expect(group["versions"]?[0]?["instanceTemplate"]?.string?.hasSuffix("/u") == true)

            let link = before[0]["selfLink"]?.string ?? ""
            let path = "\(Self.zonal)/g/applyUpdatesToInstances"
            let gentle = #"{"instances": ["\#(link)"], "mostDisruptiveAllowedAction": "RESTART"}"#
            #expect(try await cloud.api.post(path, json: gentle).status == 400)
            _ = try await cloud.done(cloud.api.post(path, json: #"{"instances": ["\#(link)"]}"#))
            let after = try await instances(in: cloud) { $0.count == 2 && $0[0]["id"] != before[0]["id"] }
            #expect(after[0]["name"] == before[0]["name"] && after[1]["id"] == before[1]["id"])
            #expect(after[0]["machineType"]?.string?.hasSuffix("/e2-micro") == true)

            let proactive = #"{"updatePolicy": {"type": "PROACTIVE"}}"#
            _ = try await cloud.done(cloud.api.patch("\(Self.zonal)/g", json: proactive))
            let last = try await instances(in: cloud) { $0.count == 2 && $0[1]["id"] != before[1]["id"] }
            #expect(last[0]["id"] == after[0]["id"])
            let reached = try await cloud.api.get("\(Self.zonal)/g").json["status"]?["versionTarget"]?["isReached"]
            #expect(reached == true)
        }
    }

    @Test func `a version of another name restarts or replaces all instances, as the policy says`() async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.zonal, size: 2, in: cloud)
            let before = try await instances(in: cloud) { $0.count == 2 }
            func patch(_ name: String, _ action: String) async throws {
                let body: JSON = [
                    "versions": [["name": .string(name), "instanceTemplate": "global/instanceTemplates/t"]],
                    "updatePolicy": ["type": "PROACTIVE", "minimalAction": .string(action)],
                ]
                let operation = try await cloud.done(cloud.api.patch("\(Self.zonal)/g", json: body.text))
                #expect(operation["error"] == nil)
            }
            try await patch("one", "RESTART")
            let restarted = try await instances(in: cloud) { $0.count == 2 }
            #expect(restarted.map { $0["id"] } == before.map { $0["id"] })
            for workload in before.map(ComputeCloud.workload) {
                #expect(await cloud.engine.calls.count { $0 == "start \(workload)" } == 2)
            }
            try await patch("two", "REPLACE")
            let replaced = try await instances(in: cloud) { instances in
                instances.count == 2
                    && !instances.contains { instance in before.contains { $0["id"] == instance["id"] } }
            }
            #expect(replaced.map { $0["name"] } == before.map { $0["name"] })
            #expect(try await cloud.api.get("\(Self.zonal)/g").json["versions"]?[0]?["name"] == "two")
        }
    }

    @Test(arguments: [zonal, regional])
    func `named ports are kept, and set`(groups: String) async throws {
        try await ComputeCloud.run { cloud in
            let http: JSON = ["namedPorts": [["name": "http", "port": 80]]]
            try await make(groups, size: 0, http, in: cloud)
            #expect(try await cloud.api.get("\(groups)/g").json["namedPorts"] == http["namedPorts"])
            let path = groups.replacing("instanceGroupManagers", with: "instanceGroups") + "/g"
            let shown = try await cloud.api.get(path).json
            #expect(shown["namedPorts"] == http["namedPorts"])
            let body: JSON = [
                "namedPorts": [["name": "jupyter", "port": 8888]], "fingerprint": shown["fingerprint"] ?? "",
            ]
            _ = try await cloud.done(cloud.api.post("\(path)/setNamedPorts", json: body.text))
            #expect(try await cloud.api.get(path).json["namedPorts"] == body["namedPorts"])
            #expect(try await cloud.api.post("\(path)/setNamedPorts", json: body.text).status == 412)
            let none = #"{"name": "h", "targetSize": 0, "namedPorts": [{"name": "x", "port": 0}]}"#
            #expect(try await cloud.api.post(groups, json: none).status == 400)
        }
    }

    @Test(arguments: [
        ["statefulPolicy": ["preservedState": ["disks": ["data": ["autoDelete": "NEVER"]]]]] as JSON,
        ["targetPools": ["regions/europe-west1/targetPools/p"]],
        ["allInstancesConfig": ["properties": ["labels": ["a": "b"]]]],
        ["autoHealingPolicies": [["healthCheck": "global/healthChecks/h", "initialDelaySec": 60]]],
        ["instanceLifecyclePolicy": ["defaultActionOnFailure": "DO_NOTHING"]], ["targetStoppedSize": 1],
    ])
    func `fields that Brume lacks are refused with their names, unless they say nothing`(_ field: JSON) async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.zonal, size: 0, ["statefulPolicy": ["preservedState": ["disks": [:]]]], in: cloud)
            let name = field.object?.keys.first ?? ""
            let patched = try await cloud.api.patch("\(Self.zonal)/g", json: field.text)
            #expect(patched.status == 501 && patched.text.contains("resource.\(name)"), "\(patched.text)")
            var body: JSON = ["name": "h", "targetSize": 0, "instanceTemplate": "global/instanceTemplates/t"]
            body.merge(field)
            #expect(try await cloud.api.post(Self.zonal, json: body.text).status == 501)
        }
    }

    @Test func `an instance that is deleted and created under its name at once is another one`() async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.zonal, size: 1, in: cloud)
            let old = try await instances(in: cloud) { $0.count == 1 }[0]
            let (name, path) = (old["name"]?.string ?? "", "\(Self.zonal)/g")
            let gone = #"{"instances": ["zones/europe-west1-b/instances/\#(name)"]}"#
            let new = #"{"instances": [{"name": "\#(name)"}]}"#
            #expect(try await cloud.api.post("\(path)/deleteInstances", json: gone).status == 200)
            #expect(try await cloud.api.post("\(path)/createInstances", json: new).status == 200)
            let made = try await instances(in: cloud) { $0.count == 1 && $0[0]["id"] != old["id"] }
            #expect(made[0]["name"] == old["name"])
        }
    }

    @Test func `a template that is changed while an instance is made by the old one wins`() async throws {
        try await ComputeCloud.run { cloud in
            try await makeTemplate("u", type: "e2-micro", in: cloud)
            try await make(Self.zonal, size: 3, ["updatePolicy": ["type": "PROACTIVE"]], in: cloud)
            let body = #"{"instanceTemplate": "global/instanceTemplates/u"}"#
            #expect(try await cloud.api.post("\(Self.zonal)/g/setInstanceTemplate", json: body).status == 200)
            _ = try await instances(in: cloud) { instances in
                instances.count == 3
                    && instances.allSatisfy { $0["machineType"]?.string?.hasSuffix("/e2-micro") ?? false }
            }
        }
    }

    @Test func `recreating that is repeated after a kill leaves the new instance of the name alone`() async throws {
        try await ComputeCloud.run { first in
            try await make(Self.zonal, size: 1, in: first)
            let old = try await instances(in: first) { $0.count == 1 }[0]
            try await ComputeCloud.run(after: first, isRunning: false) { second in
                let name = old["name"]?.string ?? ""
                let body = #"{"instances": ["zones/europe-west1-b/instances/\#(name)"]}"#
                let path = "\(Self.zonal)/g/recreateInstances"
                let operation = try await second.api.post(path, json: body)
                // As if the operation had got so far that the group had made the instance again.
                try await second.store.database.write { db in
                    try db.execute(
                        sql: """
                            UPDATE computeResources
                            SET id = '9', resource = CAST(json_set(
                                CAST(resource AS TEXT), '$.id', '9', '$.status', 'TERMINATED'
                            ) AS BLOB)
                            WHERE collection = 'instances'
                            """
                    )
                }
                try await ComputeCloud.run(after: second) { third in
                    _ = try await third.done(operation)
                    #expect(try await third.get(name)["id"] == "9")
                }
            }
        }
    }

    @Test func `a group's instance cannot be renamed`() async throws {
        try await ComputeCloud.run { cloud in
            try await make(Self.zonal, size: 1, in: cloud)
            let name = try await instances(in: cloud) { $0.count == 1 }[0]["name"]?.string ?? ""
            try await cloud.perform("stop", name)
            let path = "\(ComputeCloud.instances)/\(name)/setName"
            let reply = try await cloud.api.post(path, json: #"{"name": "free"}"#)
            #expect(reply.status == 400 && reply.text.contains("instanceGroupManagers/g"), "\(reply.text)")
        }
    }
}
