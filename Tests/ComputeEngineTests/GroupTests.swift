import BrumeTesting
import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.instanceTemplates, bulk creation and groups", .timeLimit(.minutes(1)))
struct GroupTests {
    private static let templates = ComputeCloud.project + "/global/instanceTemplates"
    private static let groups = ComputeCloud.zone + "/instanceGroupManagers"

    private func makeTemplate(_ name: String, in cloud: ComputeCloud) async throws {
        var properties = try JSON(parsing: Data(ComputeCloud.body(name).utf8))
        properties["name"] = .none
        properties["machineType"] = "e2-small"
        properties["tags"] = ["items": ["worker"]]
        let template: JSON = ["name": .string(name), "properties": properties]
        #expect(try await cloud.done(cloud.api.post(Self.templates, json: template.text))["error"] == nil)
    }

    private func makeGroup(_ name: String, size: Int, in cloud: ComputeCloud) async throws {
        let body =
            #"{"name": "\#(name)", "baseInstanceName": "w", "targetSize": \#(size), "instanceTemplate": "global/instanceTemplates/t"}"#
        #expect(try await cloud.done(cloud.api.post(Self.groups, json: body))["error"] == nil)
    }

    /// The names of the group's instances, once there are `count` that run and no others.
    private func members(_ count: Int, in cloud: ComputeCloud) async throws -> [String] {
        let sql = "SELECT resource FROM computeResources WHERE collection = 'instances' ORDER BY name"
        let rows = ValueObservation.tracking { try Data.fetchAll($0, sql: sql) }
        for try await row in rows.values(in: cloud.store.database) {
            let instances = try row.map { try JSON(parsing: $0) }
            if instances.count == count, instances.allSatisfy({ $0["status"] == "RUNNING" }) {
                return instances.compactMap { $0["name"]?.string }
            }
        }
        return []
    }

    @Test func `an instance is what its template says, but for what the request says`() async throws {
        try await ComputeCloud.run { cloud in
            try await makeTemplate("t", in: cloud)
            let path = "\(ComputeCloud.instances)?sourceInstanceTemplate=global/instanceTemplates/t"
            _ = try await cloud.done(cloud.api.post(path, json: #"{"name": "vm", "labels": {"a": "b"}}"#))
            let instance = try await cloud.get("vm")
            #expect(instance["machineType"]?.string?.hasSuffix("/e2-small") == true)
            #expect(instance["tags"]?["items"] == ["worker"] && instance["labels"] == ["a": "b"])
            let none = "\(ComputeCloud.instances)?sourceInstanceTemplate=global/instanceTemplates/none"
            #expect(try await cloud.api.post(none, json: #"{"name": "other"}"#).status == 404)
        }
    }

    @Test func `many are made by one call, under the pattern's free names`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm-02")
            var properties = try JSON(parsing: Data(ComputeCloud.body("x").utf8))
            properties["name"] = .none
            let body: JSON = ["count": "3", "namePattern": "vm-##", "instanceProperties": properties]
            let path = "\(ComputeCloud.instances)/bulkInsert"
            let operation = try await cloud.done(cloud.api.post(path, json: body.text))
            #expect(operation["error"] == nil)
            #expect(try await members(4, in: cloud) == ["vm-01", "vm-02", "vm-03", "vm-04"])
            let group = operation["operationGroupId"]?.string ?? ""
            let listed = try await cloud.api.get("\(ComputeCloud.zone)/operations?filter=operationGroupId%3D\(group)")
            #expect(listed.json["items"]?.array?.count { $0["operationType"] == "insert" } == 3)
            let tooMany: JSON = [
                "count": "9", "namePattern": "vm-#", "instanceProperties": properties, "minCount": "10",
            ]
            #expect(try await cloud.api.post(path, json: tooMany.text).status == 400)
        }
    }

