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

/// A storage service of which tests may ask failures, with the bucket `fog`.
private func withFaults(
    wait: @escaping @Sendable (Duration) async throws -> Void = { _ in },
    _ body: (TestAPI) async throws -> Void
) async throws {
    try await withScratchFolder { folder in
        let storage = CloudStorage(
            store: try MetadataStore(inMemoryWith: [CloudStorageSchema.self]),
            blobs: try BlobStore(folder: folder),
            projects: DemoProject(),
            accounts: NoAccounts(),
            authorizer: FixedIdentity(),
            now: { Date() }
        )
        let signIn = FixedIdentity(identity: .account("owner@example.com"))
        let faults = FaultInjection(makeID: { UUID().uuidString }, wait: wait)
        let api = TestAPI(storage.apis(signIn: signIn, faults: faults), authenticator: signIn)
        #expect(try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#).status == 200)
        try await body(api)
    }
}

extension TestAPI {
    /// Makes a test and answers the header that names it.
    fileprivate func fail(_ method: String, _ instructions: String..., transport: String = "HTTP") async throws
        -> HTTPFields
    {
        let body: JSON = [
            "instructions": .object([method: .array(instructions.map(JSON.string))]), "transport": .string(transport),
        ]
        let reply = try await post("/retry_test", json: String(decoding: try body.data(), as: UTF8.self))
        #expect(reply.status == 200, "\(reply.text)")
        return [try #require(HTTPField.Name("x-retry-test-id")): try #require(reply.json["id"]?.string)]
    }

    fileprivate func isCompleted(_ fields: HTTPFields) async throws -> Bool? {
        try await get("/retry_test/\(fields.first?.value ?? "")").json["completed"]?.bool
    }
}

@Suite("storage: failures that tests of clients ask for")
struct FaultInjectionTests {
    @Test func `a status comes once, in its place, to the calls that name the test`() async throws {
        try await withFaults { api in
            let test = try await api.fail("storage.buckets.list", "return-503", "return-429")
            #expect(try await api.get("/storage/v1/b?project=demo").status == 200)
            #expect(try await api.send(.get, "/storage/v1/b/fog", headers: test).status == 200)
            for status in [503, 429] {
                #expect(try await api.isCompleted(test) == false)
                #expect(try await api.send(.get, "/storage/v1/b?project=demo", headers: test).status == status)
            }
            #expect(try await api.isCompleted(test) == true)
            #expect(try await api.send(.get, "/storage/v1/b?project=demo", headers: test).status == 200)
        }
    }

    @Test(
        arguments: [
            ("storage.bucket_acl.list", "/storage/v1/b/fog/acl"),
            ("storage.default_object_acl.list", "/storage/v1/b/fog/defaultObjectAcl"),
            ("storage.serviceaccount.get", "/storage/v1/projects/demo/serviceAccount"),
            ("storage.hmacKey.list", "/storage/v1/projects/demo/hmacKeys"),
            ("storage.objects.get", "/fog/nothing"),
        ]
    )
    func `the test bench's names mean this API's methods`(method: String, path: String) async throws {
        try await withFaults { api in
            let test = try await api.fail(method, "return-503")
            #expect(try await api.send(.get, path, headers: test).status == 503)
        }
    }

    @Test func `tests are listed and deleted, and one that is not there is 404`() async throws {
        try await withFaults { api in
            let test = try await api.fail("storage.objects.get", "return-503")
            let id = try #require(test.first?.value)
            #expect(try await api.get("/retry_tests").json["retry_test"]?.array?.count == 1)
            #expect(try await api.delete("/retry_test/\(id)").status == 200)
            #expect(try await api.get("/retry_test/\(id)").status == 404)
            #expect(try await api.delete("/retry_test/\(id)").status == 404)
            #expect(try await api.send(.get, "/storage/v1/b/fog/o/a", headers: test).status == 404)
        }
    }

