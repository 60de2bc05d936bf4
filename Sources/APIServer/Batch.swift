import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// Several calls in one request: `POST /batch/compute/v1` with a whole HTTP request in each part.
///
/// See [Batch requests](https://docs.cloud.google.com/compute/docs/api/how-tos/batch). Clients differ in how they write
/// it (bare line feeds, quoted boundaries, whole addresses or paths), so reading is lenient.
struct BatchRequest: Sendable {
    struct Part: Sendable {
        /// `<UUID+1>`: clients match answers to calls by it.
        var contentID: String?
        var head: HTTPRequest
        var body: ByteBuffer
    }

    /// Google's own limit.
    static let maximumParts = 1000

    var parts: [Part]

    static func isBatch(_ head: HTTPRequest) -> Bool {
        guard head.method == .post, head.headerFields[.contentType]?.lowercased().hasPrefix("multipart/mixed") ?? false
        else { return false }
        let path = Target.path(of: head)
        return path == "/batch" || path.hasPrefix("/batch/")
    }

    /// Reads the parts of a batch.
    ///
    /// - Throws: ``GoogleError`` `badRequest` (400) for what is no batch, or one of too many calls.
    init(_ body: [UInt8], sentWith outer: HTTPRequest) throws {
        guard let boundary = Self.boundary(in: outer.headerFields[.contentType] ?? "") else {
            throw Self.wrong("The Content-Type of a batch must name its boundary.")
        }
        parts = []
        let delimiter = "--" + boundary
        var lines = Lines(body[...])
        var start: Int?
        while let line = lines.next() {
            let text = line.text
            let isLast = text == delimiter + "--"
            guard text == delimiter || isLast else { continue }
            if let start {
                guard parts.count < Self.maximumParts else {
                    throw Self.wrong("The batch holds more than \(Self.maximumParts) calls.")
                }
                parts.append(try Self.part(body[start..<max(start, line.start)], outer: outer))
            }
            start = lines.position
            if isLast { break }
        }
        guard !parts.isEmpty else { throw Self.wrong("The batch holds no calls.") }
    }

    private static func boundary(in contentType: String) -> String? {
        for parameter in contentType.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].trimmingCharacters(in: .whitespaces).lowercased() == "boundary" else {
                continue
            }
            let value = pair[1].trimmingCharacters(in: .whitespaces)
            let quote = value.first.flatMap { $0 == "\"" || $0 == "'" ? $0 : nil }
            let bare = quote.map { quote in String(value.dropFirst().prefix { $0 != quote }) } ?? value
            return bare.isEmpty ? nil : bare
        }
        return nil
    }

    /// Reads one part: its own headers, an empty line, and a request as it would be sent alone.
    private static func part(_ bytes: ArraySlice<UInt8>, outer: HTTPRequest) throws -> Part {
        var lines = Lines(bytes)
        let contentID = fields(&lines).first { $0.name == "content-id" }?.value
        let words = (lines.next()?.text ?? "").split(separator: " ")
        guard words.count >= 2, let method = HTTPRequest.Method(String(words[0])) else {
            throw wrong("A part of the batch is no HTTP request.")
        }
        var head = HTTPRequest(
            method: method,
            scheme: outer.scheme,
            authority: outer.authority,
            path: String(words[1])
        )
        // What the batch says holds for each call, unless the call says otherwise: credentials first of all.
        head.headerFields = outer.headerFields
        for field in outer.headerFields where isOfTheBatchAlone(field.name) { head.headerFields[field.name] = nil }
        for field in fields(&lines) {
            // The batch came to the right host already; what the client believes to be the host does not matter.
            guard field.name != "host", let name = HTTPField.Name(field.name) else { continue }
            head.headerFields[name] = field.value
        }
        var content = bytes[lines.position...]
        if let length = head.headerFields[.contentLength].flatMap(Int.init), (0...content.count).contains(length) {
            content = content.prefix(length)
        } else {
            // The line end before the next boundary is the boundary's.
            if content.last == UInt8(ascii: "\n") { content = content.dropLast() }
            if content.last == UInt8(ascii: "\r") { content = content.dropLast() }
        }
        return Part(contentID: contentID, head: head, body: ByteBuffer(bytes: content))
    }

    private static func isOfTheBatchAlone(_ name: HTTPField.Name) -> Bool {
        name.canonicalName.hasPrefix("content-")
            || ["transfer-encoding", "expect", "connection"].contains(name.canonicalName)
    }

    /// Reads header lines up to an empty one; names in lower case.
    private static func fields(_ lines: inout Lines) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while let line = lines.next(), !line.text.isEmpty {
            let pair = line.text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            fields.append((pair[0].lowercased(), pair[1].trimmingCharacters(in: .whitespaces)))
        }
        return fields
    }

    private static func wrong(_ message: String) -> GoogleError { .invalid(message, reason: "badRequest") }
}

/// Lines of bytes, ended by line feeds with or without carriage returns.
private struct Lines {
    private let bytes: ArraySlice<UInt8>
    /// Where the next line begins.
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    mutating func next() -> (start: Int, text: String)? {
        guard position < bytes.endIndex else { return nil }
        let start = position
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        position = end == bytes.endIndex ? end : end + 1
        var line = bytes[start..<end]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        return (start, String(decoding: line, as: UTF8.self))
    }
}

extension BatchRequest {
    /// Answers each call by `answer`, in their order; the answers are written as they come.
    func response(
        boundary: String,
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) -> Response {
        let parts = parts
        return Response(
            status: .ok,
            headers: [.contentType: "multipart/mixed; boundary=\(boundary)"],
            body: ResponseBody { writer in
                for part in parts {
                    let request = Request(head: part.head, body: RequestBody(buffer: part.body))
                    let response = try await answer(request)
                    try await writer.write(Self.heading(of: response, contentID: part.contentID, boundary: boundary))
                    try await response.body.write(PartWriter(parent: writer))
                    try await writer.write(ByteBuffer(string: "\r\n"))
                }
                try await writer.write(ByteBuffer(string: "--\(boundary)--\r\n"))
                try await writer.finish(nil)
            }
        )
    }

    private static func heading(of response: Response, contentID: String?, boundary: String) -> ByteBuffer {
        var text = "--\(boundary)\r\nContent-Type: application/http\r\n"
        if let contentID {
            let inner = contentID.hasPrefix("<") ? String(contentID.dropFirst()) : contentID + ">"
            text += "Content-ID: <response-\(inner)\r\n"
        }
        text += "\r\nHTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n"
        for field in response.headers { text += "\(field.name): \(field.value)\r\n" }
        if let length = response.body.contentLength, response.headers[.contentLength] == nil {
            text += "Content-Length: \(length)\r\n"
        }
        return ByteBuffer(string: text + "\r\n")
    }

    /// Writes one answer's body into the batch's; the end of the one is not the end of the other.
    private struct PartWriter: ResponseBodyWriter {
        var parent: any ResponseBodyWriter

        mutating func write(_ buffer: ByteBuffer) async throws { try await parent.write(buffer) }
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
