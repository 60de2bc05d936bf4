import CBlobStore
import Crypto
package import NIOCore

/// What is computed of a blob besides its CRC32C.
package struct Checksums: OptionSet, Sendable {
    package var rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let md5 = Checksums(rawValue: 1)
    package static let sha256 = Checksums(rawValue: 2)
    package static let sha1 = Checksums(rawValue: 4)
    /// That of zip and gzip, IEEE 802.3.
    package static let crc32 = Checksums(rawValue: 8)
    package static let crc64nvme = Checksums(rawValue: 16)
}

/// The checksum of Cloud Storage: fast, and combinable.
package enum CRC32C {
    /// Extends a CRC32C by bytes; that of no bytes is 0.
    package static func extend(_ crc: UInt32, by buffer: ByteBuffer) -> UInt32 {
        buffer.withUnsafeReadableBytes { brume_crc32c(crc, $0.baseAddress, $0.count) }
    }

    /// The CRC32C of bytes.
    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        extend(0, by: ByteBuffer(bytes: bytes))
    }

    /// The CRC32C of two pieces put together, from that of each and the second's length in bytes.
    package static func combine(_ first: UInt32, _ second: UInt32, secondLength: Int64) -> UInt32 {
        brume_crc32c_combine(first, second, UInt64(secondLength))
    }

    /// The same as ``extend(_:by:)`` without the processor's instruction.
    package static func extendPortably(_ crc: UInt32, by buffer: ByteBuffer) -> UInt32 {
        buffer.withUnsafeReadableBytes { brume_crc32c_portable(crc, $0.baseAddress, $0.count) }
    }
}

/// The checksums of bytes that come in order.
final class Digest: @unchecked Sendable {
    // One blob's digest is touched by jobs of that blob's hashing lane, which run one after another, and by its
    // commit after that lane is empty.
    private(set) var crc32c: UInt32 = 0
    private var md5: Insecure.MD5?
    private var sha256: SHA256?
    private var sha1: Insecure.SHA1?
    private(set) var crc32: UInt32?
    private(set) var crc64nvme: UInt64?

    init(_ checksums: Checksums) {
        if checksums.contains(.md5) { md5 = Insecure.MD5() }
        if checksums.contains(.sha256) { sha256 = SHA256() }
        if checksums.contains(.sha1) { sha1 = Insecure.SHA1() }
        if checksums.contains(.crc32) { crc32 = 0 }
        if checksums.contains(.crc64nvme) { crc64nvme = 0 }
    }

    func update(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            crc32c = brume_crc32c(crc32c, bytes.baseAddress, bytes.count)
            md5?.update(bufferPointer: bytes)
            sha256?.update(bufferPointer: bytes)
            sha1?.update(bufferPointer: bytes)
            crc32 = crc32.map { brume_crc32($0, bytes.baseAddress, bytes.count) }
            crc64nvme = crc64nvme.map { brume_crc64nvme($0, bytes.baseAddress, bytes.count) }
        }
    }

    var md5Bytes: [UInt8]? { md5.map { Array($0.finalize()) } }
    var sha256Bytes: [UInt8]? { sha256.map { Array($0.finalize()) } }
    var sha1Bytes: [UInt8]? { sha1.map { Array($0.finalize()) } }
}
