import CBlobStore
import Foundation
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The files of a blob store. All of it blocks, so all of it runs on the store's threads.
struct BlobFiles: Sendable {
    let folder: String

    /// Threads for what blocks: more than there are cores, since most of them wait for the disk.
    private static let sharedPool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 12)
        pool.start()
        return pool
    }()

    var pool: NIOThreadPool { Self.sharedPool }

    private static let stagedFolder = "staged"

    func run<Result: Sendable>(_ body: @escaping @Sendable (BlobFiles) throws -> Result) async throws -> Result {
        try await pool.runIfActive { try body(self) }
    }

    func makeFolders() throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/" + Self.stagedFolder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    func stagedPath(_ id: String) -> String { "\(folder)/\(Self.stagedFolder)/\(id)" }
    func shard(_ id: String) -> String { "\(folder)/\(id.prefix(2))" }
    func path(_ id: String) -> String { "\(shard(id))/\(id)" }

    /// IDs come from rows; one that could lead elsewhere is refused all the same.
    private func check(_ id: String) throws {
        let isFit =
            id.utf8.count >= 3
            && id.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "-")
            }
        guard isFit else { throw BlobError.missing(id) }
    }

    func open(_ id: String) throws -> OpenFile {
        try check(id)
        let descriptor = Posix.open(path(id), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw BlobError.missing(id) }
            throw Posix.failure("open blob '\(id)'")
        }
        return try OpenFile(id: id, descriptor: descriptor)
    }

    func remove(_ id: String) throws {
        try check(id)
        for path in [path(id), stagedPath(id)] where unlink(path) != 0 && errno != ENOENT {
            throw Posix.failure("remove blob '\(id)'")
        }
    }

    /// Cuts a staged file to `size` bytes of content and reads them into `digest`.
    ///
    /// A file that was committed, and whose row never was, is staged again.
    ///
    /// - Returns: What goes on sealing it.
    func restore(_ id: String, size: Int64, sealedWith key: BlobKey?, into digest: Digest) throws -> Sealer? {
        try check(id)
        guard size > 0 else {
            try remove(id)
            return key.map { Sealer($0) }
        }
        if access(stagedPath(id), F_OK) != 0, rename(path(id), stagedPath(id)) != 0, errno != ENOENT {
            throw Posix.failure("stage blob '\(id)' again")
        }
        let descriptor = Posix.open(stagedPath(id), O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw BlobError.missing(id) }
        let file = try OpenFile(id: id, descriptor: descriptor)
        guard file.size >= size else {
            throw BlobError.damaged(id, "it has \(file.size) bytes on disk, and \(size) were acknowledged")
        }
        let source = try key.map { BlobSource.sealed(try SealedContent(file, $0, size: size)) } ?? .plain(file)
        let fileSize = key == nil ? size : SealedFormat.fileSize(ofContent: size)
        guard ftruncate(descriptor, off_t(fileSize)) == 0 else { throw Posix.failure("cut blob '\(id)'") }
        try source.forEachPiece(upTo: size) { digest.update($0) }
        guard case .sealed(let content) = source else { return nil }
        var crc32c: UInt32 = 0
        try BlobSource.plain(file).forEachPiece(upTo: fileSize) { crc32c = CRC32C.extend(crc32c, by: $0) }
        return Sealer(continuing: content, size: size, crc32c: crc32c)
    }

    func folders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0 == Self.stagedFolder || $0.utf8.count == 2
        }
    }

    func list(_ name: String, olderThan time: Date) throws -> [String] {
        let folder = "\(folder)/\(name)"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { id in
            var status = stat()
            guard lstat("\(folder)/\(id)", &status) == 0 else { return false }
            return Double(status.modifiedSeconds) < time.timeIntervalSince1970.rounded(.down)
        }
    }

    func syncFolder(_ path: String) throws {
        let descriptor = Posix.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Posix.failure("open folder '\(path)'") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Posix.failure("sync folder '\(path)'") }
    }
}

/// A file that is open for reading, closed when nobody holds it any more.
final class OpenFile: Sendable {
    let id: String
    let size: Int64
    private let descriptor: Int32

    init(id: String, descriptor: Int32) throws {
        self.id = id
        self.descriptor = descriptor
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let failure = Posix.failure("look at blob '\(id)'")
            close(descriptor)
            throw failure
        }
        size = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Has the kernel copy up to `count` bytes to another file.
    ///
    /// - Returns: How many were copied; negative, with `errno`, when none could be.
    func copy(from offset: Int64, upTo count: Int, to target: Int32, at position: Int64) -> Int {
        brume_copy_range(descriptor, offset, target, position, count)
    }

    /// Reads exactly `count` bytes.
    func read(at offset: Int64, upTo count: Int) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var position = off_t(offset)
        while buffer.readableBytes < count {
            let wanted = count - buffer.readableBytes
            let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                let result = pread(descriptor, space.baseAddress, wanted, position)
                if result < 0, errno == EINTR { return 0 }
                guard result > 0 else {
                    if result == 0 { throw BlobError.damaged(id, "it ends at byte \(position)") }
                    throw Posix.failure("read blob '\(id)'")
                }
                return result
            }
            position += off_t(got)
        }
        return buffer
    }
}

