import APIServer
import BlobStore
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What a `Content-Range` header of a resumable upload says.
struct ContentRange: Equatable {
    /// Positions of the first byte and after the last; nil for a question (`bytes */…`).
    var bytes: Range<Int64>?
    /// The size of the whole object; nil while the client does not know it.
    var total: Int64?

    /// - Throws: ``GoogleError`` `invalid` (400).
    init(_ header: String) throws {
        let halves = header.replacing("bytes ", with: "").split(separator: "/").map { $0.filter { $0 != " " } }
        guard header.hasPrefix("bytes"), halves.count == 2 else { throw Self.broken(header) }
        if halves[1] != "*" {
            guard let total = Int64(halves[1]), total >= 0 else { throw Self.broken(header) }
            self.total = total
        }
        if halves[0] != "*" {
            let ends = halves[0].split(separator: "-").map { Int64($0) }
            guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, last >= first, last < .max,
                total.map({ last < $0 }) ?? true
            else { throw Self.broken(header) }
            bytes = first..<last + 1
        }
    }

    private static func broken(_ header: String) -> GoogleError {
        .invalid("Failed to parse Content-Range header: '\(header)'.")
    }
}

extension CloudStorage {
    /// Acknowledged offsets are multiples of this, as Google's are.
    static let quantum: Int64 = 256 << 10

    /// A session ends this long after it was begun, in microseconds: a week, as at Google.
    private static let lifetime: Micros = 7 * 86_400 * 1_000_000

    /// Forgets sessions whose time is over, with the bytes that they brought.
    func expireUploads() async throws {
        for id in try await uploads.begun(before: Micros(now()) - Self.lifetime) { try await drop(id) }
    }

    /// Takes a chunk of a session, or tells how far it is.
    func continueUpload(_ id: String, _ call: Call) async throws -> Response {
        let header = HTTPField.Name("Content-Range").flatMap { call.headers[$0] }
        let range = try header.map(ContentRange.init)
        return try await sessions.withSession(id) { open in
            let upload = try await uploads.get(id)
            let key = try await key(of: upload, call)
            if let generation = upload.generation {
                let found = try await objects.get(
                    upload.request.name,
                    generation: generation,
                    bucket: upload.request.bucket
                )
                return (try answer(found, call, key: key), nil)
            }
            let staged: StagedBlob
            if let open, open.size == upload.offset {
                staged = open
            } else {
                staged = try await blobs.resume(upload.blob, size: upload.offset, computing: .md5, sealedWith: key)
            }
            let isFinal: Bool
            do {
                isFinal = try await take(call, range, into: staged, offset: upload.offset)
            } catch {
                // Nothing of this blob may still be writing when the session is taken up again.
                let isDurable = (try? await staged.sync()) != nil && !(error is BlobError)
                // A connection that broke has brought what came before; a refused request has brought nothing.
                let kept = staged.size / Self.quantum * Self.quantum
                if isDurable, !(error is GoogleError), kept > upload.offset {
                    try await uploads.acknowledge(id, offset: kept)
                }
                throw error
            }
            guard isFinal else {
                if staged.size > upload.offset {
                    try await staged.sync()
                    try await uploads.acknowledge(id, offset: staged.size)
                }
                return (progress(staged.size, call), staged)
            }
            var request = upload.request
            request.checks.add(call.headers)
            let document = try await settings(of: request)
            let found: FoundObject
            do {
                found = try await finish(staged, as: request, document: document, completing: id)
            } catch let error as GoogleError {
                // A refusal: its bytes are gone, so the session is too.
                try await uploads.delete(id)
                await sessions.keep(nil, for: id)
                throw error
            }
            await sessions.keep(nil, for: id)
            return (try answer(found, call, key: key), nil)
        }
    }

    /// The key of a session: the request's own, else the one that the session was begun with.
    ///
    /// - Throws: ``GoogleError`` (400) for another key; `notFound` (404) when the session's has gone with an earlier
    ///   process, so that clients begin anew.
    private func key(of upload: UploadRecord, _ call: Call) async throws -> BlobKey? {
        let given = try call.customerKey()
        guard let wanted = upload.request.keySHA256 else {
            if given != nil { throw GoogleError.customerKeys(with: "a session that was begun without one") }
            return nil
        }
        if let given {
            guard given.sha256 == wanted else { throw GoogleError.incorrectCustomerKey }
            return given
        }
        if let kept = await sessions.key(of: upload.id) { return kept }
        // Of a finished upload only the resource is asked for.
        if upload.generation != nil { return nil }
        throw GoogleError.uploadNotFound(upload.id)
    }

    /// Appends what a request brings.
    ///
    /// - Returns: Whether the object is complete.
    private func take(_ call: Call, _ range: ContentRange?, into staged: StagedBlob, offset: Int64) async throws -> Bool
    {
        guard let range else {
            guard offset == 0 else {
                throw GoogleError.invalid("Content-Range is required: \(offset) bytes are stored.")
            }
            for try await chunk in call.request.body { try await staged.append(chunk) }
            return true
        }
        guard let bytes = range.bytes else {
            if let total = range.total, total < offset {
                throw GoogleError.invalid("Content-Range gives \(total) bytes in all, and \(offset) are stored.")
            }
            return range.total == offset
        }
        guard bytes.lowerBound <= offset else {
            throw GoogleError.invalid(
                "Content-Range begins at byte \(bytes.lowerBound), and only \(offset) bytes are stored."
            )
        }
        let isLast = range.total == bytes.upperBound
        let end = isLast ? bytes.upperBound : bytes.upperBound / Self.quantum * Self.quantum
        var position = bytes.lowerBound
        for try await chunk in call.request.body {
            let chunkEnd = position + Int64(chunk.readableBytes)
            guard chunkEnd <= bytes.upperBound else {
                throw GoogleError.malformedUpload("the body is longer than its Content-Range.")
            }
            let (from, to) = (max(position, staged.size), min(chunkEnd, end))
            if from < to,
                let slice = chunk.getSlice(at: chunk.readerIndex + Int(from - position), length: Int(to - from))
            {
                try await staged.append(slice)
            }
            position = chunkEnd
        }
        guard position == bytes.upperBound else {
            throw GoogleError.malformedUpload("the body is shorter than its Content-Range.")
        }
        return isLast
    }

    /// 308 with what is stored; 200 with an override for clients that cannot take a 308.
    private func progress(_ size: Int64, _ call: Call) -> Response {
        var headers: HTTPFields = [.contentLength: "0"]
        if size > 0 { headers[.range] = "bytes=0-\(size - 1)" }
        guard let no308 = HTTPField.Name("X-GUploader-No-308"), call.headers[no308]?.lowercased() == "yes",
            let override = HTTPField.Name("X-HTTP-Status-Code-Override")
        else { return Response(status: .init(code: 308, reasonPhrase: "Resume Incomplete"), headers: headers) }
        headers[override] = "308"
        return Response(status: .ok, headers: headers)
    }
}
