import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("labels", .timeLimit(.minutes(1)))
struct LabelTests {
    static let wrong: [(labels: JSON, says: String)] = [
        (["Team": "a"], "Label key 'Team' violates format constraints"),
        (["1st": "a"], "Label key '1st' violates format constraints"),
        (["": "a"], "Label key '' violates format constraints"),
        ([String(repeating: "k", count: 64): "a"], "at most 63 characters"),
        (["team": "Red Team"], "Label value 'Red Team' violates format constraints"),
        (["team": .string(String(repeating: "v", count: 64))], "Label value 'vvv"),
        (.object(Dictionary(uniqueKeysWithValues: (0..<65).map { ("k\($0)", .string("v")) })), "maximum of 64"),
    ]

    @Test(arguments: wrong.indices)
    func `labels against the rules are refused wherever they are given`(index: Int) async throws {
        let (labels, says) = Self.wrong[index]
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let disk: JSON = ["name": "never", "sizeGb": "10", "labels": labels]
            let copy: JSON = ["name": "never", "sourceDisk": "zones/europe-west1-b/disks/vm", "labels": labels]
            var properties = try JSON(parsing: Data(ComputeCloud.body("x").utf8))
            properties["labels"] = labels
            let template: JSON = ["name": "never", "properties": properties]
            let (zone, global) = (ComputeCloud.zone, ComputeCloud.project + "/global")
            for (path, body) in [
                (ComputeCloud.instances, try ComputeCloud.body("never") { $0["labels"] = labels }),
                (ComputeCloud.instances + "/vm/setLabels", (["labels": labels] as JSON).text),
                ("\(zone)/disks", disk.text), ("\(zone)/disks/vm/setLabels", (["labels": labels] as JSON).text),
                ("\(global)/images?forceCreate=true", copy.text), ("\(global)/snapshots", copy.text),
                ("\(global)/instanceTemplates", template.text),
            ] {
                let reply = try await cloud.api.post(path, json: body)
                #expect(reply.status == 400 && reply.text.contains(says), "\(path): \(reply.text)")
            }
        }
    }

    @Test func `letters of any language, digits, dashes and empty values are fine`() async throws {
        try await ComputeCloud.run { cloud in
            let labels: JSON = ["größe": "groß_2", "名前": "", "a-1": "1-a"]
            let instance = try await cloud.insert("vm") { $0["labels"] = labels }
            #expect(instance["labels"] == labels)
        }
    }

    @Test(arguments: ["", "global/networks/default"])
    func `a subnetwork that is not there is named`(network: String) async throws {
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("never") {
                $0["networkInterfaces"] = [
                    ["network": .string(network), "subnetwork": "regions/europe-west1/subnetworks/nope"]
                ]
            }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 400)
            #expect(reply.text.contains("'projects/demo/regions/europe-west1/subnetworks/nope'"), "\(reply.text)")
            #expect(reply.text.contains("networkInterfaces[0].subnetwork"))
        }
    }
}