    @Test(arguments: [
        (#"{}"#, ["b", "b", "b"]), (#"{"targetShape": "BALANCED"}"#, ["b", "c", "d"]),
        (#"{"locations": {"zones/europe-west1-b": {"preference": "DENY"}}}"#, ["c", "c", "c"]),
        (#"{"locations": {"zones/europe-west1-d": {"preference": "ALLOW"}}}"#, ["d", "d", "d"]),
        (#"{"locations": {"zones/europe-west1-b": {"constraints": {"maxCount": 2}}}}"#, ["c", "c", "c"]),
        (
            #"{"targetShape": "ANY", "locations": {"zones/europe-west1-b": {"preference": "ALLOW", "constraints": {"maxCount": 2}}}}"#,
            ["b", "b", "c"]
        ),
        (
            #"{"targetShape": "BALANCED", "locations": {"zones/europe-west1-c": {"constraints": {"maxCount": 0}}}}"#,
            ["b", "d", "b"]
        ),
    ])
    func `many are made in the zones of a region that the location policy leaves`(
        policy: String,
        zones: [String]
    ) async throws {
        try await ComputeCloud.run { cloud in
            var properties = try JSON(parsing: Data(ComputeCloud.body("x").utf8))
            properties["name"] = .none
            properties["machineType"] = "e2-small"
            let body: JSON = [
                "count": "3", "namePattern": "vm-#", "instanceProperties": properties,
                "locationPolicy": try JSON(parsing: Data(policy.utf8)),
            ]
            let path = "\(ComputeCloud.project)/regions/europe-west1/instances/bulkInsert"
            let operation = try await cloud.done(cloud.api.post(path, json: body.text))
            #expect(operation["error"] == nil && operation["region"] != nil)
            #expect(operation["operationGroupId"] != nil)
            #expect(try await members(3, in: cloud) == ["vm-1", "vm-2", "vm-3"])
            let listed = try await cloud.api.get("\(ComputeCloud.project)/aggregated/instances").json["items"]
            let places = zones.enumerated().map { "vm-\($0.offset + 1) zones/europe-west1-\($0.element)" }
            let found = (listed?.object ?? [:]).flatMap { scope, group in
                (group["instances"]?.array ?? []).map { "\($0["name"]?.string ?? "") \(scope)" }
            }
            #expect(found.sorted() == places)
        }
    }

    @Test(arguments: [
        #"{"locations": {"zones/us-east1-b": {"preference": "ALLOW"}}}"#,
        #"{"locations": {"zones/europe-west1-b": {"preference": "MAYBE"}}}"#,
        #"{"locations": {"zones/europe-west1-b": {"preference": "DENY"}, "zones/europe-west1-c": {"preference": "DENY"}, "zones/europe-west1-d": {"preference": "DENY"}}}"#,
        #"{"locations": {"zones/europe-west1-b": {"constraints": {"maxCount": 0}}, "zones/europe-west1-c": {"constraints": {"maxCount": 0}}, "zones/europe-west1-d": {"constraints": {"maxCount": 0}}}}"#,
    ])
    func `a location policy that leaves no zone, or names another region's, answers 400`(policy: String) async throws {
        try await ComputeCloud.run { cloud in
            let path = "\(ComputeCloud.project)/regions/europe-west1/instances/bulkInsert"
            let body = #"{"count": "1", "namePattern": "vm-#", "locationPolicy": \#(policy)}"#
            let reply = try await cloud.api.post(path, json: body)
            #expect(reply.status == 400 && reply.text.contains("locationPolicy.locations"), "\(reply.text)")
        }
    }

    @Test func `when one of many cannot be made, none is left`() async throws {
        try await ComputeCloud.run { cloud in
            for image in await cloud.engine.images.keys { await cloud.engine.failStart(of: image, "no such program") }
            var properties = try JSON(parsing: Data(ComputeCloud.body("x").utf8))
            properties["name"] = .none
            let body: JSON = ["count": "2", "namePattern": "vm-#", "instanceProperties": properties]
            let reply = try await cloud.api.post("\(ComputeCloud.instances)/bulkInsert", json: body.text)
            let operation = try await cloud.done(reply)
            #expect(operation["error"]?["errors"]?[0]?["message"] == "no such program")
            #expect(try await cloud.api.get(ComputeCloud.instances).json["items"] == [])
        }
    }

    @Test func `a group has the size that it is told, over its members' deaths`() async throws {
        try await ComputeCloud.run { cloud in
            try await makeTemplate("t", in: cloud)
            try await makeGroup("g", size: 2, in: cloud)
            let first = try await members(2, in: cloud)
            #expect(first.allSatisfy { $0.hasPrefix("w-") })
            let group = try await cloud.api.get("\(Self.groups)/g").json
            #expect(group["targetSize"] == 2 && group["status"]?["isStable"] == true && group["wantedNames"] == nil)

            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/\(first[0])"))
            #expect(try await members(2, in: cloud) == first)
            _ = try await cloud.done(cloud.api.post("\(Self.groups)/g/resize?size=3"))
            #expect(Set(try await members(3, in: cloud)).isSuperset(of: first))
            let gone = #"{"instances": ["zones/europe-west1-b/instances/\#(first[1])"]}"#
            _ = try await cloud.done(cloud.api.post("\(Self.groups)/g/deleteInstances", json: gone))
            let left = try await members(2, in: cloud)
            #expect(left.contains(first[0]) && !left.contains(first[1]))
            #expect(try await cloud.api.post("\(Self.groups)/g/deleteInstances", json: gone).status == 400)

            #expect(try await cloud.api.delete("\(Self.templates)/t").reason == "resourceInUseByAnotherResource")
            _ = try await cloud.done(cloud.api.delete("\(Self.groups)/g"))
            #expect(try await cloud.api.get("\(Self.groups)/g").status == 404)
            #expect(try await cloud.api.get(ComputeCloud.instances).json["items"] == [])
        }
    }

    @Test func `what a group cannot make is told, and tried again when the group is changed`() async throws {
        try await ComputeCloud.run { cloud in
            try await makeTemplate("t", in: cloud)
            let images = await cloud.engine.images.keys
            for image in images { await cloud.engine.failStart(of: image, "no such program") }
            try await makeGroup("g", size: 1, in: cloud)
            let sql = "SELECT resource FROM computeResources WHERE collection = 'instanceGroupManagers'"
            let rows = ValueObservation.tracking { try Data.fetchOne($0, sql: sql) }
            for try await row in rows.values(in: cloud.store.database) {
                if let row, try JSON(parsing: row)["failures"]?.object?.isEmpty == false { break }
            }
            let errors = try await cloud.api.get("\(Self.groups)/g/listErrors").json
            #expect(errors["items"]?[0]?["error"]?["message"] == "no such program")
            for image in images { await cloud.engine.letStart(image) }
            _ = try await cloud.done(cloud.api.post("\(Self.groups)/g/resize?size=1"))
            #expect(try await members(1, in: cloud).count == 1)
        }
    }
}
