import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("fields that Brume lacks", .timeLimit(.minutes(1)))
struct LackingFieldTests {
    @Test(arguments: [
        (#"{"networkInterfaces": [{}, {"network": "global/networks/default"}]}"#, "networkInterfaces[1]"),
        (
            #"{"networkInterfaces": [{"aliasIpRanges": [{"ipCidrRange": "/28"}]}]}"#,
            "networkInterfaces[0].aliasIpRanges"
        ),
        (#"{"networkInterfaces": [{"stackType": "IPV4_IPV6"}]}"#, "networkInterfaces[0].stackType"),
        (#"{"reservationAffinity": {"consumeReservationType": "SPECIFIC_RESERVATION"}}"#, "reservationAffinity"),
        (#"{"scheduling": {"nodeAffinities": [{"key": "k"}]}}"#, "scheduling.nodeAffinities"),
        (#"{"resourcePolicies": ["p"]}"#, "resourcePolicies"),
        (#"{"confidentialInstanceConfig": {"enableConfidentialCompute": true}}"#, "confidentialInstanceConfig"),
        (#"{"advancedMachineFeatures": {"threadsPerCore": 1}}"#, "advancedMachineFeatures"),
    ])
    func `an instance that asks for one is refused by its name, and leaves nothing`(asked: String, field: String)
        async throws
    {
        let fields = try #require(try JSON(parsing: Data(asked.utf8)).object)
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("vm") { $0.merge(.object(fields)) }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 501 && reply.text.contains("'resource.\(field)"), "\(reply.text)")
            #expect(try await cloud.api.get(ComputeCloud.zone + "/disks").json["items"] == [])
            // What says nothing, or what Brume does anyway, is no reason.
            _ = try await cloud.insert("usual") {
                $0["networkInterfaces"] = [["stackType": "IPV4_ONLY", "aliasIpRanges": []]]
                $0["reservationAffinity"] = ["consumeReservationType": "ANY_RESERVATION"]
                $0["confidentialInstanceConfig"] = ["enableConfidentialCompute": false]
                // As Terraform writes a scheduling of which little is said.
                $0["scheduling"] = ["nodeAffinities": [.null], "onHostMaintenance": ""]
            }
        }
    }

    @Test(arguments: [
        ("diskEncryptionKey", #"{"kmsKeyName": "k"}"#), ("initializeParams.storagePool", #""s""#),
        ("initializeParams.resourcePolicies", #"["p"]"#), ("source", #""regions/europe-west1/disks/d""#),
    ])
    func `so is an instance for what its disk asks for`(field: String, value: String) async throws {
        let value = try JSON(parsing: Data(value.utf8))
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("vm") { instance in
                var disk = instance["disks"]?[0] ?? [:]
                let path = field.split(separator: ".").map(String.init)
                if path.count == 1 { disk[path[0]] = value } else { disk[path[0]]?[path[1]] = value }
                instance["disks"] = [disk]
            }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 501 && reply.text.contains("'resource.disks[0].\(field)'"), "\(reply.text)")
            let template: JSON = ["name": "t", "properties": try JSON(parsing: Data(body.utf8))]
            guard field != "source" else { return }
            let kept = try await cloud.api.post(ComputeCloud.project + "/global/instanceTemplates", json: template.text)
            #expect(kept.status == 501 && kept.text.contains("'resource.properties.disks[0].\(field)'"), "\(kept.text)")
        }
    }

    @Test(arguments: [
        ("zones/europe-west1-b/disks", #"{"diskEncryptionKey": {"kmsKeyName": "k"}}"#, "diskEncryptionKey"),
        ("zones/europe-west1-b/disks", #"{"sourceInstantSnapshot": "s"}"#, "sourceInstantSnapshot"),
        ("global/images", #"{"rawDisk": {"source": "https://storage.googleapis.com/b/o.tar.gz"}}"#, "rawDisk"),
        ("global/images", #"{"licenses": ["l"]}"#, "licenses"),
        ("global/snapshots", #"{"chainName": "c"}"#, "chainName"),
        ("global/instanceTemplates", #"{"sourceInstance": "vm"}"#, "sourceInstance"),
        (
            "regions/europe-west1/subnetworks", #"{"secondaryIpRanges": [{"rangeName": "pods"}]}"#,
            "secondaryIpRanges"
        ),
    ])
    func `so are other resources`(path: String, asked: String, field: String) async throws {
        try await ComputeCloud.run { cloud in
            var body = try JSON(parsing: Data(asked.utf8))
            body["name"] = "odd"
            let reply = try await cloud.api.post("\(ComputeCloud.project)/\(path)", json: body.text)
            #expect(reply.status == 501 && reply.text.contains("'resource.\(field)'"), "\(reply.text)")
            #expect(try await cloud.api.get("\(ComputeCloud.project)/\(path)/odd").status == 404)
        }
    }

    @Test(arguments: [
        ("containers: [{image: busybox, securityContext: {privileged: true}}]", "securityContext.privileged"),
        (
            "containers: [{image: busybox}], volumes: [{name: p, gcePersistentDisk: {pdName: d, partition: 1}}]",
            "volumes[p].gcePersistentDisk.partition"
        ),
        ("containers: [{image: busybox}], volumes: [{name: h, hostPath: {path: /tmp}}]", "volumes[h]"),
    ])
    func `so is a container's declaration`(spec: String, field: String) async throws {
        try await ComputeCloud.run { cloud in
            let item: JSON = ["key": "gce-container-declaration", "value": .string("spec: {\(spec)}")]
            let body = try ComputeCloud.body("vm") { $0["metadata"] = ["items": [item]] }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 501 && reply.text.contains("gce-container-declaration].\(field)"), "\(reply.text)")
        }
    }

    @Test(arguments: ["data", "/", "/data/", "/a//b", "/a/../b", "/a b", "/a:b"])
    func `a path that is no plain one is refused`(path: String) async throws {
        try await ComputeCloud.run { cloud in
            let spec = "containers: [{image: busybox, volumeMounts: [{name: d, mountPath: '\(path)'}]}]"
            let item: JSON = ["key": "gce-container-declaration", "value": .string("spec: {\(spec)}")]
            let body = try ComputeCloud.body("vm") { $0["metadata"] = ["items": [item]] }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400 && reply.text.contains("mountPath"), "\(reply.text)")
        }
    }
}
