import GRDB
import APIServer
import BlobStore
import Compression
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What an upload request says before its body is read.
struct UploadInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    var session: String?
    /// The caller's own.
    var key: BlobKey?

    init(from call: Call) async throws {
        key = try call.customerKey()
        bucket = try call.parameter("bucket")
        resource = .bucket(bucket)
        session = call.query("upload_id")
    }
}

extension CloudStorage {
    func addUploadMethods(to api: MethodTable) {
        for prefix in ["/upload", "/resumable/upload"] {
            let path = "\(prefix)/storage/v1/b/{bucket}/o"
            // Whoever knows a session's ID may go on with it, so the permission is asked for inside.
            api.add("storage.objects.insert", .post, path, requires: nil, upload)
            api.add("storage.objects.insert", .put, path, requires: nil, upload)
            api.add("storage.objects.insert", .delete, path, requires: nil, cancelUpload)
        }
        api.add("storage.objects.insert", .post, "/storage/v1/b/{bucket}/o", requires: nil) {
            (input: UploadInput, call: Call) -> Response in
            throw GoogleError.required("uploadType: objects are made at /upload/storage/v1/b/\(input.bucket)/o")
        }
    }

    func upload(_ input: UploadInput, _ call: Call) async throws -> Response {
        if let session = input.session { return try await continueUpload(session, call) }
        try await authorizer.authorize(call.caller, for: "storage.objects.create", on: input.resource)
        switch call.query("uploadType") {
        case "media": return try await mediaUpload(input, call)
        case "multipart": return try await multipartUpload(input, call)
        case "resumable", nil: return try await startUpload(input, call)
        case let other?: throw GoogleError.invalid("Invalid uploadType: '\(other)'.", reason: "invalidParameter")
        }
    }

    private func request(_ input: UploadInput, _ call: Call, metadata: JSON) throws -> UploadRequest {
        let inQuery = call.query("name")
        let inBody = metadata["name"]?.string
        if let inQuery, let inBody, inQuery != inBody {
            throw GoogleError.invalid(
                "The name in the query, '\(inQuery)', differs from that in the body, '\(inBody)'."
            )
        }
        guard let name = inQuery ?? inBody else { throw GoogleError.required("name") }
        try ObjectName.check(name)
        return UploadRequest(
            bucket: input.bucket,
            name: name,
            metadata: metadata,
            conditions: try Preconditions(call),
            checks: ChecksumChecks(metadata: metadata, headers: call.headers),
            predefinedACL: call.query("predefinedAcl"),
            contentType: HTTPField.Name("X-Upload-Content-Type").flatMap { call.headers[$0] },
            contentEncoding: call.query("contentEncoding"),
            keySHA256: input.key?.sha256
        )
    }

    /// Checks that a caller may write an object: what replaces a live one needs leave to delete that as well.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403).
    func authorizeWrite(
        _ caller: Caller,
        of name: String,
        in bucket: String,
        if conditions: Preconditions
    ) async throws {
        let object = ResourceName.object(name, in: bucket)
        try await authorizer.authorize(caller, for: "storage.objects.create", on: object)
        do {
            try await authorizer.authorize(caller, for: "storage.objects.delete", on: object)
        } catch let refusal as GoogleError where [401, 403].contains(refusal.code) {
            // A write that must not replace anything ends with 412 where it would.
            guard conditions.generationMatch != 0,
                try await objects.find(name, generation: nil, bucket: bucket) != nil
            else { return }
            throw refusal
        }
    }

    /// Refuses an upload that may not be, or whose conditions already fail, before its bytes come.
    func checkEarly(_ request: UploadRequest, by caller: Caller?) async throws {
        _ = try await buckets.get(request.bucket)
        if let caller {
            try await authorizeWrite(caller, of: request.name, in: request.bucket, if: request.conditions)
        }
        if request.conditions != .none {
            try request.conditions.check(
                try await objects.find(request.name, generation: nil, bucket: request.bucket)?.record
            )
        }
    }

    private func mediaUpload(_ input: UploadInput, _ call: Call) async throws -> Response {
        var request = try request(input, call, metadata: [:])
        request.contentType = call.headers[.contentType]
        let found = try await store(call.request.body, as: request, by: call.caller, sealedWith: input.key)
        return try answer(found, call)
    }