/// The file of a staged blob.
final class StagedFile: @unchecked Sendable {
    // Touched by jobs of one blob's writing lane, which run one after another, and by `discard` after the lane
    // is empty.
    private let id: String
    private let files: BlobFiles
    /// Of the file, in bytes.
    private(set) var size: Int64
    /// Encrypts what is written; nil: it is written as it comes.
    private var sealer: Sealer?
    /// Up to where the kernel was told to write to the disk.
    private var begun: Int64
    private var descriptor: Int32 = -1
    private var isPublished = false

    private static let writebackBytes: Int64 = 8 << 20

    init(id: String, files: BlobFiles, contentSize: Int64 = 0, sealer: Sealer? = nil) {
        self.id = id
        self.files = files
        self.sealer = sealer
        let isPlain = sealer == nil || contentSize == 0
        size = isPlain ? contentSize : SealedFormat.fileSize(ofContent: contentSize)
        begun = size
    }

    /// Bytes of content that have been written.
    var contentSize: Int64 { sealer?.contentSize ?? size }

    var seal: BlobSeal? { sealer?.seal }

    /// Seals what does not fill a chunk; nothing can be written afterwards.
    func endSealing() throws {
        if let end = try sealer?.end() { try writeToFile(end) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private func openIfNeeded() throws {
        guard descriptor < 0 else { return }
        let flags = O_RDWR | O_CREAT | O_CLOEXEC
        descriptor = Posix.open(files.stagedPath(id), flags, 0o600)
        guard descriptor >= 0 else { throw Posix.failure("create blob '\(id)'") }
    }

    func write(_ buffer: ByteBuffer) throws { try writeToFile(try sealer?.seal(buffer) ?? buffer) }

    private func writeToFile(_ buffer: ByteBuffer) throws {
        try openIfNeeded()
        try buffer.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(size))
                if written < 0 {
                    if errno == EINTR { continue }
                    throw Posix.failure("write blob '\(id)'")
                }
                done += written
                size += Int64(written)
            }
        }
        // The disk writes what is here while the rest arrives, so that the sync at the end is short.
        if size - begun >= Self.writebackBytes {
            brume_begin_writeback(descriptor, begun, size - begun)
            begun = size
        }
    }

    /// Appends the first `total` bytes of a file; the kernel copies, or shares the blocks where the file system can.
    func append(_ source: OpenFile, upTo total: Int64) throws {
        try openIfNeeded()
        var done: Int64 = 0
        while done < total {
            let count = Int(min(total - done, 1 << 30))
            let copied = source.copy(from: done, upTo: count, to: descriptor, at: size)
            if copied < 0, errno == EINTR { continue }
            if copied > 0 {
                done += Int64(copied)
                size += Int64(copied)
            } else if copied == 0 || [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) {
                // Not this file system, or a file that has become shorter: reading tells.
                let chunk = try source.read(at: done, upTo: min(count, 1 << 20))
                try write(chunk)
                done += Int64(chunk.readableBytes)
            } else {
                throw Posix.failure("write blob '\(id)'")
            }
        }
    }

    func sync() throws {
        try openIfNeeded()
        guard Posix.syncData(descriptor) == 0 else { throw Posix.failure("sync blob '\(id)'") }
        try files.syncFolder(
            URL(filePath: files.stagedPath(id)).deletingLastPathComponent().path(percentEncoded: false)
        )
    }

    /// Makes the file durable and gives it its place; writing may go on.
    func publish() throws {
        try openIfNeeded()
        if isPublished {
            guard Posix.syncData(descriptor) == 0 else { throw Posix.failure("sync blob '\(id)'") }
            return
        }
        guard fsync(descriptor) == 0 else { throw Posix.failure("sync blob '\(id)'") }
        let shard = files.shard(id)
        if rename(files.stagedPath(id), files.path(id)) != 0 {
            guard errno == ENOENT else { throw Posix.failure("commit blob '\(id)'") }
            // The first blob of its shard.
            guard mkdir(shard, 0o700) == 0 || errno == EEXIST else { throw Posix.failure("make folder '\(shard)'") }
            try files.syncFolder(files.folder)
            guard rename(files.stagedPath(id), files.path(id)) == 0 else { throw Posix.failure("commit blob '\(id)'") }
        }
        try files.syncFolder(shard)
        isPublished = true
    }

    func commit() throws {
        try publish()
        close(descriptor)
        descriptor = -1
    }

    func discard() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        unlink(isPublished ? files.path(id) : files.stagedPath(id))
    }
}

/// The operating system's calls under names that do not collide with methods, and its errors as values.
enum Posix {
    static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
        #if canImport(Glibc)
            Glibc.open(path, flags, mode)
        #elseif canImport(Musl)
            Musl.open(path, flags, mode)
        #else
            Darwin.open(path, flags, mode)
        #endif
    }

    /// Makes a file's bytes and length durable.
    static func syncData(_ descriptor: Int32) -> Int32 {
        #if os(Linux)
            fdatasync(descriptor)
        #else
            fsync(descriptor)
        #endif
    }

    /// The error that `errno` holds.
    static func failure(_ action: String) -> BlobError {
        let code = errno
        if code == ENOSPC || code == EDQUOT || code == EFBIG { return .insufficientStorage }
        return .refused(action, String(cString: strerror(code)))
    }
}

extension stat {
    fileprivate var modifiedSeconds: Int {
        #if os(Linux)
            st_mtim.tv_sec
        #else
            st_mtimespec.tv_sec
        #endif
    }
}
