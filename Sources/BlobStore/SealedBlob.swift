import Crypto
package import Foundation
import NIOCore

/// A caller's key, with which blobs are sealed: encrypted, and protected against changes.
///
/// It is in memory while it is used, and never on disk.
package struct BlobKey: Sendable, Equatable {
    let secret: SymmetricKey
    /// What may be stored of it, to tell whether another key is the same.
    package let sha256: Data

    /// - Parameter bytes: 256 bits; nil is returned for any other number.
    package init?(_ bytes: Data) {
        guard bytes.count == 32 else { return nil }
        secret = SymmetricKey(data: bytes)
        sha256 = Data(SHA256.hash(data: bytes))
    }
}

/// What a row keeps of a sealed blob.
package struct BlobSeal: Sendable, Equatable {
    package var keySHA256: Data
    /// Of the file's bytes: so that damage is found without the key.
    package var crc32c: UInt32

    package init(keySHA256: Data, crc32c: UInt32) {
        (self.keySHA256, self.crc32c) = (keySHA256, crc32c)
    }
}

/// The file of a sealed blob.
///
/// ```
/// "brume sealed 1\n" and a zero byte · salt (32 bytes) · chunk · chunk · …
/// chunk: nonce (12 bytes) · up to 64 KiB of content, encrypted · tag (16 bytes)
/// ```
///
/// A chunk is AES-256-GCM under a key that HKDF-SHA256 derives from the caller's key and the blob's salt; its number, in
/// eight bytes, is authenticated with it, so that chunks cannot change places. Chunks are of full size but the last one:
/// any position of the content is found without reading what is before it.
package enum SealedFormat {
    static let magic = Array("brume sealed 1\n".utf8) + [0]
    static let saltBytes = 32
    static let headerBytes = Int64(magic.count + saltBytes)
    /// Of content in a chunk. Uploads are acknowledged at multiples of it.
    static let chunkBytes: Int64 = 64 << 10
    /// What sealing adds to a chunk.
    static let chunkOverhead: Int64 = 12 + 16

    /// How long the file of so many bytes of content is.
    package static func fileSize(ofContent size: Int64) -> Int64 {
        headerBytes + size + (size + chunkBytes - 1) / chunkBytes * chunkOverhead
    }

    static func position(ofChunk index: Int64) -> Int64 { headerBytes + index * (chunkBytes + chunkOverhead) }

    static func chunkKey(_ key: BlobKey, salt: Data) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key.secret,
            salt: salt,
            info: Data("brume blob".utf8),
            outputByteCount: 32
        )
    }

    static func authenticated(_ index: Int64) -> Data { withUnsafeBytes(of: index.bigEndian) { Data($0) } }
}

/// Seals content as it comes.
struct Sealer {
    private let keySHA256: Data
    private let key: SymmetricKey
    /// What is to be written before the next chunk.
    private var header: Data
    /// Content that does not fill a chunk yet.
    private var pending = ByteBuffer()
    private var chunks: Int64 = 0
    /// Of what has been given out.
    private var crc32c: UInt32 = 0
    /// Bytes of content that have come.
    private(set) var contentSize: Int64 = 0

    /// Begins a blob.
    init(_ key: BlobKey) {
        let salt = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
        self.key = SealedFormat.chunkKey(key, salt: salt)
        keySHA256 = key.sha256
        header = Data(SealedFormat.magic) + salt
    }

    /// Goes on with a blob that ends with a full chunk.
    init(continuing blob: SealedContent, size: Int64, crc32c: UInt32) {
        (key, keySHA256, header) = (blob.key, blob.keySHA256, Data())
        (chunks, contentSize, self.crc32c) = (size / SealedFormat.chunkBytes, size, crc32c)
    }

    /// Takes content.
    ///
    /// - Returns: The bytes that the file goes on with.
    mutating func seal(_ content: ByteBuffer) throws -> ByteBuffer {
        contentSize += Int64(content.readableBytes)
        var content = content
        pending.writeBuffer(&content)
        var sealed = takeHeader()
        while let chunk = pending.readSlice(length: Int(SealedFormat.chunkBytes)) { try add(chunk, to: &sealed) }
        pending.discardReadBytes()
        return account(for: sealed)
    }

