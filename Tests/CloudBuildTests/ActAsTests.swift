import APIServer
import BrumeTesting
import CloudBuild
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

@Suite("iam.serviceAccounts.actAs", .timeLimit(.minutes(1)))
struct ActAsTests {
    private static let account = "projects/demo/serviceAccounts/boss@demo.iam.gserviceaccount.com"

    @Test(arguments: [
        ("builds", #"{"steps": [{"name": "alpine"}], "serviceAccount": "\#(account)"}"#),
        (
            "triggers",
            #"{"name": "t", "triggerTemplate": {"repoName": "repo", "branchName": "x"}, "serviceAccount": "\#(account)"}"#
        ),
        (
            "triggers",
            #"{"name": "t", "triggerTemplate": {"repoName": "repo", "branchName": "x"}, "build": {"steps": [{"name": "alpine"}], "serviceAccount": "\#(account)"}}"#
        ),
    ])
    func `builds and triggers may name an account only for callers who may act as it`(
        collection: String,
        json: String
    ) async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: engine, store, authorizer: NobodyActs()) { builds in
            let path = "/cloudbuild/v1/projects/demo/\(collection)"
            let reply = try await builds.api.post(path, json: json)
            #expect(reply.status == 403 && reply.message?.contains("actAs") == true, "\(reply.text)")
            #expect(try await builds.api.get(path).json[collection] == nil)
        }
    }

    @Test func `a repository's own file does not choose the account`() async throws {
        let code = ScriptedSource()
        let config = "serviceAccount: \(Self.account)\nsteps:\n- name: alpine\n"
        code.commit("aaaaaaaa1", to: "refs/heads/main", files: ["cloudbuild.yaml": config])
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: engine, store, code: code) { builds in
            let triggers = "/cloudbuild/v1/projects/demo/triggers"
            let made = try await builds.api.post(
                triggers,
                json: #"{"name": "t", "triggerTemplate": {"repoName": "app", "branchName": "^main$"}}"#
            )
            #expect(made.status == 200, "\(made.text)")
            let run = try await builds.api.post("\(triggers)/t:run", json: #"{"branchName": "main"}"#)
            #expect(run.status == 400 && run.message?.contains("only the trigger may") == true, "\(run.text)")
        }
    }

    @Test func `without a name a build acts as the project's own account, and needs no leave`() async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: engine, store, authorizer: NobodyActs()) { builds in
            let plain = #"{"steps": [{"name": "alpine"}]}"#
            let reply = try await builds.api.post("/cloudbuild/v1/projects/demo/builds", json: plain)
            #expect(reply.status == 200)
        }
    }
}
