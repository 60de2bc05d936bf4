import BrumeTesting
import CloudBuild
import Foundation
import GRDB
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

private let triggers = "/cloudbuild/v1/projects/demo/triggers"
private let app = SourceName(project: "demo", repository: "app")

extension TestBuilds {
    /// Creates a trigger of the repository `app`.
    fileprivate func trigger(_ name: String, _ template: String, more: String = "") async throws -> TestReply {
        try await api.post(
            triggers,
            json:
                #"{"name": "\#(name)", "triggerTemplate": {"repoName": "app", \#(template)}, \#(more) "build": {"steps": [{"name": "alpine"}]}}"#
        )
    }

    fileprivate func record(_ reference: String, from old: String? = nil, to new: String? = "c1") async throws {
        try await store.database.write { [events] db in
            try events.recordPush(to: app, reference: reference, from: old, to: new, at: Date(), in: db)
        }
    }

    /// Tells of a push, and waits until all of its builds are rows; the triggers that built, sorted.
    fileprivate func push(_ reference: String, from old: String? = nil, to new: String? = "c1") async throws -> [String]
    {
        try await record(reference, from: old, to: new)
        events.wake()
        return try await settled()
    }

    fileprivate func settled() async throws -> [String] {
        while try await store.database.read({ try Int.fetchOne($0, sql: "SELECT count(*) FROM build_events") }) != 0 {
            await Task.yield()
        }
        let builds = try await api.get("/cloudbuild/v1/projects/demo/builds").json["builds"]?.array ?? []
        return builds.compactMap { $0["substitutions"]?["TRIGGER_NAME"]?.string }.sorted()
    }
}

private func withTriggers(_ code: ScriptedSource, _ body: (TestBuilds) async throws -> Void) async throws {
    let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
    try await withBuilds(on: SimulatedEngine(images: ["alpine"]), store, code: code, body)
}

