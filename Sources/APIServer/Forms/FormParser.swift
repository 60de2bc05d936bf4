import Foundation
import GoogleAPI
package import NIOCore

/// Reads `multipart/form-data` ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)) as it streams in: fields whole,
/// files piece by piece.
package struct FormParser: Sendable {
    package enum Event: Sendable, Equatable {
        case field(name: String, value: String)
        case fileBegins(name: String, fileName: String)
        case bytes(ByteBuffer)
        case fileEnds
    }

    private enum State: Sendable, Equatable {
        case preamble, headers, field(String), file, end
    }

    /// The longest field or set of headers, in bytes; a package's description is one.
    private static let maximumFieldBytes = 4 << 20
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var pending: ByteBuffer

    /// - Throws: ``GoogleError`` (400) when the header is not that of a form.
    package init(contentType: String) throws {
        guard contentType.lowercased().hasPrefix("multipart/form-data"),
            let start = contentType.range(of: "boundary=", options: .caseInsensitive)?.upperBound
        else { throw GoogleError.formInvalid("it is no multipart/form-data with a boundary") }
        let boundary = contentType[start...].prefix { $0 != ";" }.trimmingCharacters(in: ["\"", " "])
        guard !boundary.isEmpty, boundary.utf8.count <= 200 else {
            throw GoogleError.formInvalid("its boundary cannot be used")
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
        // So that the boundary on the very first line is found like the others.
        pending = ByteBuffer(string: "\r\n")
    }

    package var isComplete: Bool { state == .end }

    /// Takes what came and says what it holds.
    ///
    /// - Throws: ``GoogleError`` (400).
    package mutating func received(_ buffer: ByteBuffer) throws -> [Event] {
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
            guard take(until: delimiter) != nil else { return try wait() }
            state = .headers
        case .headers:
            // `--` after the boundary ends the form.
            if pending.readableBytes >= 2, pending.readableBytesView.starts(with: [45, 45]) {
                state = .end
                return false
            }
            guard let headers = take(until: Array("\r\n\r\n".utf8)) else { return try wait() }
            let part = try Part(String(buffer: headers))
            if let fileName = part.fileName {
                events.append(.fileBegins(name: part.name, fileName: fileName))
                state = .file
            } else {
                state = .field(part.name)
            }
        case .field(let name):
            guard let value = take(until: delimiter) else { return try wait() }
            events.append(.field(name: name, value: String(buffer: value)))
            state = .headers
        case .file:
            if let rest = take(until: delimiter) {
                if rest.readableBytes > 0 { events.append(.bytes(rest)) }
                events.append(.fileEnds)
                state = .headers
                return true
            }
            // What could be the beginning of a boundary waits for more.
            let safe = pending.readableBytes - delimiter.count
            if safe > 0, let slice = pending.readSlice(length: safe) { events.append(.bytes(slice)) }
            return false
        case .end: return false
        }
        return true
    }

    private func wait() throws -> Bool {
        guard pending.readableBytes <= Self.maximumFieldBytes else {
            throw GoogleError.formInvalid("one of its fields is longer than \(Self.maximumFieldBytes) bytes")
        }
        return false
    }

    /// Takes the bytes before `mark`, and the mark itself.
    private mutating func take(until mark: [UInt8]) -> ByteBuffer? {
        guard let length = pending.distance(to: mark) else { return nil }
        let taken = pending.readSlice(length: length)
        pending.moveReaderIndex(forwardBy: mark.count)
        return taken
    }

    /// The headers of one part: `Content-Disposition: form-data; name="content"; filename="a.whl"`.
    private struct Part {
        var name: String
        var fileName: String?

        init(_ headers: String) throws {
            let line = headers.split(separator: "\r\n").first {
                $0.lowercased().hasPrefix("content-disposition:")
            }
            guard let line, let name = Self.value(of: "name", in: line) else {
                throw GoogleError.formInvalid("one of its parts has no name")
            }
            self.name = name
            fileName = Self.value(of: "filename", in: line)
        }

        private static func value(of key: String, in line: Substring) -> String? {
            for piece in line.split(separator: ";").dropFirst() {
                let sides = piece.split(separator: "=", maxSplits: 1)
                guard sides.count == 2, sides[0].trimmingCharacters(in: .whitespaces) == key else { continue }
                return sides[1].trimmingCharacters(in: ["\"", " "])
            }
            return nil
        }
    }
}

extension GoogleError {
    /// A form that cannot be read.
    fileprivate static func formInvalid(_ why: String) -> GoogleError { .invalid("The form cannot be read: \(why).") }
}
