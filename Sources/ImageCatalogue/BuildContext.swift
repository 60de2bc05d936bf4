import Foundation
import NIOCore
import NIOPosix
import Workloads

/// The files of an image build, as the tar stream that engines take. Files on disk are read as the stream is pulled.
struct BuildContext: Sendable {
    enum Content: Sendable {
        case text(String)
        case file(String)
    }

    private var files: [(name: String, content: Content)] = []

    mutating func add(_ name: String, _ content: Content) { files.append((name, content)) }

    /// The archive, in chunks of at most 1 MiB.
    ///
    /// [pax](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06), "ustar Interchange
    /// Format": headers and contents in blocks of 512 bytes, two empty blocks at the end.
    func stream() -> ByteStream {
        let reader = Reader(files)
        return ByteStream { try await reader.next() }
    }

    /// A file's bytes, in chunks.
    static func bytes(of path: String) -> ByteStream {
        let reader = FileReader(path: path)
        return ByteStream { try await reader.next() }
    }

    static func header(name: String, size: Int64) -> ByteBuffer {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int64, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
        put(octal(sum, digits: 6), at: 148)
        header[154] = 0
        return ByteBuffer(bytes: header)
    }

    private actor Reader {
        private var waiting: [(name: String, content: Content)]
        private var current: FileReader?
        private var padding = 0
        private var isFinished = false

        init(_ files: [(name: String, content: Content)]) { waiting = files }

        func next() async throws -> ByteBuffer? {
            if let current {
                if let chunk = try await current.next() { return chunk }
                self.current = nil
                if padding > 0 { return ByteBuffer(repeating: 0, count: padding) }
            }
            guard let file = waiting.first else {
                if isFinished { return nil }
                isFinished = true
                return ByteBuffer(repeating: 0, count: 1024)
            }
            waiting.removeFirst()
            switch file.content {
            case .text(let text):
                let bytes = Array(text.utf8)
                var buffer = BuildContext.header(name: file.name, size: Int64(bytes.count))
                buffer.writeBytes(bytes)
                buffer.writeRepeatingByte(0, count: (512 - bytes.count % 512) % 512)
                return buffer
            case .file(let path):
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                let size = (attributes[.size] as? NSNumber)?.int64Value ?? 0
                current = FileReader(path: path)
                padding = Int((512 - size % 512) % 512)
                return BuildContext.header(name: file.name, size: size)
            }
        }
    }

    /// Reads a file on a thread that may wait for the disk.
    private actor FileReader {
        private let path: String
        private var handle: FileHandle?

        init(path: String) { self.path = path }

        func next() async throws -> ByteBuffer? {
            let handle = try self.handle ?? FileHandle(forReadingFrom: URL(filePath: path))
            self.handle = handle
            let data = try await NIOThreadPool.singleton.runIfActive { try handle.read(upToCount: 1 << 20) ?? Data() }
            guard data.isEmpty else { return ByteBuffer(bytes: data) }
            try handle.close()
            return nil
        }
    }
}
