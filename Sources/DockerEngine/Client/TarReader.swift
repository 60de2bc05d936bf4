import Foundation
import NIOCore
import Workloads

/// Reads the plain files of a tar stream, one after the other; used by one task at a time.
///
/// Knows [ustar](https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html) with pax records, and GNU's long
/// names.
final class TarReader: @unchecked Sendable {
    // Whoever iterates owns it: the engine between files, the content's reader within one.
    private let pull: () async throws -> ByteBuffer?
    private var pending = ByteBuffer()
    /// What is left of the current file, and the padding after it.
    private var rest: Int64 = 0
    private var padding: Int64 = 0

    /// - Parameter pull: Gives the next bytes of the archive; nil at its end.
    init(_ pull: @escaping () async throws -> ByteBuffer?) { self.pull = pull }

    /// The next plain file; what was left of the one before is skipped.
    func next() async throws -> (name: String, size: Int64)? {
        var longName: String?
        var longSize: Int64?
        while true {
            try await skip()
            guard let block = try await take(512), block.readableBytesView.contains(where: { $0 != 0 }) else {
                return nil
            }
            let header = Header(block)
            let size = longSize ?? header.size
            (rest, padding) = (size, (512 - size % 512) % 512)
            switch header.type {
            case "L": longName = try await text().trimmingCharacters(in: ["\0"])
            case "x":
                let records = Self.records(try await text())
                longName = records["path"] ?? longName
                longSize = records["size"].flatMap { Int64($0) } ?? longSize
            case "0", "\0", "7": return (longName ?? header.name, size)
            default: (longName, longSize) = (nil, nil)
            }
        }
    }

    /// The next bytes of the current file; nil at its end.
    func chunk() async throws -> ByteBuffer? {
        guard rest > 0 else { return nil }
        if pending.readableBytes == 0 {
            guard let more = try await pull() else { throw EngineError.unreachable }
            pending = more
        }
        let length = Int(min(rest, Int64(pending.readableBytes)))
        rest -= Int64(length)
        return pending.readSlice(length: length)
    }

    private func skip() async throws {
        while try await chunk() != nil {}
        (rest, padding) = (padding, 0)
        while try await chunk() != nil {}
    }

    private func take(_ count: Int) async throws -> ByteBuffer? {
        while pending.readableBytes < count {
            guard let more = try await pull() else { return nil }
            pending.writeImmutableBuffer(more)
        }
        return pending.readSlice(length: count)
    }

    /// The content of an entry that describes the next one.
    private func text() async throws -> String {
        guard rest <= 1 << 20 else { throw EngineError.refused("An archive names a file by more than 1 MiB.") }
        var whole = ByteBuffer()
        while let bytes = try await chunk() { whole.writeImmutableBuffer(bytes) }
        return String(buffer: whole)
    }

    /// `30 path=some/long/name` and a line end, each with its own length in front.
    private static func records(_ text: String) -> [String: String] {
        var records: [String: String] = [:]
        var rest = Substring(text).utf8
        while let space = rest.firstIndex(of: UInt8(ascii: " ")), let length = Int(Substring(rest[..<space])) ?? nil,
            length > 0, length <= rest.count
        {
            let record = Substring(
                rest.prefix(length).dropFirst(rest.distance(from: rest.startIndex, to: space) + 1).dropLast()
            )
            if let equals = record.firstIndex(of: "=") {
                records[String(record[..<equals])] = String(record[record.index(after: equals)...])
            }
            rest = rest.dropFirst(length)
        }
        return records
    }

    private struct Header {
        var name: String
        var size: Int64
        var type: Character

        init(_ block: ByteBuffer) {
            let bytes = Array(block.readableBytesView)
            func text(_ range: Range<Int>) -> String {
                String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self)
            }
            let prefix = bytes[257..<262].elementsEqual(Array("ustar".utf8)) && bytes[262] == 0 ? text(345..<500) : ""
            name = prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
            type = Character(UnicodeScalar(bytes[156]))
            if bytes[124] & 0x80 != 0 {
                // GNU's way to say a size that has too many digits.
                size = bytes[125..<136].reduce(0) { $0 << 8 | Int64($1) }
            } else {
                size = Int64(text(124..<136).trimmingCharacters(in: .whitespaces), radix: 8) ?? 0
            }
        }
    }
}
