import BrumeTesting
import GoogleAPI
import SimulatedEngine
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
            // Again once it runs: who may log in may have changed while it started.
            let login = "ada_example_com:ssh-ed25519 AAAAlogin\n"
            #expect(cloud.inside.inputs(of: "users-up.sh") == [login, login])
            try await cloud.insert("off") { $0["metadata"] = ["items": [keys]] }
            let given = cloud.inside.inputs(of: "users-up.sh")
            #expect(given.count == 3 && given[2].contains("AAAAbob") && !given[2].contains("AAAAlogin"))
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

    @Test func `sshd is told when a key of the metadata ends, and what says so wrongly lets nobody in`() async throws {
        try await ComputeCloud.run { cloud in
            let lines = [
                #"ada:ssh-rsa AAAA google-ssh {"userName":"ada","expireOn":"2026-01-02T03:04:05+0000"}"#,
                #"eve:ssh-rsa BBBB google-ssh {"userName":"eve","expireOn":"2026-01-02T03:04:05.5+02:00"}"#,
                #"bob:ssh-rsa CCCC google-ssh {"userName":"bob","expireOn":"soon"}"#, "cyd:ssh-rsa DDDD google-ssh",
                "dan:ssh-rsa EEEE dan@laptop",
            ]
            let item: JSON = ["key": "ssh-keys", "value": .string(lines.joined(separator: "\r\n"))]
            try await cloud.insert("vm") { $0["metadata"] = ["items": [item]] }
            let given = cloud.inside.inputs(of: "users-up.sh").last?.split(separator: "\n") ?? []
            #expect(
                given.map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == [
                    #"ada:expiry-time="20260102030405Z" ssh-rsa AAAA"#,
                    #"eve:expiry-time="20260102010405Z" ssh-rsa BBBB"#, "dan:ssh-rsa EEEE dan@laptop",
                ]
            )
        }
    }

    @Test func `a policy on a machine with OS Login counts for its users at once`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("off")
            try await cloud.insert("on") {
                $0["metadata"] = ["items": [["key": "enable-oslogin", "value": "TRUE"]]]
            }
            let before = cloud.inside.inputs(of: "users-up.sh").count
            let policy = #"{"policy": {"bindings": [{"role": "roles/compute.osLogin", "members": ["user:a@b.c"]}]}}"#
            for name in ["off", "on"] {
                let reply = try await cloud.api.post("\(ComputeCloud.instances)/\(name)/setIamPolicy", json: policy)
                #expect(reply.status == 200, "\(reply.text)")
            }
            #expect(cloud.inside.inputs(of: "users-up.sh").count == before + 1)
            // What changes while a machine is suspended counts when it goes on.
            _ = try await cloud.done(cloud.api.post("\(ComputeCloud.instances)/on/suspend"))
            #expect(try await cloud.api.post("\(ComputeCloud.instances)/on/setIamPolicy", json: policy).status == 200)
            #expect(cloud.inside.inputs(of: "users-up.sh").count == before + 1)
            _ = try await cloud.done(cloud.api.post("\(ComputeCloud.instances)/on/resume"))
            #expect(cloud.inside.inputs(of: "users-up.sh").count == before + 2)
            // A machine that cannot be told keeps no change of a policy from its answer.
            await cloud.engine.goAway()
            #expect(try await cloud.api.post("\(ComputeCloud.instances)/on/setIamPolicy", json: policy).status == 200)
            #expect(cloud.inside.inputs(of: "users-up.sh").count == before + 2)
            await cloud.engine.comeBack()
        }
    }
}
