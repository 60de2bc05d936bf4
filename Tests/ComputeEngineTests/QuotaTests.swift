import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("compute quotas", .timeLimit(.minutes(1)))
struct QuotaTests {
    private static let region = ComputeCloud.project + "/regions/europe-west1"

    /// Sets limits as the owner does.
    private func limit(_ limits: [String: String], in cloud: ComputeCloud) async throws {
        let items = limits.sorted { $0.key < $1.key }.map {
            #"{"key": "brume-quota-\#($0.key)", "value": "\#($0.value)"}"#
        }
        let body = #"{"items": [\#(items.joined(separator: ","))]}"#
        let path = ComputeCloud.project + "/setCommonInstanceMetadata"
        let operation = try await cloud.done(cloud.api.post(path, json: body))
        #expect(operation["error"] == nil)
    }

    private func quota(_ metric: String, of path: String, in cloud: ComputeCloud) async throws -> [Double?] {
        let quotas = try await cloud.api.get(path).json["quotas"]?.array ?? []
        let quota = quotas.first { $0["metric"]?.string == metric }
        return [quota?["usage"]?.double, quota?["limit"]?.double]
    }

    @Test func `usage is what there is; a machine that is off gives its processors back`() async throws {
        try await ComputeCloud.run { cloud in
            try await limit(["CPUS": "5", "INSTANCES": "9"], in: cloud)
            #expect(try await quota("CPUS", of: Self.region, in: cloud) == [0, 5])
            try await cloud.insert("vm")
            #expect(try await quota("CPUS", of: Self.region, in: cloud) == [2, 5])
            #expect(try await quota("INSTANCES", of: Self.region, in: cloud) == [1, 9])
            #expect(try await quota("IN_USE_ADDRESSES", of: Self.region, in: cloud).first == 1)
            #expect(try await quota("SSD_TOTAL_GB", of: Self.region, in: cloud).first == 10)
            #expect(try await quota("CPUS", of: ComputeCloud.project + "/regions/us-east1", in: cloud) == [0, 5])
            #expect(try await quota("NETWORKS", of: ComputeCloud.project, in: cloud).first == 1)
            #expect(try await quota("FIREWALLS", of: ComputeCloud.project, in: cloud).first == 4)
            try await cloud.perform("stop", "vm")
            #expect(try await quota("CPUS", of: Self.region, in: cloud) == [0, 5])
            #expect(try await quota("INSTANCES", of: Self.region, in: cloud) == [1, 9])
        }
    }

    @Test func `what would be too much is refused in Google's words, and leaves nothing behind`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("first")
            try await limit(["CPUS": "3"], in: cloud)
            let refused = try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("second"))
            #expect(refused.status == 403)
            #expect(refused.json["error"]?["errors"]?[0]?["reason"]?.string == "QUOTA_EXCEEDED")
            let message = "Quota 'CPUS' exceeded.  Limit: 3.0 in region europe-west1."
            #expect(refused.json["error"]?["message"]?.string == message)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/second").status == 404)
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/disks/second").status == 404)
            // The processors of a machine that is off are free for another, and then lacking for itself.
            try await cloud.perform("stop", "first")
            try await cloud.insert("second")
            #expect(try await cloud.api.post("\(ComputeCloud.instances)/first/start", json: "{}").status == 403)
            #expect(try await cloud.get("first")["status"]?.string == "TERMINATED")
            try await limit(["CPUS": "4"], in: cloud)
            try await cloud.perform("start", "first")
            #expect(try await cloud.get("first")["status"]?.string == "RUNNING")
        }
    }

    @Test func `bulk creation is within the quota as a whole, or makes nothing`() async throws {
        try await ComputeCloud.run { cloud in
            try await limit(["INSTANCES": "2"], in: cloud)
            func bulk(_ count: Int) async throws -> TestReply {
                var properties = try JSON(parsing: try ComputeCloud.body("x").data(using: .utf8) ?? .init())
                properties["name"] = nil
                let body: JSON = [
                    "count": .integer(Int64(count)), "namePattern": "many-#", "instanceProperties": properties,
                ]
                return try await cloud.api.post(ComputeCloud.instances + "/bulkInsert", json: body.text)
            }
            #expect(try await bulk(3).status == 403)
            let listed = try await cloud.api.get(ComputeCloud.instances).json
            #expect(listed["items"]?.array ?? [] == [])
            let operation = try await cloud.done(bulk(2))
            #expect(operation["error"] == nil)
        }
    }

    @Test func `networks, disks and their growth are limited; lowering a limit takes nothing away`() async throws {
        try await ComputeCloud.run { cloud in
            try await limit(["NETWORKS": "1", "SSD_TOTAL_GB": "30"], in: cloud)
            _ = try await cloud.api.get(ComputeCloud.project)
            let network = #"{"name": "own", "autoCreateSubnetworks": false}"#
            let refused = try await cloud.api.post(ComputeCloud.project + "/global/networks", json: network)
            #expect(refused.json["error"]?["message"]?.string == "Quota 'NETWORKS' exceeded.  Limit: 1.0 globally.")
            let disks = ComputeCloud.zone + "/disks"
            _ = try await cloud.done(cloud.api.post(disks, json: #"{"name": "data", "sizeGb": "20"}"#))
            #expect(try await cloud.api.post(disks, json: #"{"name": "more", "sizeGb": "20"}"#).status == 403)
            #expect(try await cloud.api.post(disks + "/data/resize", json: #"{"sizeGb": "31"}"#).status == 403)
            try await limit(["SSD_TOTAL_GB": "5"], in: cloud)
            #expect(try await cloud.api.post(disks + "/data/setLabels", json: #"{"labels": {"a": "b"}}"#).status == 200)
        }
    }

    @Test func `a limit that is none is refused`() async throws {
        try await ComputeCloud.run { cloud in
            for item in [#"{"key": "brume-quota-CPU", "value": "1"}"#, #"{"key": "brume-quota-CPUS", "value": "-1"}"#] {
                let path = ComputeCloud.project + "/setCommonInstanceMetadata"
                let reply = try await cloud.api.post(path, json: #"{"items": [\#(item)]}"#)
                #expect(reply.status == 400)
            }
        }
    }
}
