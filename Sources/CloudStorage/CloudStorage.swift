import GRDB
import HTTPTypes
package import APIServer
package import BlobStore
package import Foundation
import GoogleAPI
package import MetadataStore

/// Cloud Storage: buckets and objects, behind the JSON API and the part of the XML API that reads and writes objects.
///
/// Rows hold what objects are, a ``BlobStore`` holds their bytes.
package struct CloudStorage: Sendable {
    let buckets: BucketStore
    let objects: ObjectStore
    let managedFolders: ManagedFolderStore
    let folders: FolderStore
    let operations: StorageOperations
    let hmacKeys: HMACKeyStore
    let multipart: MultipartStore
    let uploads: UploadStore
    let sessions = UploadSessions()
    let blobs: BlobStore
    let projects: any ProjectDirectory
    let accounts: any StorageAccounts
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String
    let authorizer: BucketAuthorizer
    var signers: Signers { Signers(keys: hmacKeys, accounts: accounts) }

    /// - Parameter makeID: Makes IDs of upload sessions; whoever knows one may go on with it.
    package init(
        store: MetadataStore,
        blobs: BlobStore,
        projects: any ProjectDirectory,
        accounts: any StorageAccounts,
        authorizer: any Authorizer,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String = { UUID().uuidString + UUID().uuidString }
    ) {
        self.blobs = blobs
        self.projects = projects
        self.accounts = accounts
        self.now = now
        self.makeID = makeID
        buckets = BucketStore(database: store.database)
        objects = ObjectStore(database: store.database, now: now)
        managedFolders = ManagedFolderStore(database: store.database)
        folders = FolderStore(database: store.database)
        operations = StorageOperations(database: store.database)
        hmacKeys = HMACKeyStore(database: store.database)
        multipart = MultipartStore(database: store.database)
        uploads = UploadStore(database: store.database)
        self.authorizer = BucketAuthorizer(
            base: authorizer,
            buckets: buckets,
            objects: objects,
            managedFolders: managedFolders,
            now: now
        )
    }

    /// The JSON API, and the XML API that takes what is left of the same hosts.
    ///
    /// - Parameters:
    ///   - signIn: Signs in callers whose requests carry no signature.
    ///   - isOpen: Whether callers without a credential are let in: then no page of another origin is.
    ///   - faults: Makes calls fail as tests of clients ask; nil: none does, and there is no way to ask.
    package func apis(signIn: any Authenticator, isOpen: Bool = false, faults: FaultInjection? = nil) -> [API] {
        let signed = SignedRequests(signers: signers, others: signIn, now: now)
        let json = MethodTable(authorizer: authorizer, interceptor: faults)
        addBucketMethods(to: json)
        addRetentionMethods(to: json)
        addNotificationMethods(to: json)
        addManagedFolderMethods(to: json)
        addFolderMethods(to: json)
        addOperationMethods(to: json)
        addAccessMethods(to: json)
        addAccessEntryMethods(to: json)
        addObjectPolicyMethods(to: json)
        addObjectMethods(to: json)
        addSoftDeleteMethods(to: json)
        addUploadMethods(to: json)
        addHMACKeyMethods(to: json)
        addLackingMethods(to: json)
        let xml = MethodTable(authorizer: authorizer, interceptor: faults)
        addXMLMethods(to: xml)
        let hosts = ["storage.googleapis.com", "storage-download.googleapis.com", "storage-upload.googleapis.com"]
        let asking = faults.map { [$0.api(authorizer: authorizer, failing: Set(json.methods.map(\.id)))] } ?? []
        return asking + [
            API(
                name: "storage",
                hosts: hosts + ["www.googleapis.com", "content-storage.googleapis.com"],
                paths: [
                    "/storage/v1/", "/upload/storage/v1/", "/resumable/upload/storage/v1/", "/download/storage/v1/",
                ],
                errors: .errors,
                authenticator: signed,
                crossOrigin: isOpen ? nil : EveryOrigin(),
                table: json
            ),
            API(
                name: "storage-xml",
                hosts: hosts + ["*.storage.googleapis.com"],
                errors: .xml,
                authenticator: signed,
                crossOrigin: BucketOrigins(buckets: buckets),
                isLastResort: true,
                table: xml
            ),
            websiteAPI(signIn: signed),
        ]
    }

    /// Where the bytes are.
    package var blobFolder: String { blobs.folder.path(percentEncoded: false) }

    /// Removes what an earlier process wrote and no row names.
    package func recover() async throws {
        try await blobs.sweep { ids in try await objects.database.read { try ObjectStore.named(among: ids, $0) } }
    }

    /// Carries out what is due: abandoned uploads expire, lifecycle rules act, and what was deleted ends for good.
    package func sweep() async throws {
        try await expireUploads()
        try await runLifecycle()
        await release(try await objects.purgeSoftDeleted())
    }

    func addLackingMethods(to api: MethodTable) {
        let o = "/storage/v1/b/{bucket}/o"
        api.lacks("storage.buckets.restore", .post, "/storage/v1/b/{bucket}/restore")
        api.lacks("storage.buckets.relocate", .post, "/storage/v1/b/{bucket}/relocate")
        api.lacks("storage.channels.stop", .post, "/storage/v1/channels/stop")
        api.lacks("storage.objects.watchAll", .post, "\(o)/watch")
        api.lacks("storage.anywhereCaches.list", .get, "/storage/v1/b/{bucket}/anywhereCaches")
        api.lacks("storage.anywhereCaches.insert", .post, "/storage/v1/b/{bucket}/anywhereCaches")
        api.lacks("storage.anywhereCaches.get", .get, "/storage/v1/b/{bucket}/anywhereCaches/{cache}")
        api.lacks("storage.anywhereCaches.update", .patch, "/storage/v1/b/{bucket}/anywhereCaches/{cache}")
        api.lacks("storage.anywhereCaches.disable", .post, "/storage/v1/b/{bucket}/anywhereCaches/{cache}/disable")
        api.lacks("storage.anywhereCaches.pause", .post, "/storage/v1/b/{bucket}/anywhereCaches/{cache}/pause")
        api.lacks("storage.anywhereCaches.resume", .post, "/storage/v1/b/{bucket}/anywhereCaches/{cache}/resume")
        api.lacks(
            "storage.buckets.operations.advanceRelocateBucket",
            .post,
            "/storage/v1/b/{bucket}/operations/{operation}/advanceRelocateBucket"
        )
    }
}
