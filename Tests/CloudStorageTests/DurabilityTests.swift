import APIServer
import BlobStore
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import NIOConcurrencyHelpers
import NIOCore
import Testing

/// A storage service that can be started again on the same rows and files, at a time that the test sets.
final class RestartableStorage: Sendable {
    let rows: MetadataStore
    let folder: URL
    let clock = NIOLockedValueBox(Date())

    init(folder: URL) throws {
        self.folder = folder
        rows = try MetadataStore(inMemoryWith: [CloudStorageSchema.self])
    }

    /// Starts the service as a process does that begins after everything on disk was written.
    func start() throws -> (api: TestAPI, storage: CloudStorage) {
        let storage = CloudStorage(
            store: rows,
            blobs: try BlobStore(folder: folder, startTime: Date(timeIntervalSinceNow: 60)),
            projects: DemoProject(),
            accounts: NoAccounts(),
            authorizer: FixedIdentity(),
            now: { [clock] in clock.withLockedValue { $0 } }
        )
        return (TestAPI(storage, identity: .account("owner@example.com")), storage)
    }

    /// The blobs on disk, staged ones included.
    var files: [String] {
        get throws {
            try FileManager.default.subpathsOfDirectory(atPath: folder.path())
                .filter { $0.split(separator: "/").count == 2 }
        }
    }
}

private func header(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .contentType }

@Suite("storage: what a dying process leaves behind")
struct DurabilityTests {
    private let chunk = Data((0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 37) })

    /// Begins a resumable upload and has its first chunk acknowledged.
    private func begin(_ api: TestAPI) async throws -> String {
        #expect(try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#).status == 200)
        let started = try await api.post("/upload/storage/v1/b/fog/o?uploadType=resumable&name=r", json: "{}")
        let path = String((started.headers[.location] ?? "").dropFirst("http://127.0.0.1:4600".count))
        let first = try await api.send(
            .put,
            path,
            headers: [header("Content-Range"): "bytes 0-\(chunk.count - 1)/*"],
            body: chunk
        )
        #expect(first.status == 308)
        return path
    }

    @Test func `a session goes on when the process died between the file's commit and its row`() async throws {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let path = try await begin(try machine.start().api)
            // The file under its final name, and no row: what is on disk after the rename.
            let staged = try #require(try machine.files.first)
            let id = try #require(staged.split(separator: "/").last)
            let shard = folder.appending(path: String(id.prefix(2)))
            try FileManager.default.createDirectory(at: shard, withIntermediateDirectories: true)
            try FileManager.default.moveItem(at: folder.appending(path: staged), to: shard.appending(path: String(id)))
            let (api, storage) = try machine.start()
            try await storage.recover()
            let asked = try await api.send(.put, path, headers: [header("Content-Range"): "bytes */*"], body: Data())
            #expect(asked.status == 308 && asked.headers[.range] == "bytes=0-\(chunk.count - 1)", "\(asked.text)")
            let last = try await api.send(
                .put,
                path,
                headers: [header("Content-Range"): "bytes \(chunk.count)-\(chunk.count + 2)/\(chunk.count + 3)"],
                body: Data("end".utf8)
            )
            #expect(last.status == 200, "\(last.text)")
            #expect(try await api.get("/storage/v1/b/fog/o/r?alt=media").body == chunk + Data("end".utf8))
        }
    }

    @Test func `a start removes what no row names and keeps objects and sessions`() async throws {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let (first, _) = try machine.start()
            let path = try await begin(first)
            try await first.put("kept", "kept")
            let blobs = try BlobStore(folder: folder)
            for isCommitted in [true, false] {
                let orphan = blobs.stage()
                try await orphan.append(.init(string: "nobody's"))
                if isCommitted { _ = try await orphan.commit() } else { try await orphan.sync() }
            }
            #expect(try machine.files.count == 4)
            let (second, storage) = try machine.start()
            try await storage.recover()
            #expect(try machine.files.count == 2)
            #expect(try await second.get("/storage/v1/b/fog/o/kept?alt=media").text == "kept")
            let asked = try await second.send(.put, path, headers: [header("Content-Range"): "bytes */*"], body: Data())
            #expect(asked.status == 308)
        }
    }

    @Test func `a session that is a week old is forgotten with its bytes`() async throws {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let (api, storage) = try machine.start()
            let path = try await begin(api)
            machine.clock.withLockedValue { $0 += 7 * 86_400 - 60 }
            try await storage.sweep()
            #expect(try machine.files.count == 1)
            machine.clock.withLockedValue { $0 += 120 }
            try await storage.sweep()
            #expect(try machine.files.isEmpty)
            let asked = try await api.send(.put, path, headers: [header("Content-Range"): "bytes */*"], body: Data())
            #expect(asked.status == 404)
        }
    }
}
