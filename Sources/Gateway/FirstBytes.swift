import NIOCore

/// What the first bytes of a connection say that it is.
enum FirstBytes: Equatable {
    case tls
    case http1
    /// HTTP/2 without TLS, by prior knowledge.
    case http2
    /// `CONNECT target`, with the length of its whole head.
    case connect(target: String, headLength: Int)
    /// The beginning of a `CONNECT` that is none, or is too long.
    case unreadable

    /// A `CONNECT` says little; a longer head is refused.
    static let maximumHeadLength = 16 * 1024

    private static let http2Preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let connectMethod = Array("CONNECT ".utf8)

    /// Reads the beginning of a connection; nil while it may still be several things.
    init?(_ bytes: ByteBufferView) {
        guard let first = bytes.first else { return nil }
        if first == 0x16 {
            self = .tls
        } else if bytes.starts(with: Self.http2Preface) {
            self = .http2
        } else if bytes.starts(with: Self.connectMethod) {
            guard let end = Self.endOfHead(bytes) else {
                if bytes.count < Self.maximumHeadLength { return nil }
                self = .unreadable
                return
            }
            let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
            if words.count == 3, words[2].hasPrefix("HTTP/1.") {
                self = .connect(target: String(words[1]), headLength: end)
            } else {
                self = .unreadable
            }
        } else if Self.http2Preface.starts(with: bytes) || Self.connectMethod.starts(with: bytes) {
            return nil
        } else {
            self = .http1
        }
    }

    /// The number of bytes up to and with the empty line that ends an HTTP/1 head; nil when it has not come yet.
    static func endOfHead(_ bytes: ByteBufferView) -> Int? {
        var newlines = 0
        for (offset, byte) in bytes.prefix(maximumHeadLength).enumerated() {
            if byte == UInt8(ascii: "\n") {
                newlines += 1
                if newlines == 2 { return offset + 1 }
            } else if byte != UInt8(ascii: "\r") {
                newlines = 0
            }
        }
        return nil
    }
}