    /// Takes the end of the content: what is left is sealed as the last chunk.
    mutating func end() throws -> ByteBuffer {
        var sealed = takeHeader()
        if pending.readableBytes > 0 { try add(pending, to: &sealed) }
        pending.clear()
        return account(for: sealed)
    }

    /// Of what has been given out.
    var seal: BlobSeal { BlobSeal(keySHA256: keySHA256, crc32c: crc32c) }

    private mutating func takeHeader() -> ByteBuffer {
        defer { header = Data() }
        return ByteBuffer(bytes: header)
    }

    private mutating func add(_ chunk: ByteBuffer, to sealed: inout ByteBuffer) throws {
        let box = try chunk.withUnsafeReadableBytes { bytes in
            try AES.GCM.seal(bytes, using: key, authenticating: SealedFormat.authenticated(chunks))
        }
        chunks += 1
        sealed.writeBytes(box.nonce)
        sealed.writeBytes(box.ciphertext)
        sealed.writeBytes(box.tag)
    }

    private mutating func account(for sealed: ByteBuffer) -> ByteBuffer {
        crc32c = CRC32C.extend(crc32c, by: sealed)
        return sealed
    }
}

/// The content of a sealed blob, from any position.
struct SealedContent: Sendable {
    let file: OpenFile
    let key: SymmetricKey
    let keySHA256: Data
    /// Of the content, in bytes.
    let size: Int64

    /// - Throws: ``BlobError/damaged(_:_:)`` for a file that is no sealed blob, or too short.
    init(_ file: OpenFile, _ key: BlobKey, size: Int64) throws {
        guard file.size >= SealedFormat.fileSize(ofContent: size) else {
            throw BlobError.damaged(file.id, "it has \(file.size) bytes on disk, and \(size) were sealed")
        }
        let header = try file.read(at: 0, upTo: Int(SealedFormat.headerBytes))
        guard header.readableBytesView.starts(with: SealedFormat.magic) else {
            throw BlobError.damaged(file.id, "it does not begin as a sealed blob does")
        }
        (self.file, self.size, keySHA256) = (file, size, key.sha256)
        let salt = Data(header.readableBytesView.dropFirst(SealedFormat.magic.count))
        self.key = SealedFormat.chunkKey(key, salt: salt)
    }

    /// Reads exactly `count` bytes of content.
    ///
    /// - Throws: ``BlobError/damaged(_:_:)`` for what was changed, or sealed with another key.
    func read(at offset: Int64, upTo count: Int) throws -> ByteBuffer {
        guard count > 0 else { return ByteBuffer() }
        let (end, width) = (offset + Int64(count), SealedFormat.chunkBytes)
        let chunks = offset / width..<(end + width - 1) / width
        let fileEnd = SealedFormat.fileSize(ofContent: min(chunks.upperBound * width, size))
        let start = SealedFormat.position(ofChunk: chunks.lowerBound)
        var sealed = try file.read(at: start, upTo: Int(fileEnd - start))
        var content = ByteBufferAllocator().buffer(capacity: Int(chunks.upperBound - chunks.lowerBound) * Int(width))
        for index in chunks {
            let length = min(width, size - index * width) + SealedFormat.chunkOverhead
            guard let chunk = sealed.readSlice(length: Int(length)) else {
                throw BlobError.damaged(file.id, "it ends within chunk \(index)")
            }
            content.writeBytes(try open(chunk, index))
        }
        content.moveReaderIndex(forwardBy: Int(offset - chunks.lowerBound * width))
        return content.readSlice(length: count) ?? ByteBuffer()
    }

    private func open(_ chunk: ByteBuffer, _ index: Int64) throws -> Data {
        do {
            return try chunk.withUnsafeReadableBytes { bytes in
                let box = try AES.GCM.SealedBox(combined: bytes)
                return try AES.GCM.open(box, using: key, authenticating: SealedFormat.authenticated(index))
            }
        } catch {
            throw BlobError.damaged(file.id, "chunk \(index) was changed, or was sealed with another key")
        }
    }
}
