import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing

@Suite("metadata and ssh keys", .timeLimit(.minutes(1)))
struct MetadataTests {
    private static let path = ComputeCloud.project + "/setCommonInstanceMetadata"

    private func fingerprint(_ cloud: ComputeCloud) async throws -> String {
        let project = try await cloud.api.get(ComputeCloud.project).json
        return project["commonInstanceMetadata"]?["fingerprint"]?.string ?? ""
    }

    @Test func `the project's ssh keys are in running machines when the operation is done`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("open")
            try await cloud.insert("closed") {
                $0["metadata"] = ["items": [["key": "block-project-ssh-keys", "value": "TRUE"]]]
            }
            let before = cloud.inside.inputs(of: "users-up.sh").count
            let fingerprint = try await fingerprint(cloud)
            let body =
                #"{"fingerprint": "\#(fingerprint)", "items": [{"key": "ssh-keys", "value": "ada:ssh-rsa AAAA ada"}]}"#
            let operation = try await cloud.done(cloud.api.post(Self.path, json: body))
            #expect(operation["status"] == "DONE" && operation["operationType"] == "setCommonInstanceMetadata")
            let inputs = cloud.inside.inputs(of: "users-up.sh").dropFirst(before)
            #expect(inputs.count == 2)
            #expect(inputs.count { $0.contains("ada:ssh-rsa AAAA ada") } == 1)
        }
    }

    @Test func `an instance's own ssh keys are in it when the operation is done`() async throws {
        try await ComputeCloud.run { cloud in
            let fingerprint = try await cloud.insert("vm")["metadata"]?["fingerprint"]?.string ?? ""
            let item = #"{"key": "ssh-keys", "value": "root:ssh-ed25519 BBBB root"}"#
            try await cloud.perform(
                "setMetadata",
                "vm",
                json: #"{"fingerprint": "\#(fingerprint)", "items": [\#(item)]}"#
            )
            #expect(cloud.inside.inputs(of: "users-up.sh").last?.contains("root:ssh-ed25519 BBBB root") == true)
            let now = try await cloud.get("vm")["metadata"]
            #expect(now?["fingerprint"]?.string != fingerprint && now?["items"]?[0]?["key"] == "ssh-keys")
        }
    }

    /// gcloud reads every bytes field and writes it again in the URL-safe alphabet.
    @Test func `a fingerprint counts in the URL-safe alphabet too`() async throws {
        try await ComputeCloud.run { cloud in
            var differed = 0
            for _ in 0..<64 {
                let fingerprint = try await fingerprint(cloud)
                let urlSafe = fingerprint.replacing("+", with: "-").replacing("/", with: "_")
                if urlSafe != fingerprint { differed += 1 }
                let reply = try await cloud.api.post(Self.path, json: #"{"fingerprint": "\#(urlSafe)", "items": []}"#)
                #expect(reply.status == 200, "\(fingerprint) supplied as \(urlSafe)")
            }
            #expect(differed > 0)
        }
    }

    @Test func `metadata that somebody else changed meanwhile answers 412`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let stale = #"{"fingerprint": "c3RhbGU=", "items": [{"key": "a", "value": "b"}]}"#
            let labels = #"{"labelFingerprint": "c3RhbGU=", "labels": {"a": "b"}}"#
            let tags = #"{"fingerprint": "c3RhbGU=", "items": ["web"]}"#
            let vm = "\(ComputeCloud.instances)/vm"
            for (path, json) in [
                ("\(vm)/setMetadata", stale), (Self.path, stale), ("\(vm)/setLabels", labels), ("\(vm)/setTags", tags),
            ] {
                let reply = try await cloud.api.post(path, json: json)
                #expect(reply.status == 412 && reply.reason == "conditionNotMet", "\(reply.text)")
            }
            #expect(try await cloud.get("vm")["metadata"]?["items"] == nil)
        }
    }

    @Test func `a machine's host key is its guest attribute; what is not there is named as Google names it`()
        async throws
    {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let path = "\(ComputeCloud.instances)/vm/getGuestAttributes?queryPath="
            let items = try await cloud.api.get(path + "hostkeys/").json["queryValue"]?["items"]
            #expect(items == [["namespace": "hostkeys", "key": "ssh-ed25519", "value": "AAAAhost"]])
            let reply = try await cloud.api.get(path + "none/")
            #expect(reply.status == 404)
            #expect(reply.message == "The resource 'none/' of type 'Guest Attribute' was not found.")
        }
    }

    @Test func `the serial port is what the machine has written, from a byte on`() async throws {
        try await ComputeCloud.run { cloud in
            let workload = ComputeCloud.workload(try await cloud.insert("vm"))
            await cloud.engine.print("Welcome", as: workload)
            let path = "\(ComputeCloud.instances)/vm/serialPort?port=1"
            let all = try await cloud.api.get(path).json
            #expect(all["contents"] == "Welcome\n" && all["start"] == "0" && all["next"] == "8")
            let rest = try await cloud.api.get(path + "&start=3").json
            #expect(rest["contents"] == "come\n" && rest["next"] == "8")
        }
    }
}