@Suite("cloudbuild.projects.triggers: which pushes build", .timeLimit(.minutes(1)))
struct TriggerTests {
    @Test(arguments: [
        ("^main$", "main", true), ("^main$", "maintenance", false), ("main", "feature-main-2", true),
        (".*", "anything/at-all", true), ("^[^/]+$", "a/b", false), ("^(dev|release/.*)$", "release/1.0", true),
        ("^(dev|release/.*)$", "develop", false), ("^feature/[a-z0-9-]{3,}$", "feature/ab", false),
        ("^feature/[a-z0-9-]{3,}$", "feature/ab-3", true), ("(?i)^MAIN$", "main", true), ("^MAIN$", "main", false),
        (#"\bhot\b"#, "x-hot-y", true), (#"\bhot\b"#, "shot", false), (#"^v\d+\.\d+$"#, "v1.20", true),
        (#"^v\d+\.\d+$"#, "v1x20", false), ("^a?b+c*$", "bbb", true), ("^a?b+c*$", "aabb", false),
        ("^(?:x|yy){2}$", "xyy", true), ("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ("^.ä$", "öä", true), (#"^\Q[x]\E$"#, "[x]", true),
    ])
    func `a branch's name is searched for the pattern`(pattern: String, branch: String, isBuilt: Bool) async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/\(branch)", files: ["a": "b"])
        try await withTriggers(code) { builds in
            let text = String(decoding: try JSON.string(pattern).data(), as: UTF8.self)
            let made = try await builds.trigger("t", #""branchName": \#(text)"#)
            #expect(made.status == 200, "\(made.text)")
            let inverted = try await builds.trigger("u", #""branchName": \#(text), "invertRegex": true"#)
            #expect(inverted.status == 200)
            let built = try await builds.push("refs/heads/\(branch)")
            #expect(built == [isBuilt ? "t" : "u"])
        }
    }

    @Test(arguments: ["(", "a)", "[z-a]", "*a", "a**", #"(a)\\1"#, "(?=a)", "a{1001}", "[a", #"\\"#])
    func `a pattern that is none of RE2's is refused`(pattern: String) async throws {
        try await withTriggers(ScriptedSource()) { builds in
            let made = try await builds.trigger("t", #""branchName": "\#(pattern)""#)
            #expect(made.status == 400 && made.message?.contains("error parsing regexp") == true, "\(made.text)")
        }
    }

    @Test func `tags and branches are told apart, and a deleted one builds nothing`() async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/tags/v1", files: ["a": "b"])
        code.commit("c1", to: "refs/heads/v1", files: ["a": "b"])
        try await withTriggers(code) { builds in
            _ = try await builds.trigger("branch", #""branchName": "v1""#)
            _ = try await builds.trigger("tag", #""tagName": "v1""#)
            #expect(try await builds.push("refs/tags/v1") == ["tag"])
            #expect(try await builds.push("refs/heads/v1", from: "c1", to: nil) == ["tag"])
            #expect(try await builds.push("refs/heads/v1") == ["branch", "tag"])
        }
    }

    @Test(arguments: [
        (#""includedFiles": ["src/**"],"#, ["src/a/b.py"], true), (#""includedFiles": ["src/**"],"#, ["docs/a"], false),
        (#""includedFiles": ["src/*"],"#, ["src/a/b.py"], false), (#""includedFiles": ["*.py"],"#, ["a.py"], true),
        (#""includedFiles": ["**/*.py"],"#, ["a.py"], true), (#""ignoredFiles": ["docs/**"],"#, ["docs/a"], false),
        (#""ignoredFiles": ["docs/**"],"#, ["docs/a", "src/b"], true),
        (#""ignoredFiles": ["**.md"], "includedFiles": ["src/**"],"#, ["src/a.md"], false),
        (#""ignoredFiles": ["**.md"], "includedFiles": ["src/**"],"#, ["src/a.md", "b.py"], false),
        (#""includedFiles": ["a?c.[ch]"],"#, ["abc.h"], true), (#""includedFiles": ["a?c.[ch]"],"#, ["abc.x"], false),
        (#""includedFiles": ["a.b"],"#, ["axb"], false), (#""includedFiles": ["x"],"#, [], true),
    ])
    func `changed files decide`(filter: String, changed: [String], isBuilt: Bool) async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/main", files: ["a": "b"], changed: changed)
        try await withTriggers(code) { builds in
            let made = try await builds.trigger("t", #""branchName": "main""#, more: filter)
            #expect(made.status == 200)
            let built = try await builds.push("refs/heads/main", from: "c0")
            #expect(built == (isBuilt ? ["t"] : []))
        }
    }

    @Test func `a commit that asks not to be built is not, and neither is a disabled trigger's`() async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/main", files: ["a": "b"], message: "typo [Skip CI]")
        code.commit("c2", to: "refs/heads/dev", files: ["a": "b"])
        try await withTriggers(code) { builds in
            _ = try await builds.trigger("on", #""branchName": ".*""#)
            _ = try await builds.trigger("off", #""branchName": ".*""#, more: #""disabled": true,"#)
            #expect(try await builds.push("refs/heads/main") == [])
            #expect(try await builds.push("refs/heads/dev", to: "c2") == ["on"])
        }
    }

    @Test func `the badge shows how the last build went, of all branches or of one`() async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/main", files: ["a": "b"])
        code.commit("c2", to: "refs/heads/dev", files: ["a": "b"])
        try await withTriggers(code) { builds in
            func badge(_ query: String = "") async throws -> String {
                let reply = try await builds.api.get("\(triggers)/t:badge\(query)")
                #expect(reply.status == 200 && reply.text.hasPrefix("<svg "))
                return String(reply.text.firstMatch(of: /<title>(.*)<\/title>/)?.1 ?? "")
            }
            func untilEnded() async throws {
                let list = try await builds.api.get("/cloudbuild/v1/projects/demo/builds").json["builds"]?.array ?? []
                for build in list { _ = try await builds.ended(build["id"]?.string ?? "") }
            }
            _ = try await builds.trigger("t", #""branchName": ".*""#)
            #expect(try await badge() == "build: no build")
            _ = try await builds.push("refs/heads/main")
            try await untilEnded()
            #expect(try await badge() == "build: passing")
            await builds.engine.whenRun("alpine") { _ in Exit(code: 1) }
            _ = try await builds.push("refs/heads/dev", to: "c2")
            try await untilEnded()
            #expect(try await badge() == "build: failing")
            #expect(try await badge("?branch=main") == "build: passing")
            #expect(try await builds.api.get("\(triggers)/none:badge").status == 404)
        }
    }

    @Test func `the status of a commit is that of the last build of each trigger`() async throws {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/main", files: ["a": "b"])
        try await withTriggers(code) { builds in
            func status(of commit: String = "c1") async throws -> JSON {
                try await builds.api.get("/cloudbuild/v1/projects/demo/repos/app/commits/\(commit)/status").json
            }
            func untilEnded() async throws {
                let list = try await builds.api.get("/cloudbuild/v1/projects/demo/builds").json["builds"]?.array ?? []
                for build in list { _ = try await builds.ended(build["id"]?.string ?? "") }
            }
            _ = try await builds.trigger("good", #""branchName": "main""#)
            let none = try await status()
            #expect(none["state"] == "pending" && none["total_count"] == 0)
            _ = try await builds.push("refs/heads/main")
            try await untilEnded()
            let good = try await status()
            #expect(good["state"] == "success" && good["statuses"]?[0]?["context"] == "good")
            await builds.engine.whenRun("alpine") { _ in Exit(code: 1) }
            _ = try await builds.trigger("bad", #""branchName": "main""#)
            _ = try await builds.push("refs/heads/main")
            try await untilEnded()
            let both = try await status()
            #expect(both["state"] == "failure" && both["total_count"] == 2)
            let other = try await status(of: "c2")
            #expect(other["total_count"] == 0)
        }
    }

    @Test
    func `a push that the daemon did not live to build starts one build in its next run, and none in the one after`()
        async throws
    {
        let code = ScriptedSource()
        code.commit("c1", to: "refs/heads/main", files: ["a": "b"])
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        try await withBuilds(on: engine, store, code: code) { builds in
            _ = try await builds.trigger("t", #""branchName": "main""#)
            // Recorded, and never told: the daemon ends before it looks.
            try await builds.record("refs/heads/main")
        }
        for _ in 0..<2 {
            try await withBuilds(on: engine, store, code: code) { builds in
                let built = try await builds.settled()
                #expect(built == ["t"])
            }
        }
    }
}
