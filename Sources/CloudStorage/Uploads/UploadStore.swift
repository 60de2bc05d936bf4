import BlobStore
import Foundation
import GRDB
import GoogleAPI

/// What an upload was asked to make; kept with a session, so that it outlives the process.
struct UploadRequest: Codable, Sendable {
    var bucket: String
    var name: String
    var metadata: JSON
    var conditions: Preconditions
    var checks: ChecksumChecks
    var predefinedACL: String?
    var contentType: String?
    var contentEncoding: String?
    /// Tells whether a request of a session brings the key that the object is to be encrypted with.
    var keySHA256: Data?
}

/// A resumable upload session, as a row.
struct UploadRecord: Sendable {
    var id: String
    /// The staged blob; empty once the upload is finished.
    var blob: String
    /// Bytes that were acknowledged, and so are durable.
    var offset: Int64
    var request: UploadRequest
    /// The generation that the finished upload made.
    var generation: Int64?
}

/// The rows of upload sessions.
struct UploadStore: Sendable {
    let database: any DatabaseWriter

    func insert(_ upload: UploadRecord, at time: Micros) async throws {
        let request = try JSONCoding.encoder.encode(upload.request)
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO storage_uploads(id, bucket, name, blob, offset, request, created)
                    VALUES (?, ?, ?, ?, 0, ?, ?)
                    """,
                arguments: [upload.id, upload.request.bucket, upload.request.name, upload.blob, request, time]
            )
        }
    }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ id: String) async throws -> UploadRecord {
        let found = try await database.read { db -> UploadRecord? in
            let row = try Row.fetchOne(db, sql: "SELECT * FROM storage_uploads WHERE id = ?", arguments: [id])
            return try row.map { row in
                UploadRecord(
                    id: id,
                    blob: row["blob"],
                    offset: row["offset"],
                    request: try JSONCoding.decoder.decode(UploadRequest.self, from: row["request"]),
                    generation: row["generation"]
                )
            }
        }
        guard let found else { throw GoogleError.uploadNotFound(id) }
        return found
    }

    func acknowledge(_ id: String, offset: Int64) async throws {
        try await database.write { db in
            try db.execute(sql: "UPDATE storage_uploads SET offset = ? WHERE id = ?", arguments: [offset, id])
        }
    }

    /// Marks a session as finished, in the transaction that makes its object.
    static func finish(_ id: String, generation: Int64, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE storage_uploads SET generation = ?, blob = '' WHERE id = ?",
            arguments: [generation, id]
        )
    }

    /// The sessions that were begun before a time.
    func begun(before time: Micros) async throws -> [String] {
        try await database.read { db in
            try String.fetchAll(db, sql: "SELECT id FROM storage_uploads WHERE created < ?", arguments: [time])
        }
    }

    func delete(_ id: String) async throws {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM storage_uploads WHERE id = ?", arguments: [id])
        }
    }
}

/// The sessions that have an open blob in this process; one request at a time works on a session.
actor UploadSessions {
    private var open: [String: StagedBlob] = [:]
    private var busy: Set<String> = []
    private var waiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    /// Customers' keys: never on disk, since some clients bring them only when they begin.
    private var keys: [String: BlobKey] = [:]

    func key(of id: String) -> BlobKey? { keys[id] }
    func keep(_ key: BlobKey?, for id: String) { keys[id] = key }

    /// Runs `body` while no other request works on the session.
    func withSession<Result: Sendable>(
        _ id: String,
        _ body: @Sendable (StagedBlob?) async throws -> (Result, StagedBlob?)
    ) async throws -> Result {
        if busy.contains(id) {
            await withCheckedContinuation { waiters[id, default: []].append($0) }
        } else {
            busy.insert(id)
        }
        defer {
            // The next in line takes over; the session stays busy for it.
            if var line = waiters[id], !line.isEmpty {
                let next = line.removeFirst()
                waiters[id] = line.isEmpty ? nil : line
                next.resume()
            } else {
                busy.remove(id)
            }
        }
        do {
            let (result, blob) = try await body(open[id])
            open[id] = blob
            return result
        } catch {
            // What the blob holds beyond the acknowledged offset is given up; the next request reads it again.
            open[id] = nil
            throw error
        }
    }
}