    /// Stores a body whole.
    ///
    /// - Parameters:
    ///   - caller: Who must be allowed to; nil: another service of the cloud, which has seen to that.
    ///   - key: What it is to be encrypted with.
    ///   - completeChecks: Adds the checksums that came after the body.
    func store<Body: AsyncSequence & Sendable>(
        _ body: Body,
        as request: UploadRequest,
        by caller: Caller?,
        sealedWith key: BlobKey? = nil,
        completeChecks: (inout ChecksumChecks) throws -> Void = { _ in }
    ) async throws -> FoundObject where Body.Element == ByteBuffer {
        try await checkEarly(request, by: caller)
        let document = try await settings(of: request)
        let staged = blobs.stage(computing: request.checks.needed, sealedWith: key)
        var request = request
        do {
            for try await chunk in body { try await staged.append(chunk) }
            try completeChecks(&request.checks)
        } catch {
            await staged.discard()
            throw error
        }
        return try await finish(staged, as: request, document: document)
    }

    private func multipartUpload(_ input: UploadInput, _ call: Call) async throws -> Response {
        var parser = try MultipartParser(contentType: call.headers[.contentType] ?? "")
        var request: UploadRequest?
        let staged = blobs.stage(computing: .md5, sealedWith: input.key)
        do {
            for try await chunk in call.unpackedBody {
                for event in try parser.received(chunk) {
                    switch event {
                    case .metadata(let data):
                        let metadata = data.allSatisfy({ $0 <= 32 }) ? [:] : try JSON(parsing: data)
                        request = try self.request(input, call, metadata: metadata)
                        if let request { try await checkEarly(request, by: call.caller) }
                    case .mediaBegins(let contentType): request?.contentType = contentType
                    case .media(let buffer): try await staged.append(buffer)
                    }
                }
            }
            guard parser.isComplete, let request else {
                throw GoogleError.malformedUpload("the multipart body ends before its last boundary.")
            }
            return try answer(
                try await finish(staged, as: request, document: try await settings(of: request)),
                call
            )
        } catch {
            await staged.discard()
            throw error
        }
    }

    private func startUpload(_ input: UploadInput, _ call: Call) async throws -> Response {
        let request = try request(input, call, metadata: try await call.body())
        let upload = try await startUpload(request, by: call.caller, sealedWith: input.key)
        let path = call.context.originalPath.prefix { $0 != "?" }
        let name = ObjectName.segment(request.name)
        var headers: HTTPFields = [
            .location: "\(call.caller.origin)\(path)?uploadType=resumable&name=\(name)&upload_id=\(upload.id)"
        ]
        if let name = HTTPField.Name("X-GUploader-UploadID") { headers[name] = upload.id }
        return Response(status: .ok, headers: headers)
    }

    /// Begins a session. Whoever learns its ID may go on with it.
    func startUpload(_ request: UploadRequest, by caller: Caller, sealedWith key: BlobKey?) async throws -> UploadRecord
    {
        try await checkEarly(request, by: caller)
        let upload = UploadRecord(id: makeID(), blob: blobs.stage().id, offset: 0, request: request)
        try await uploads.insert(upload, at: Micros(now()))
        await sessions.keep(key, for: upload.id)
        return upload
    }

    func cancelUpload(_ input: UploadInput, _ call: Call) async throws -> Response {
        guard let id = input.session else { throw GoogleError.required("upload_id") }
        try await drop(id)
        return Response(status: .init(code: 499, reasonPhrase: "Client Closed Request"))
    }

    /// Ends a session, finished or not, and removes bytes that have become no object.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    func drop(_ id: String) async throws {
        try await sessions.withSession(id) { blob in
            let upload = try await uploads.get(id)
            await blob?.discard()
            try await uploads.delete(id)
            await sessions.keep(nil, for: id)
            if !upload.blob.isEmpty { await release([upload.blob]) }
            return ((), nil)
        }
    }
}

extension Call {
    /// The body, unpacked when the request as a whole travels packed (`gsutil cp -J`).
    fileprivate var unpackedBody: AnyContent {
        headers[.contentEncoding]?.lowercased() == "gzip" ? .zipped(Unzipped(request.body)) : .plain(request.body)
    }
}
