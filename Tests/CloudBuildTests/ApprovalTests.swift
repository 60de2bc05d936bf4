import BrumeTesting
import CloudBuild
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.builds.approve", .timeLimit(.minutes(1)))
struct ApprovalTests {
    private static let builds = "/cloudbuild/v1/projects/demo/builds"
    private static let triggers = "/cloudbuild/v1/projects/demo/triggers"

    /// Runs a trigger once, whose builds may need somebody's word.
    private func withTriggeredBuild(
        needingApproval: Bool = true,
        _ body: @escaping @Sendable (TestBuilds, _ id: String) async throws -> Void
    ) async throws {
        let code = ScriptedSource()
        let config = "steps:\n- name: alpine\n  args: ['$BRANCH_NAME', '$COMMIT_SHA', '$_WORD']\n"
        code.commit("aaaaaaaa1", to: "refs/heads/main", files: ["cloudbuild.yaml": config])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: SimulatedEngine(images: ["alpine"]), store, code: code) { builds in
            let made = try await builds.api.post(
                Self.triggers,
                json: """
                    {"name": "t", "triggerTemplate": {"repoName": "app", "branchName": "^main$"},
                     "filename": "cloudbuild.yaml", "substitutions": {"_WORD": "fog"},
                     "approvalConfig": {"approvalRequired": \(needingApproval)}}
                    """
            )
            #expect(made.status == 200, "\(made.text)")
            let run = try await builds.api.post("\(Self.triggers)/t:run", json: #"{"branchName": "main"}"#)
            let id = try #require(run.json["metadata"]?["build"]?["id"]?.string, "\(run.text)")
            try await body(builds, id)
        }
    }

    @Test func `an approved build runs, once`() async throws {
        try await withTriggeredBuild { builds, id in
            #expect(try await builds.get(id)["status"] == "PENDING")
            let approve = #"{"approvalResult": {"decision": "APPROVED", "comment": "fine"}}"#
            let approved = try await builds.api.post("\(Self.builds)/\(id):approve", json: approve)
            #expect(approved.status == 200)
            let ended = try await builds.ended(id)
            #expect(ended["status"] == "SUCCESS" && ended["approval"]?["state"] == "APPROVED")
            #expect(ended["approval"]?["result"]?["approverAccount"] == "owner@example.com")
            let again = try await builds.api.post("\(Self.builds)/\(id):approve", json: approve)
            #expect(again.status == 400 && again.message?.contains("does not wait") == true)
        }
    }

    @Test func `a rejected build never runs, nor does one that is cancelled while it waits`() async throws {
        try await withTriggeredBuild { builds, id in
            let reject = #"{"approvalResult": {"decision": "REJECTED"}}"#
            let rejected = try await builds.api.post("\(Self.builds)/\(id):approve", json: reject)
            #expect(rejected.status == 200)
            #expect(try await builds.get(id)["status"] == "CANCELLED")
        }
        try await withTriggeredBuild { builds, id in
            let cancelled = try await builds.api.post("\(Self.builds)/\(id):cancel")
            #expect(cancelled.status == 200)
            #expect(try await builds.get(id)["status"] == "CANCELLED")
        }
    }

    @Test func `a word that is none is refused`() async throws {
        try await withTriggeredBuild { builds, id in
            let reply = try await builds.api.post("\(Self.builds)/\(id):approve", json: "{}")
            #expect(reply.status == 400)
            #expect(try await builds.get(id)["status"] == "PENDING")
        }
    }

    @Test func `a retry has what the trigger had filled in`() async throws {
        try await withTriggeredBuild(needingApproval: false) { builds, id in
            let first = try await builds.ended(id)
            let retried = try await builds.api.post("\(Self.builds)/\(id):retry")
            let next = try #require(retried.json["metadata"]?["build"]?["id"]?.string, "\(retried.text)")
            let second = try await builds.ended(next)
            #expect(next != id && second["steps"]?[0]?["args"] == ["main", "aaaaaaaa1", "fog"])
            #expect(second["buildTriggerId"] == first["buildTriggerId"] && second["status"] == "SUCCESS")
        }
    }
}
