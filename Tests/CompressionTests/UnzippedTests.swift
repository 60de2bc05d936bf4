import Compression
import Foundation
import GoogleAPI
import NIOCore
import Testing

/// `printf 'fog ' | gzip -n`, and the same for `and mist`.
private let fog = "H4sIAAAAAAAAA0vLT1cAAHYmUG0EAAAA"
private let mist = "H4sIAAAAAAAAA0vMS1HIzSwuAQDdan4tCAAAAA=="

private func bytes(_ texts: String...) -> [UInt8] { texts.flatMap { [UInt8](Data(base64Encoded: $0) ?? Data()) } }

/// Pieces of a length, as a stream.
private func stream(_ bytes: [UInt8], by count: Int) -> AsyncStream<ByteBuffer> {
    AsyncStream { continuation in
        for start in stride(from: 0, to: bytes.count, by: count) {
            continuation.yield(ByteBuffer(bytes: bytes[start..<min(start + count, bytes.count)]))
        }
        continuation.finish()
    }
}

private func unzipped(_ bytes: [UInt8], by count: Int = 4096) async throws -> String {
    var text = ""
    for try await chunk in Unzipped(stream(bytes, by: count)) { text += String(buffer: chunk) }
    return text
}

@Suite("gzip")
struct UnzippedTests {
    @Test(arguments: [1, 3, 7, 4096])
    func `what was packed comes out, in whatever pieces it came, and several one after the other`(count: Int)
        async throws
    {
        #expect(try await unzipped(bytes(fog, mist), by: count) == "fog and mist")
    }

    @Test func `what is no gzip comes out as it is, and what follows one does not come out`() async throws {
        #expect(try await unzipped(Array("plain".utf8)) == "plain")
        #expect(try await unzipped([]) == "")
        #expect(try await unzipped(bytes(fog) + Array("rest".utf8), by: 5) == "fog ")
    }

    @Test func `what is damaged or cut off is refused`() async throws {
        var wrong = bytes(mist)
        wrong[12] ^= 0x40
        await #expect(throws: Inflater.damaged) { try await unzipped(wrong) }
        await #expect(throws: Inflater.damaged) { try await unzipped(Array(bytes(mist).dropLast())) }
    }

    @Test func `a small stream that holds much comes out in small pieces`() throws {
        let inflater = Inflater(.deflate)
        let packed = fixedBlock(zeros: 8 << 20)
        #expect(packed.count < 64 << 10)
        inflater.feed(ByteBuffer(bytes: packed))
        var (total, largest) = (0, 0)
        while true {
            let piece = try inflater.next()
            if piece.readableBytes == 0 { break }
            total += piece.readableBytes
            largest = max(largest, piece.readableBytes)
        }
        #expect(inflater.isAtEnd && total == 8 << 20 && largest <= 64 << 10)
    }

    /// A final block with fixed codes: one literal zero, then copies of 258 and of single bytes from one before.
    private func fixedBlock(zeros count: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0]
        func put(_ code: Int, _ length: Int) {
            for bit in (0..<length).reversed() { bits.append(UInt8(code >> bit & 1)) }
        }
        put(0x30, 8)
        var left = count - 1
        while left >= 258 {
            // The length 258 is symbol 285, without further bits; the distance 1 is code 0.
            put(0b1100_0101, 8)
            put(0, 5)
            left -= 258
        }
        while left > 0 {
            put(0x30, 8)
            left -= 1
        }
        put(0, 7)
        while bits.count % 8 != 0 { bits.append(0) }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
        }
    }
}
