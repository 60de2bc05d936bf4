import APIServer
import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import NIOCore
import Testing

@Suite("objects that a service reads for an account")
struct ReadingForServicesTests {
    /// Lets one account read, and nobody else.
    struct OnlyReader: Authorizer {
        func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
            guard caller.email == "builder@demo", permission == "storage.objects.get" else {
                throw GoogleError.forbidden("\(caller.email ?? "nobody") lacks \(permission) on \(resource)")
            }
        }
    }

    @Test func `the account's own rights decide`() async throws {
        try await withScratchFolder { folder in
            let storage = CloudStorage(
                store: try MetadataStore(inMemoryWith: [CloudStorageSchema.self]),
                blobs: try BlobStore(folder: folder),
                projects: DemoProject(),
                accounts: NoAccounts(),
                authorizer: OnlyReader(),
                now: { Date() }
            )
            try await storage.ensureBucket(name: "fog", project: "demo")
            let object = try storage.growObject(bucket: "fog", name: "a", contentType: "text/plain")
            try await object.append(ByteBuffer(string: "x"))
            try await object.publish()
            let bytes = try await storage.openObject(bucket: "fog", name: "a", as: "builder@demo")
            #expect(bytes.count == 1)
            await #expect(throws: GoogleError.self) {
                _ = try await storage.openObject(bucket: "fog", name: "a", as: "stranger@demo")
            }
        }
    }
}

@Suite("customer-supplied encryption keys")
struct CustomerKeyTests {
    @Test(arguments: [
        "/upload/storage/v1/b/fog/o?uploadType=media&name=a", "/upload/storage/v1/b/fog/o?uploadType=resumable&name=a",
    ])
    func `an upload with a key is refused, and nothing is stored`(target: String) async throws {
        try await withStorage { api, _ in
            let name = try #require(HTTPField.Name("x-goog-encryption-algorithm"))
            let reply = try await api.send(.post, target, headers: [name: "AES256"], body: Data("secret".utf8))
            #expect(reply.status == 501 && reply.message?.contains("encryption keys") == true)
            #expect(try await api.get("/storage/v1/b/fog/o/a").status == 404)
        }
    }
}
