import APIServer
import Foundation
import GoogleAPI
import NIOCore

/// Reads `multipart/related` as it streams in: a part of metadata, then a part of content, which is never changed.
///
/// Clients differ in quotes round the boundary and in line ends; both kinds of each are read.
struct MultipartParser {
    enum Event: Equatable {
        /// The first part, whole.
        case metadata(Data)
        /// The media part begins, with its `Content-Type`.
        case mediaBegins(contentType: String?)
        case media(ByteBuffer)
    }

    private enum State: Equatable { case preamble, metadataHeaders, metadata, mediaHeaders, media, end }

    private static let maximumMetadataBytes = 1 << 20
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var pending = ByteBuffer()

    /// - Throws: ``GoogleError`` `badContent` (400) when the header names no boundary.
    init(contentType: String) throws {
        guard let start = contentType.range(of: "boundary=", options: .caseInsensitive)?.upperBound else {
            throw GoogleError.malformedUpload("Content-Type names no boundary.")
        }
        let rest = contentType[start...]
        let boundary: Substring =
            if let quote = rest.first, quote == "\"" || quote == "'" {
                rest.dropFirst().prefix { $0 != quote }
            } else {
                rest.prefix { $0 != ";" && $0 != " " }
            }
        guard !boundary.isEmpty, boundary.utf8.count <= 200 else {
            throw GoogleError.malformedUpload("Content-Type names no usable boundary.")
        }
        delimiter = Array("\n--\(boundary)".utf8)
        // So that a boundary on the very first line is found like the others.
        pending.writeBytes([10])
    }

    var isComplete: Bool { state == .end }

    /// Takes what came and says what it holds.
    ///
    /// - Throws: ``GoogleError`` `badContent` (400).
    mutating func received(_ buffer: ByteBuffer) throws -> [Event] {
        guard state != .end else { return [] }
        var buffer = buffer
        pending.writeBuffer(&buffer)
        var events: [Event] = []
        while try advance(&events) {}
        pending.discardReadBytes()
        return events
    }

    private mutating func advance(_ events: inout [Event]) throws -> Bool {
        switch state {
        case .preamble:
            guard takePart() != nil else { return try wait() }
            state = .metadataHeaders
        case .metadataHeaders:
            // The rest of the boundary's own line stands before the headers.
            guard takeHeaders() != nil else { return try wait() }
            state = .metadata
        case .metadata:
            guard let part = takePart() else { return try wait() }
            events.append(.metadata(Data(part.readableBytesView)))
            state = .mediaHeaders
        case .mediaHeaders:
            guard let headers = takeHeaders() else { return try wait() }
            events.append(.mediaBegins(contentType: headers["content-type"]))
            state = .media
        case .media:
            if let part = takePart() {
                if part.readableBytes > 0 { events.append(.media(part)) }
                state = .end
                return false
            }
            // What could be the beginning of a boundary waits for more.
            let safe = pending.readableBytes - delimiter.count - 1
            if safe > 0, let slice = pending.readSlice(length: safe) { events.append(.media(slice)) }
            return false
        case .end: return false
        }
        return true
    }

    private func wait() throws -> Bool {
        guard pending.readableBytes <= Self.maximumMetadataBytes else {
            throw GoogleError.malformedUpload("the boundary or the end of the metadata part was not found.")
        }
        return false
    }

    /// Takes the bytes before the next delimiter, and the delimiter; the CR of a CRLF belongs to the delimiter.
    private mutating func takePart() -> ByteBuffer? {
        guard let end = pending.distance(to: delimiter), var part = pending.readSlice(length: end) else { return nil }
        pending.moveReaderIndex(forwardBy: delimiter.count)
        if usesCRLF, part.readableBytesView.last == 13 {
            part = part.getSlice(at: part.readerIndex, length: part.readableBytes - 1) ?? part
        }
        return part
    }

    private var usesCRLF = false

    private mutating func takeLine() -> String? {
        guard let end = pending.distance(to: [10]), let line = pending.readString(length: end) else { return nil }
        pending.moveReaderIndex(forwardBy: 1)
        // Swift takes CR and LF together for one character, so the CR alone is looked for as a byte.
        guard line.utf8.last == 13 else { return line }
        usesCRLF = true
        return String(decoding: line.utf8.dropLast(), as: UTF8.self)
    }

    private mutating func takeHeaders() -> [String: String]? {
        let start = pending.readerIndex
        var headers: [String: String] = [:]
        var mustSkip = true
        while let line = takeLine() {
            if mustSkip {
                mustSkip = false
                continue
            }
            if line.isEmpty { return headers }
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        pending.moveReaderIndex(to: start)
        return nil
    }
}
