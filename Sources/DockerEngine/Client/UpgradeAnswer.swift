import Foundation
import GoogleAPI
import NIOCore

/// The answer to a request for a raw stream, as far as it has come: a head, then bytes that belong to the stream already.
struct UpgradeAnswer {
    private(set) var status: Int?
    private(set) var rest = ByteBuffer()
    private var head = ByteBuffer()
    private var length: Int?

    mutating func feed(_ bytes: ByteBuffer) {
        guard status == nil else {
            rest.writeImmutableBuffer(bytes)
            return
        }
        head.writeImmutableBuffer(bytes)
        let end = Array("\r\n\r\n".utf8)
        guard let range = Data(head.readableBytesView).range(of: Data(end)) else {
            if head.readableBytes > 64 << 10 { status = 500 }
            return
        }
        let text = head.readString(length: range.upperBound) ?? ""
        let lines = text.split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        status = words.count > 1 ? Int(words[1]) ?? 500 : 500
        for line in lines.dropFirst() where line.lowercased().hasPrefix("content-length:") {
            length = Int(line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces))
        }
        rest = head
    }

    /// Whether an error's body has not come whole.
    var needsMore: Bool { rest.readableBytes < (length ?? 0) }

    var message: String {
        let data = Data(rest.readableBytesView)
        return (try? JSON(parsing: data))?["message"]?.string ?? String(decoding: data, as: UTF8.self)
    }
}
