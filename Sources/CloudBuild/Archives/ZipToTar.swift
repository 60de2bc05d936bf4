import Compression
import Foundation
import GoogleAPI
import NIOCore
import Workloads

/// Turns a ZIP archive into the tar archive that engines unpack, as it streams by.
///
/// Reads the [local headers](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT); the directory at the end, with
/// its permissions, comes too late for a stream: so every file can be executed.
actor ZipToTar {
    private enum State {
        case header
        case stored(left: Int64)
        case deflated(left: Int64)
        case end
    }

    private var source: ByteStream.AsyncIterator
    private var pending = ByteBuffer()
    private var state = State.header
    private var inflater = Inflater(.deflate)
    /// Of the current file, as its header says and as it came.
    private var wanted: (bytes: Int64, crc: UInt32) = (0, 0)
    private var found: (bytes: Int64, crc: UInt32) = (0, 0)

    private init(_ zip: ByteStream) { source = zip.makeAsyncIterator() }

    /// Converts an archive while it is read.
    ///
    /// - Parameter failure: What the stream throws for what is no ZIP archive, or leads out of its folder.
    static func convert(
        _ zip: ByteStream,
        failure: @escaping @Sendable (GoogleError) -> any Error
    ) -> ByteStream {
        let converter = ZipToTar(zip)
        return ByteStream {
            do {
                return try await converter.next()
            } catch let error as GoogleError {
                throw failure(error)
            }
        }
    }

    private func next() async throws -> ByteBuffer? {
        while true {
            switch state {
            case .end: return nil
            case .header: if let bytes = try await readHeader() { return bytes }
            case .stored(let left): if let bytes = try await copy(left) { return bytes }
            case .deflated(let left): if let bytes = try await inflate(left) { return bytes }
            }
        }
    }

    // MARK: Files

    private func readHeader() async throws -> ByteBuffer? {
        guard try await fill(4), let signature: UInt32 = pending.readInteger(endianness: .little) else {
            throw Self.wrong("it is cut off")
        }
        switch signature {
        case 0x0403_4b50: break
        case 0x0201_4b50, 0x0605_4b50, 0x0606_4b50:
            // The directory: all files have come. What follows is not needed, but must be read.
            while try await pull() != nil {}
            state = .end
            return ByteBuffer(repeating: 0, count: 1024)
        default: throw Self.wrong("it is no ZIP archive")
        }
        guard try await fill(26), var fields = pending.readSlice(length: 26) else { throw Self.wrong("it is cut off") }
        func short() -> UInt16 { fields.readInteger(endianness: .little) ?? 0 }
        func long() -> UInt32 { fields.readInteger(endianness: .little) ?? 0 }
        let (_, flags, method, _, _) = (short(), short(), short(), short(), short())
        let (crc, packed, unpacked) = (long(), long(), long())
        let (nameLength, extraLength) = (Int(short()), Int(short()))
        guard try await fill(nameLength + extraLength), let name = pending.readString(length: nameLength),
            pending.readSlice(length: extraLength) != nil
        else { throw Self.wrong("it is cut off") }
        guard flags & 1 == 0 else { throw Self.wrong("'\(name)' is encrypted") }
        guard flags & 8 == 0, packed != .max, unpacked != .max else {
            throw Self.wrong("'\(name)' does not say its size where it begins: give a .tar.gz")
        }
        let segments = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !name.contains("\\"), !segments.contains("..") else {
            throw Self.wrong("'\(name)' is no path in the archive")
        }
        wanted = (Int64(unpacked), crc)
        found = (0, 0xffff_ffff)
        switch method {
        case 0: state = .stored(left: Int64(packed))
        case 8:
            inflater = Inflater(.deflate)
            state = .deflated(left: Int64(packed))
        default: throw Self.wrong("'\(name)' is packed by a method other than DEFLATE")
        }
        return TarHeader.bytes(name, size: Int64(unpacked))
    }

    private func copy(_ left: Int64) async throws -> ByteBuffer? {
        guard left > 0 else { return try finish() }
        guard let bytes = try await take(left) else { throw Self.wrong("it is cut off") }
        state = .stored(left: left - Int64(bytes.readableBytes))
        count(bytes.readableBytesView)
        return bytes
    }

    private func inflate(_ left: Int64) async throws -> ByteBuffer? {
        var left = left
        while inflater.isHungry, left > 0 {
            guard let bytes = try await take(left) else { throw Self.wrong("it is cut off") }
            left -= Int64(bytes.readableBytes)
            inflater.feed(bytes)
        }
        state = .deflated(left: left)
        let bytes = try inflater.next()
        if bytes.readableBytes == 0 {
            guard inflater.isAtEnd == (left == 0) else { throw Inflater.damaged }
            return left == 0 ? try finish() : nil
        }
        count(bytes.readableBytesView)
        guard found.bytes <= wanted.bytes else { throw Self.wrong("a file is longer than its header says") }
        return bytes
    }

    /// Checks the file that has come, and fills its last block up.
    private func finish() throws -> ByteBuffer? {
        guard found.bytes == wanted.bytes, found.crc ^ 0xffff_ffff == wanted.crc else {
            throw Self.wrong("a file is not what its checksum says")
        }
        state = .header
        let padding = Int((512 - wanted.bytes % 512) % 512)
        return padding == 0 ? nil : ByteBuffer(repeating: 0, count: padding)
    }

    private func count(_ bytes: some Collection<UInt8>) {
        found.bytes += Int64(bytes.count)
        for byte in bytes { found.crc = Self.crcTable[Int((found.crc ^ UInt32(byte)) & 0xff)] ^ found.crc >> 8 }
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1 }
    }

    // MARK: Input

    private func pull() async throws -> ByteBuffer? {
        // The stream asks for one chunk after the other: nobody else has the iterator meanwhile.
        var iterator = source
        let chunk = try await iterator.next(isolation: self)
        source = iterator
        return chunk
    }

    private func fill(_ length: Int) async throws -> Bool {
        while pending.readableBytes < length {
            guard let more = try await pull() else { return false }
            pending.discardReadBytes()
            pending.writeImmutableBuffer(more)
        }
        return true
    }

    /// At most so many bytes; nil at the end of the archive.
    private func take(_ most: Int64) async throws -> ByteBuffer? {
        guard try await fill(1) else { return nil }
        return pending.readSlice(length: Int(min(most, Int64(pending.readableBytes))))
    }

    private static func wrong(_ why: String) -> GoogleError {
        .invalidBuild("the source cannot be unpacked: \(why)")
    }
}

