import BrumeTesting
import CloudBuild
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.projects.triggers.webhook", .timeLimit(.minutes(1)))
struct WebhookTests {
    private static let triggers = "/cloudbuild/v1/projects/demo/triggers"

    /// Waits for the one build that a webhook starts, and for its end.
    private func build(of builds: TestBuilds) async throws -> JSON {
        while true {
            let list = try await builds.api.get("/cloudbuild/v1/projects/demo/builds").json["builds"]?.array ?? []
            if let id = list.first?["id"]?.string { return try await builds.ended(id) }
            await Task.yield()
        }
    }

    @Test func `what a caller sends is text, and names no other value`() async throws {
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: SimulatedEngine(images: ["alpine"]), store) { builds in
            let made = try await builds.api.post(
                Self.triggers,
                json: #"""
                    {"name": "t", "webhookConfig": {"secret": "projects/demo/secrets/hook/versions/1"},
                     "substitutions": {"_WORD": "$(body.word)", "_HIDDEN": "hidden"},
                     "build": {"steps": [{"name": "alpine", "args": ["$_WORD"]}]}}
                    """#
            )
            #expect(made.status == 200, "\(made.text)")
            let refused = try await builds.api.post("\(Self.triggers)/t:webhook?secret=guess", json: "{}")
            #expect([401, 403].contains(refused.status), "\(refused.text)")
            let sent = try await builds.api.post(
                "\(Self.triggers)/t:webhook?secret=open%20sesame",
                json: #"{"word": "a $_HIDDEN ${_HIDDEN} ${X@Q} $$ $(body.word)"}"#
            )
            #expect(sent.status == 200, "\(sent.text)")
            let build = try await build(of: builds)
            #expect(build["steps"]?[0]?["args"]?[0] == "a $_HIDDEN ${_HIDDEN} ${X@Q} $$ $(body.word)", "\(build)")
        }
    }
}