    @Test(
        arguments: [
            "{}", #"{"instructions":{"storage.clouds.get":["return-503"]}}"#,
            #"{"instructions":{"storage.objects.get":["return-cheese"]}}"#,
            #"{"instructions":{"storage.objects.get":"return-503"}}"#,
            #"{"instructions":{"storage.objects.get":["return-503"]},"transport":"PIGEON"}"#,
        ]
    )
    func `instructions that are none are refused`(body: String) async throws {
        try await withFaults { api in
            let reply = try await api.post("/retry_test", json: body)
            #expect(reply.status == 400)
        }
    }

    @Test func `a download breaks where it is told to, also when it is taken up again`() async throws {
        try await withFaults { api in
            try await api.put("a", String(repeating: "x", count: 3000))
            let instruction = "return-broken-stream-after-1K"
            let test = try await api.fail("storage.objects.get", instruction, instruction)
            let target = "/download/storage/v1/b/fog/o/a?alt=media"
            await #expect(throws: (any Error).self) { _ = try await api.send(.get, target, headers: test) }
            var later = test
            later[.range] = "bytes=2000-"
            #expect(try await api.send(.get, target, headers: later).body.count == 1000)
            later[.range] = "bytes=1024-"
            await #expect(throws: (any Error).self) { _ = try await api.send(.get, target, headers: later) }
            #expect(try await api.send(.get, target, headers: later).body.count == 1976)
        }
    }

    @Test func `an upload that is cut off keeps what came before`() async throws {
        try await withFaults { api in
            let start = try await api.post("/upload/storage/v1/b/fog/o?uploadType=resumable&name=a")
            let url = try #require(start.headers[.location]?.replacing("http://127.0.0.1:4600", with: ""))
            let content = Data((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 / 7) })
            var fields = try await api.fail("storage.objects.insert", "return-503-after-256K")
            fields[.contentRange] = "bytes 0-1048575/1048576"
            #expect(try await api.send(.put, url, headers: fields, body: content).status == 503)
            let asked = try await api.send(.put, url, headers: [.contentRange: "bytes */*"])
            #expect(asked.status == 308 && asked.headers[.range] == "bytes=0-262143")
            fields[.contentRange] = "bytes 262144-1048575/1048576"
            #expect(try await api.send(.put, url, headers: fields, body: content.dropFirst(262_144)).status == 200)
            #expect(try await api.get("/fog/a").body == content)
        }
    }

    @Test func `an upload is whole though its answer breaks`() async throws {
        try await withFaults { api in
            let start = try await api.post("/upload/storage/v1/b/fog/o?uploadType=resumable&name=a")
            let url = try #require(start.headers[.location]?.replacing("http://127.0.0.1:4600", with: ""))
            var fields = try await api.fail("storage.objects.insert", "return-broken-stream-final-chunk-after-10B")
            fields[.contentRange] = "bytes 0-4/5"
            await #expect(throws: (any Error).self) {
                _ = try await api.send(.put, url, headers: fields, body: Data("hello".utf8))
            }
            #expect(try await api.get("/fog/a").text == "hello")
        }
    }

    @Test func `a stalled transfer waits once, as long as it is told`() async throws {
        let waits = NIOLockedValueBox<[Duration]>([])
        try await withFaults(wait: { wait in waits.withLockedValue { $0.append(wait) } }) { api in
            try await api.put("a", String(repeating: "x", count: 3000))
            let test = try await api.fail("storage.objects.get", "stall-for-7s-after-1K")
            for _ in 1...2 { #expect(try await api.send(.get, "/fog/a", headers: test).body.count == 3000) }
            #expect(waits.withLockedValue { $0 } == [.seconds(7)])
        }
    }

    @Test func `a test of gRPC leaves HTTP alone`() async throws {
        try await withFaults { api in
            let test = try await api.fail("storage.buckets.list", "return-503", transport: "GRPC")
            #expect(try await api.send(.get, "/storage/v1/b?project=demo", headers: test).status == 200)
        }
    }

    @Test func `without it the paths are unknown and the header means nothing`() async throws {
        try await withStorage { api, _ in
            #expect(try await api.post("/retry_test").status >= 400)
            #expect(try await api.get("/retry_tests").status == 404)
            let name = try #require(HTTPField.Name("x-retry-test-id"))
            let fields: HTTPFields = [name: "x"]
            #expect(try await api.send(.get, "/storage/v1/b/fog", headers: fields).status == 200)
        }
    }
}
