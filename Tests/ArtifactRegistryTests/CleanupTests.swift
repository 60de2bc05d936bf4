import ArtifactRegistry
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private let day = 86_400.0

@Suite("artifactregistry: cleanup policies")
struct CleanupTests {
    private let repository = "/artifactregistry/v1/projects/demo/locations/us/repositories/gcr.io"

    private func versions(_ registry: TestRegistry, of image: String) async throws -> [String] {
        let reply = try await registry.api.get("\(repository)/packages/\(image)/versions?orderBy=create_time")
        return (reply.json["versions"]?.array ?? []).compactMap {
            $0["name"]?.string.map { ResourceName(parsing: $0).last }
        }
    }

    private func setPolicies(_ registry: TestRegistry, _ policies: String, dryRun: Bool = false) async throws
        -> TestReply
    {
        try await registry.api.patch(
            "\(repository)?updateMask=cleanup_policies,cleanup_policy_dry_run",
            json: #"{"cleanupPolicies":\#(policies),"cleanupPolicyDryRun":\#(dryRun)}"#
        )
    }

    /// Pushes one image a day under the tag `latest`, and its number as a tag of its own when it is a multiple of two.
    private func pushDaily(_ registry: TestRegistry, _ image: String, count: Int) async throws -> [String] {
        var digests: [String] = []
        for number in 0..<count {
            digests.append(try await registry.push("demo/\(image)", tag: "latest", layer: "\(image) \(number)"))
            if number % 2 == 0 {
                try await registry.push("demo/\(image)", tag: "v\(number)", layer: "\(image) \(number)")
            }
            registry.clock.advance(by: day)
        }
        return digests
    }

    @Test func `untagged versions go once they are old enough`() async throws {
        try await withRegistry { registry in
            let digests = try await pushDaily(registry, "app", count: 4)
            let old = #"{"old":{"action":"DELETE","condition":{"tagState":"UNTAGGED","olderThan":"259200s"}}}"#
            #expect(try await setPolicies(registry, old).status == 200)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app") == digests, "the untagged one is three days old, not more")
            registry.clock.advance(by: 1)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app") == [digests[0], digests[2], digests[3]])
        }
    }

    @Test func `what one policy keeps stays, and the rest goes with its tags`() async throws {
        try await withRegistry { registry in
            let digests = try await pushDaily(registry, "app", count: 5)
            let other = try await pushDaily(registry, "other", count: 2)
            _ = try await setPolicies(
                registry,
                """
                {"all":{"action":"DELETE","condition":{"tagState":"ANY","packageNamePrefixes":["app"]}},
                 "recent":{"action":"KEEP","mostRecentVersions":{"keepCount":2}},
                 "release":{"action":"KEEP","condition":{"tagState":"TAGGED","tagPrefixes":["v0"]}}}
                """
            )
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app") == [digests[0], digests[3], digests[4]])
            #expect(try await versions(registry, of: "other") == other)
            let tags = try await registry.api.get("\(repository)/packages/app/tags").json["tags"]?.array ?? []
            #expect(tags.count == 3, "v0, v4 and latest")
        }
    }

    @Test func `a dry run deletes nothing`() async throws {
        try await withRegistry { registry in
            let digests = try await pushDaily(registry, "app", count: 2)
            let all = #"{"all":{"action":"DELETE","condition":{"versionNamePrefixes":["sha256:"]}}}"#
            _ = try await setPolicies(registry, all, dryRun: true)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app") == digests)
            _ = try await setPolicies(registry, all)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app").isEmpty)
        }
    }

    @Test func `young versions alone match newerThan`() async throws {
        try await withRegistry { registry in
            let digests = try await pushDaily(registry, "app", count: 3)
            _ = try await setPolicies(registry, #"{"n":{"action":"DELETE","condition":{"newerThan":"129600s"}}}"#)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "app") == Array(digests.dropLast()))
        }
    }

    @Test func `an image goes with the index that holds it, and stays while the index does`() async throws {
        try await withRegistry { registry in
            let child = try await registry.push("demo/multi", tag: "amd64")
            _ = try await registry.send(.delete, "/v2/demo/multi/manifests/amd64")
            let type = "application/vnd.oci.image.index.v1+json"
            let index = """
                {"schemaVersion":2,"mediaType":"\(type)","manifests":[{"mediaType":"\(dockerManifest)","size":1,"digest":"\(child)"}]}
                """
            let pushed = try await registry.send(
                .put,
                "/v2/demo/multi/manifests/latest",
                headers: [.contentType: type],
                body: Data(index.utf8)
            )
            #expect(pushed.status == 201)
            _ = try await setPolicies(registry, #"{"u":{"action":"DELETE","condition":{"tagState":"UNTAGGED"}}}"#)
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "multi").count == 2)
            _ = try await registry.send(.delete, "/v2/demo/multi/manifests/latest")
            try await registry.registry.sweep()
            #expect(try await versions(registry, of: "multi").isEmpty)
        }
    }

    @Test(arguments: [
        #"{"p":{"action":"DELETE"}}"#, #"{"p":{"action":"BURN","condition":{"tagState":"ANY"}}}"#,
        #"{"p":{"action":"DELETE","mostRecentVersions":{"keepCount":1}}}"#,
        #"{"p":{"action":"KEEP","mostRecentVersions":{"keepCount":0}}}"#,
        #"{"p":{"action":"DELETE","condition":{"olderThan":"3d"}}}"#,
        #"{"p":{"action":"DELETE","condition":{"tagState":"SOME"}}}"#,
        #"{"p":{"action":"DELETE","condition":{"tagState":"UNTAGGED","tagPrefixes":["v"]}}}"#,
        #"{"p":{"action":"KEEP","condition":{"tagState":"ANY"},"mostRecentVersions":{"keepCount":1}}}"#,
    ])
    func `a policy that cannot be carried out is refused by name`(policies: String) async throws {
        try await withRegistry { registry in
            try await registry.push("demo/app", tag: "v1")
            let reply = try await setPolicies(registry, policies)
            #expect(reply.status == 400 && reply.message?.contains("'p'") == true, "\(reply.text)")
            #expect(try await registry.api.get(repository).json["cleanupPolicies"] == nil)
        }
    }
}
