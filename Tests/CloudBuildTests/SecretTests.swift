import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.builds: secrets", .timeLimit(.minutes(1)))
struct SecretTests {
    private static let hook = #"{"versionName": "projects/$PROJECT_ID/secrets/hook/versions/1", "env": "WORD"}"#

    private static func build(_ secrets: String, steps: String) -> String {
        #"{"steps": [\#(steps)], "availableSecrets": {"secretManager": [\#(secrets)]}}"#
    }

    @Test func `only the step that names a secret has it, and the build's resource never shows it`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun(where: { _ in true }) { step in
                await step.print("word: \(step.spec.environment["WORD"] ?? "none")")
                return Exit(code: 0)
            }
            let id = try await builds.create(
                Self.build(Self.hook, steps: #"{"name": "alpine", "secretEnv": ["WORD"]}, {"name": "alpine"}"#)
            )
            let build = try await builds.ended(id)
            #expect(build["status"] == "SUCCESS")
            let log = builds.log(id)
            #expect(log.contains("Step #0: word: open sesame\n") && log.contains("Step #1: word: none\n"))
            #expect(String(decoding: try build.data(), as: UTF8.self).contains("sesame") == false)
        }
    }

    @Test func `options give a secret to every step`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun(where: { _ in true }) { step in
                await step.print("word: \(step.spec.environment["WORD"] ?? "none")")
                return Exit(code: 0)
            }
            let id = try await builds.create(
                """
                {"steps": [{"name": "alpine"}], "options": {"secretEnv": ["WORD"]},
                 "availableSecrets": {"secretManager": [\(Self.hook)]}}
                """
            )
            _ = try await builds.ended(id)
            #expect(builds.log(id).contains("word: open sesame\n"))
        }
    }

    @Test(arguments: [
        ("closed", "code = PermissionDenied desc = Permission 'secretmanager.versions.access' denied"),
        ("gone", "code = NotFound desc = Secret"), ("raw", "code = InvalidArgument"),
    ])
    func `a secret that the build's account may not read fails the build before any step`(
        secret: String,
        why: String
    ) async throws {
        try await withBuilds { builds in
            let version = "projects/demo/secrets/\(secret)/versions/1"
            let id = try await builds.create(
                Self.build(
                    #"{"versionName": "\#(version)", "env": "WORD"}"#,
                    steps: #"{"name": "alpine", "secretEnv": ["WORD"]}"#
                )
            )
            let build = try await builds.ended(id)
            #expect(build["status"] == "FAILURE" && build["steps"]?[0]?["status"] == nil)
            let log = builds.log(id)
            #expect(log.contains("ERROR: failed to access secret version for secret \(version): rpc error: \(why)"))
        }
    }

    @Test(arguments: [
        ("", #"{"name": "alpine", "secretEnv": ["WORD"]}"#, "used without being defined"),
        (hook, #"{"name": "alpine"}"#, "defined without being used"),
        ("\(hook), \(hook)", #"{"name": "alpine", "secretEnv": ["WORD"]}"#, "defined more than once"),
        (hook, #"{"name": "alpine", "secretEnv": ["WORD"], "env": ["WORD=x"]}"#, "secret and non-secret env"),
        (#"{"env": "WORD"}"#, #"{"name": "alpine", "secretEnv": ["WORD"]}"#, "no versionName"),
    ])
    func `what does not fit together is refused`(secrets: String, steps: String, why: String) async throws {
        try await withBuilds { builds in
            let reply = try await builds.api.post(
                "/cloudbuild/v1/projects/demo/builds",
                json: Self.build(secrets, steps: steps)
            )
            #expect(reply.status == 400 && reply.message?.contains(why) == true, "\(reply.text)")
        }
    }

    @Test(arguments: [
        #""availableSecrets": {"inline": [{"kmsKeyName": "k", "envMap": {"WORD": "eA=="}}]}"#,
        #""secrets": [{"kmsKeyName": "k", "secretEnv": {"WORD": "eA=="}}]"#,
    ])
    func `secrets encrypted by Cloud KMS are refused in words`(field: String) async throws {
        try await withBuilds { builds in
            let reply = try await builds.api.post(
                "/cloudbuild/v1/projects/demo/builds",
                json: #"{"steps": [{"name": "alpine", "secretEnv": ["WORD"]}], \#(field)}"#
            )
            #expect(reply.status == 501 && reply.message?.contains("Cloud KMS") == true)
        }
    }
}
