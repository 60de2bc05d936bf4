import BrumeTesting
import GoogleAPI
import Testing

@Suite("OS Login", .timeLimit(.minutes(1)))
struct LoginTests {
    @Test func `with OS Login the keys of the metadata let nobody in, and without it those of profiles do not`()
        async throws
    {
        try await ComputeCloud.run { cloud in
            let keys: JSON = ["key": "ssh-keys", "value": "bob:ssh-ed25519 AAAAbob"]
            try await cloud.insert("on") {
                $0["metadata"] = ["items": [keys, ["key": "enable-oslogin", "value": "TRUE"]]]
            }
            #expect(cloud.inside.inputs(of: "users-up.sh") == ["ada_example_com:ssh-ed25519 AAAAlogin\n"])
            try await cloud.insert("off") { $0["metadata"] = ["items": [keys]] }
            let given = cloud.inside.inputs(of: "users-up.sh")
            #expect(given.count == 2 && given[1].contains("AAAAbob") && !given[1].contains("AAAAlogin"))
        }
    }

    @Test func `a project turns it on for all its machines but those that say otherwise`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            try await cloud.insert("own") { $0["metadata"] = ["items": [["key": "enable-oslogin", "value": "FALSE"]]] }
            let path = "\(ComputeCloud.project)/setCommonInstanceMetadata"
            let on = #"{"items": [{"key": "enable-oslogin", "value": "TRUE"}]}"#
            _ = try await cloud.done(cloud.api.post(path, json: on))
            let given = cloud.inside.inputs(of: "users-up.sh").suffix(2).filter { $0.contains("AAAAlogin") }
            #expect(given.count == 1)
        }
    }
}
