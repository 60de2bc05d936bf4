import Foundation
import NIOCore
import Workloads

/// Writes and reads the few tar entries that pass between Brume and a container.
enum Tar {
    /// - Parameter links: What each symbolic link leads to, by the link's path; short ones.
    static func archive(_ files: [FileSpec], links: [String: String] = [:]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for file in files { append(file, to: &buffer) }
        for (path, target) in links {
            let name = Array(path.drop { $0 == "/" }.utf8)
            header(name, size: 0, mode: 0o777, owner: 0, type: "2", leadsTo: Array(target.utf8), to: &buffer)
        }
        buffer.writeRepeatingByte(0, count: 1024)
        return buffer
    }

    private static func append(_ file: FileSpec, to buffer: inout ByteBuffer) {
        let name = Array(file.path.drop { $0 == "/" }.utf8)
        if name.count > 100 {
            // GNU's way to say a long name: an entry of its own before the file's.
            header(Array("././@LongLink".utf8), size: name.count + 1, mode: 0o644, owner: 0, type: "L", to: &buffer)
            content(name + [0], to: &buffer)
        }
        let size = file.content.count
        header(Array(name.prefix(100)), size: size, mode: file.mode, owner: file.ownerID, type: "0", to: &buffer)
        content(file.content, to: &buffer)
    }

    private static func header(
        _ name: [UInt8],
        size: Int,
        mode: Int,
        owner: Int,
        type: Unicode.Scalar,
        leadsTo target: [UInt8] = [],
        to buffer: inout ByteBuffer
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8)
        }
        put(name, at: 0)
        put(octal(mode, width: 7), at: 100)
        put(octal(owner, width: 7), at: 108)
        put(octal(owner, width: 7), at: 116)
        put(octal(size, width: 11), at: 124)
        put(octal(Int(Date().timeIntervalSince1970), width: 11), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = UInt8(ascii: type)
        put(target, at: 157)
        put(Array("ustar  ".utf8), at: 257)
        put(octal(block.reduce(0) { $0 + Int($1) }, width: 6), at: 148)
        block[154] = 0
        block[155] = UInt8(ascii: " ")
        buffer.writeBytes(block)
    }

    private static func content(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeBytes(bytes)
        buffer.writeRepeatingByte(0, count: (512 - bytes.count % 512) % 512)
    }

    /// The content of the first plain file in an archive.
    static func firstFile(_ archive: Data) -> [UInt8]? {
        var offset = 0
        let bytes = [UInt8](archive)
        while offset + 512 <= bytes.count {
            let digits = String(decoding: bytes[offset + 124..<offset + 135], as: UTF8.self)
            guard let size = Int(digits.trimmingCharacters(in: .whitespaces), radix: 8) else { return nil }
            let start = offset + 512
            let type = bytes[offset + 156]
            if type == UInt8(ascii: "0") || type == 0, start + size <= bytes.count, bytes[offset] != 0 {
                return Array(bytes[start..<start + size])
            }
            offset = start + (size + 511) / 512 * 512
        }
        return nil
    }
}
