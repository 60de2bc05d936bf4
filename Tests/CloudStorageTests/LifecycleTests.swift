import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import NIOConcurrencyHelpers
import Testing

@Suite("storage: what time does to objects")
struct LifecycleTests {
    private static let day = 86_400.0

    /// A bucket with these settings, on a clock that the test moves.
    private func withBucket(
        _ settings: String,
        _ body: (RestartableStorage, TestAPI, CloudStorage) async throws -> Void
    ) async throws {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let (api, storage) = try machine.start()
            let made = try await api.post("/storage/v1/b?project=demo", json: #"{"name": "fog", \#(settings)}"#)
            #expect(made.status == 200, "\(made.text)")
            try await body(machine, api, storage)
        }
    }

    private func names(_ api: TestAPI, _ query: String = "") async throws -> [String] {
        let items = try await api.get("/storage/v1/b/fog/o?\(query)").json["items"]?.array ?? []
        return items.compactMap { $0["name"]?.string }
    }

    @Test func `a rule deletes what is old enough, of these names only`() async throws {
        let rule = #"{"action": {"type": "Delete"}, "condition": {"age": 3, "matchesPrefix": ["tmp/"]}}"#
        try await withBucket(#""lifecycle": {"rule": [\#(rule)]}"#) { machine, api, storage in
            try await api.put("kept", "1")
            try await api.put("tmp%2Fold", "2")
            machine.clock.withLockedValue { $0 += 2 * Self.day }
            try await api.put("tmp%2Fyoung", "3")
            try await storage.sweep()
            #expect(try await names(api) == ["kept", "tmp/old", "tmp/young"])
            machine.clock.withLockedValue { $0 += 1 * Self.day }
            try await storage.sweep()
            #expect(try await names(api) == ["kept", "tmp/young"])
            #expect(try machine.files.count == 2)
        }
    }

    @Test func `a rule's prefixes and suffixes are bytes, not letters`() async throws {
        let rule = #"{"action": {"type": "Delete"}, "condition": {"age": 0, "matchesPrefix": ["caf\u00e9/"]}}"#
        try await withBucket(#""lifecycle": {"rule": [\#(rule)]}"#) { machine, api, storage in
            // The same letters: é in one piece, and as e with an accent.
            try await api.put("caf%C3%A9%2Fa", "1")
            try await api.put("cafe%CC%81%2Fa", "2")
            machine.clock.withLockedValue { $0 += Self.day }
            try await storage.sweep()
            #expect(try await names(api).map { Array($0.utf8).count } == [8])
        }
    }

    @Test func `classes grow colder, never warmer, and held objects are let be`() async throws {
        let rules = """
            "lifecycle": {"rule": [
                {"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 1}},
                {"action": {"type": "SetStorageClass", "storageClass": "COLDLINE"}, "condition": {"age": 1}},
                {"action": {"type": "Delete"}, "condition": {"age": 9}}]}
            """
        try await withBucket(rules) { machine, api, storage in
            try await api.put("a", "1")
            try await api.put("held", "1")
            let held = try await api.patch("/storage/v1/b/fog/o/held", json: #"{"temporaryHold": true}"#)
            #expect(held.status == 200)
            machine.clock.withLockedValue { $0 += Self.day }
            try await storage.sweep()
            let cold = try await api.get("/storage/v1/b/fog/o/a").json
            #expect(cold["storageClass"] == "COLDLINE" && cold["timeStorageClassUpdated"] != cold["timeCreated"])
            machine.clock.withLockedValue { $0 += 9 * Self.day }
            try await storage.sweep()
            #expect(try await names(api) == ["held"])
        }
    }

    @Test func `of a versioned object the newest few are kept`() async throws {
        let rule = #"{"action": {"type": "Delete"}, "condition": {"numNewerVersions": 2}}"#
        let settings = #""versioning": {"enabled": true}, "lifecycle": {"rule": [\#(rule)]}"#
        try await withBucket(settings) { _, api, storage in
            for text in ["1", "2", "3", "4"] { try await api.put("a", text) }
            try await storage.sweep()
            #expect(try await names(api, "versions=true") == ["a", "a"])
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media").text == "4")
        }
    }

    @Test func `what is deleted softly is hidden, restored, and gone in the end`() async throws {
        let settings = #""softDeletePolicy": {"retentionDurationSeconds": "604800"}"#
        try await withBucket(settings) { machine, api, storage in
            let first = try await api.put("a", "first").json["generation"]?.string ?? ""
            #expect(try await api.delete("/storage/v1/b/fog/o/a").status == 204)
            #expect(try await api.get("/storage/v1/b/fog/o/a?generation=\(first)").status == 404)
            #expect(try await names(api, "versions=true").isEmpty)
            #expect(try await names(api, "softDeleted=true") == ["a"])
            let kept = try await api.get("/storage/v1/b/fog/o/a?softDeleted=true&generation=\(first)")
            #expect(kept.json["softDeleteTime"] != nil && kept.json["hardDeleteTime"] != nil)
            let back = try await api.post("/storage/v1/b/fog/o/a/restore?generation=\(first)")
            #expect(back.status == 200 && back.json["generation"]?.string != first, "\(back.text)")
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media").text == "first")
            machine.clock.withLockedValue { $0 += 7 * Self.day }
            try await storage.sweep()
            #expect(try await names(api, "softDeleted=true").isEmpty)
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media").text == "first")
            #expect(try await api.post("/storage/v1/b/fog/o/a/restore?generation=\(first)").status == 404)
            #expect(try await api.delete("/storage/v1/b/fog/o/a").status == 204)
            machine.clock.withLockedValue { $0 += 7 * Self.day }
            try await storage.sweep()
            #expect(try machine.files.isEmpty)
        }
    }

    @Test func `a bucket goes with what was deleted in it`() async throws {
        let settings = #""softDeletePolicy": {"retentionDurationSeconds": "604800"}"#
        try await withBucket(settings) { machine, api, _ in
            try await api.put("a", "1")
            #expect(try await api.delete("/storage/v1/b/fog").status == 409)
            #expect(try await api.delete("/storage/v1/b/fog/o/a").status == 204)
            #expect(try await api.delete("/storage/v1/b/fog").status == 204)
            #expect(try machine.files.isEmpty)
        }
    }

    @Test(
        arguments: [
            #""lifecycle": {"rule": [{"action": {"type": "Burn"}, "condition": {"age": 1}}]}"#,
            #""lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {}}]}"#,
            #""lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"ages": 1}}]}"#,
            #""lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"createdBefore": "May"}}]}"#,
            #""softDeletePolicy": {"retentionDurationSeconds": "60"}"#,
            #""retentionPolicy": {"retentionPeriod": "-1"}"#,
        ]
    )
    func `nonsense is refused and sets nothing`(settings: String) async throws {
        try await withBucket(#""labels": {}"#) { _, api, _ in
            let reply = try await api.patch("/storage/v1/b/fog", json: "{\(settings)}")
            #expect(reply.status == 400, "\(reply.text)")
            #expect(try await api.get("/storage/v1/b/fog").json["metageneration"] == "1")
        }
    }
}