/// The header of one entry of a tar archive.
private enum TarHeader {
    static func bytes(_ name: String, size: Int64) -> ByteBuffer {
        var buffer = ByteBuffer()
        let bytes = Array(name.utf8)
        if bytes.count > 100 {
            // GNU's way to say a long name: an entry of its own before the file's.
            block(Array("././@LongLink".utf8), size: Int64(bytes.count + 1), type: "L", to: &buffer)
            buffer.writeBytes(bytes)
            buffer.writeRepeatingByte(0, count: 512 - bytes.count % 512)
        }
        block(Array(bytes.prefix(100)), size: size, type: name.hasSuffix("/") ? "5" : "0", to: &buffer)
        return buffer
    }

    private static func block(_ name: [UInt8], size: Int64, type: Unicode.Scalar, to buffer: inout ByteBuffer) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int64, width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8)
        }
        put(name, at: 0)
        put(octal(0o755, width: 7), at: 100)
        put(octal(0, width: 7), at: 108)
        put(octal(0, width: 7), at: 116)
        put(octal(size, width: 11), at: 124)
        put(octal(0, width: 11), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = UInt8(ascii: type)
        put(Array("ustar  ".utf8), at: 257)
        put(octal(block.reduce(0) { $0 + Int64($1) }, width: 6), at: 148)
        block[154] = 0
        buffer.writeBytes(block)
    }
}
