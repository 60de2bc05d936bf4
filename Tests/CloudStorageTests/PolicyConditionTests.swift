import APIServer
import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import NIOConcurrencyHelpers
import Testing

/// Lets the owner in, and nobody else.
private struct OwnerAlone: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        if caller.email != "owner@example.com" { throw GoogleError.forbidden("not the owner") }
    }
}

@Suite("storage.buckets.setIamPolicy: conditions")
struct PolicyConditionTests {
    /// Calls of the owner and of a reader, who may read objects where `expression` holds.
    private func withReader(
        _ expression: String,
        now: @escaping @Sendable () -> Date = { Date() },
        _ body: (_ owner: TestAPI, _ reader: TestAPI) async throws -> Void
    ) async throws {
        try await withScratchFolder { folder in
            let storage = CloudStorage(
                store: try MetadataStore(inMemoryWith: [CloudStorageSchema.self]),
                blobs: try BlobStore(folder: folder),
                projects: DemoProject(),
                accounts: NoAccounts(),
                authorizer: OwnerAlone(),
                now: now
            )
            let owner = TestAPI(storage, identity: .account("owner@example.com"))
            let made = try await owner.post(
                "/storage/v1/b?project=demo",
                json: #"{"name":"fog","iamConfiguration":{"uniformBucketLevelAccess":{"enabled":true}}}"#
            )
            #expect(made.status == 200)
            for name in ["open/1", "closed/1"] { try await owner.put(name, "x") }
            let set = try await owner.send(.put, "/storage/v1/b/fog/iam", body: try policy(expression).data())
            #expect(set.status == 200, "\(set.text)")
            try await body(owner, TestAPI(storage, identity: .account("reader@example.com")))
        }
    }

    private func policy(_ expression: String, version: Int64 = 3, member: String = "user:reader@example.com") -> JSON {
        [
            "version": .integer(version),
            "bindings": [
                [
                    "role": "roles/storage.objectViewer", "members": [.string(member)],
                    "condition": ["title": "some", "expression": .string(expression)],
                ]
            ],
        ]
    }

    @Test(
        arguments: [
            (#"resource.name.startsWith("projects/_/buckets/fog/objects/open/")"#, [200, 403]),
            (#"resource.name.startsWith('projects/_/buckets/fog/objects/closed') || false"#, [403, 200]),
            (#"!(resource.name.endsWith("open/1")) && resource.service == "storage.googleapis.com""#, [403, 200]),
            (#"resource.type == "storage.googleapis.com/Object""#, [200, 200]),
            (#"resource.type == "storage.googleapis.com/Bucket""#, [403, 403]),
            (#"resource.type != "storage.googleapis.com/Bucket" && resource.name.contains("open")"#, [200, 403]),
            (#"request.time < timestamp("2030-01-01T00:00:00Z")"#, [200, 200]),
            (#"timestamp("2030-01-01T00:00:00Z") <= request.time"#, [403, 403]),
            (#"resource.matchTag("123/env", "prod")"#, [403, 403]),
            (#"resource.matchTag("123/env", "prod") || resource.name.endsWith("open/1")"#, [200, 403]),
            (#"api.getAttribute("storage.googleapis.com/objectListPrefix", "") == """#, [200, 200]),
        ]
    )
    func `a grant holds where its condition does`(expression: String, statuses: [Int]) async throws {
        let time = try #require(Timestamp.date("2026-06-01T00:00:00Z"))
        try await withReader(expression, now: { time }) { _, reader in
            for (name, status) in zip(["open", "closed"], statuses) {
                let replies = [
                    try await reader.get("/storage/v1/b/fog/o/\(name)%2F1"), try await reader.get("/fog/\(name)/1"),
                ]
                #expect(replies.map(\.status) == [status, status])
            }
        }
    }

    @Test func `a grant ends with its time, and is shown as it was set`() async throws {
        let clock = NIOLockedValueBox(try #require(Timestamp.date("2026-06-01T00:00:00Z")))
        let expression = #"request.time < timestamp("2026-06-02T00:00:00Z")"#
        try await withReader(expression, now: { clock.withLockedValue { $0 } }) { owner, reader in
            #expect(try await reader.get("/fog/open/1").status == 200)
            clock.withLockedValue { $0 += 86_400 }
            #expect(try await reader.get("/fog/open/1").status == 403)
            let shown = try await owner.get("/storage/v1/b/fog/iam?optionsRequestedPolicyVersion=3").json
            #expect(shown["version"] == 3)
            #expect(shown["bindings"]?.array?.first?["condition"]?["expression"]?.string == expression)
        }
    }

    @Test(
        arguments: [
            "", "resource.name.startsWith(", "resource.name ==", "a b", #""x" == "y" )"#, "true &&",
            String(repeating: "(", count: 5000),
        ]
    )
    func `what is no expression is refused`(expression: String) async throws {
        try await withReader("true") { owner, _ in
            let set = try await owner.send(.put, "/storage/v1/b/fog/iam", body: try policy(expression).data())
            #expect(set.status == 400, "\(set.text)")
        }
    }

    @Test func `conditions need version 3, uniform access, and somebody in particular`() async throws {
        try await withReader("true") { owner, _ in
            for wrong in [policy("true", version: 1), policy("true", member: "allUsers")] {
                let set = try await owner.send(.put, "/storage/v1/b/fog/iam", body: try wrong.data())
                #expect(set.status == 400, "\(set.text)")
            }
            let made = try await owner.post("/storage/v1/b?project=demo", json: #"{"name":"fine"}"#)
            #expect(made.status == 200)
            let set = try await owner.send(.put, "/storage/v1/b/fine/iam", body: try policy("true").data())
            #expect(set.status == 400, "\(set.text)")
        }
    }
}
