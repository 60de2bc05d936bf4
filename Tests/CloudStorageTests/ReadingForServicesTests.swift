import APIServer
import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
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
