import Workloads

/// One question to a name server, as [RFC 1035](https://www.rfc-editor.org/rfc/rfc1035) writes it.
struct NameQuery: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case a, aaaa, ptr
        case other(UInt16)

        init(_ number: UInt16) {
            switch number {
            case 1: self = .a
            case 28: self = .aaaa
            case 12: self = .ptr
            default: self = .other(number)
            }
        }
    }

    var id: UInt16
    /// In lower case, without the last dot.
    var name: String
    var kind: Kind
    var wantsRecursion: Bool
    /// The question as it was asked: answers repeat it, letter case included.
    var question: [UInt8]

    /// Reads a message; nil for anything but one plain question of the internet's class.
    init?(_ message: some Collection<UInt8>) {
        let bytes = Array(message.prefix(4096))
        guard bytes.count >= 12 else { return nil }
        func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
        let flags = word(2)
        // A query (not an answer), of the standard kind, with one question and no answers.
        guard flags & 0xF800 == 0, word(4) == 1, word(6) == 0, word(8) == 0 else { return nil }
        var offset = 12
        var labels: [String] = []
        while true {
            guard offset < bytes.count else { return nil }
            let length = Int(bytes[offset])
            // A label has at most 63 bytes; larger numbers are pointers, which a first name cannot have.
            guard length <= 63, offset + 1 + length <= bytes.count, offset - 12 + length < 255 else { return nil }
            offset += 1
            if length == 0 { break }
            labels.append(String(decoding: bytes[offset..<offset + length], as: UTF8.self))
            offset += length
        }
        guard offset + 4 <= bytes.count, word(offset + 2) == 1 else { return nil }
        id = word(0)
        wantsRecursion = flags & 0x0100 != 0
        name = labels.joined(separator: ".").lowercased()
        kind = Kind(word(offset))
        question = Array(bytes[12..<offset + 4])
    }

    enum ResponseCode: UInt16 { case noError = 0, serverFailure = 2, noSuchName = 3, refused = 5 }

    /// An answer with addresses; with none of them it says that the name has nothing of this kind.
    func answer(_ addresses: [UInt32] = [], code: ResponseCode = .noError) -> [UInt8] {
        message(addresses.map { Self.bytes(of: $0) }, kind: 1, code: code)
    }

    /// An answer to who has an address.
    func answer(name: String) -> [UInt8] {
        let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        return message([labels + [0]], kind: 12, code: .noError)
    }

    /// The address whose owner is asked for: `2.0.132.10.in-addr.arpa` asks for `10.132.0.2`; nil for other questions.
    var reversed: UInt32? {
        guard kind == .ptr, name.hasSuffix(".in-addr.arpa") else { return nil }
        return IPv4.number(name.split(separator: ".").dropLast(2).reversed().joined(separator: "."))
    }

    private func message(
        _ records: [[UInt8]],
        kind: UInt16,
        code: ResponseCode,
        seconds: UInt32 = 60
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ number: UInt16) { bytes += [UInt8(number >> 8), UInt8(number & 255)] }
        add(id)
        add(0x8080 | (wantsRecursion ? 0x0100 : 0) | (records.isEmpty ? 0 : 0x0400) | code.rawValue)
        add(1)
        add(UInt16(records.count))
        add(0)
        add(0)
        bytes += question
        for record in records {
            // The name is the question's, which begins at byte 12.
            add(0xC00C)
            add(kind)
            add(1)
            bytes += Self.bytes(of: seconds)
            add(UInt16(record.count))
            bytes += record
        }
        return bytes
    }

    private static func bytes(of number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
