import Foundation
package import NIOCore

extension ByteBuffer {
    /// How many readable bytes stand before the first `needle`; nil when it is not there. The parts of uploads are found
    /// by it.
    package func distance(to needle: [UInt8]) -> Int? {
        guard let first = needle.first else { return 0 }
        return withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var offset = 0
            while offset + needle.count <= bytes.count,
                let hit = memchr(base + offset, Int32(first), bytes.count - offset)
            {
                let position = UnsafeRawPointer(hit) - base
                guard position + needle.count <= bytes.count else { return nil }
                if memcmp(hit, needle, needle.count) == 0 { return position }
                offset = position + 1
            }
            return nil
        }
    }
}
