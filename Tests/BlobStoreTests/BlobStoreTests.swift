import BlobStore
import BrumeTesting
import Foundation
import GoogleAPI
import NIOCore
import Testing

func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

extension BlobBytes {
    func collect() async throws -> [UInt8] {
        var all: [UInt8] = []
        for try await chunk in self { all += Array(chunk.readableBytesView) }
        return all
    }
}

private func hex(_ bytes: [UInt8]?) -> String {
    (bytes ?? []).map { String(format: "%02x", $0) }.joined()
}

@Suite("CRC32C")
struct CRC32CTests {
    @Test(arguments: [("", 0), ("123456789", 0xE306_9283), ("a", 0xC1D0_4330)] as [(String, UInt32)])
    func `known values come out`(text: String, expected: UInt32) {
        #expect(CRC32C.of(text.utf8) == expected)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 63, 64, 4097, 100_003])
    func `the processor and plain C agree, in one piece and in two`(count: Int) {
        let all = bytes(count)
        let whole = CRC32C.of(all)
        #expect(CRC32C.extendPortably(0, by: ByteBuffer(bytes: all)) == whole)
        for cut in Set([0, count / 3, count]) {
            let (first, second) = (all[..<cut], all[cut...])
            #expect(CRC32C.extend(CRC32C.of(first), by: ByteBuffer(bytes: second)) == whole)
            #expect(CRC32C.combine(CRC32C.of(first), CRC32C.of(second), secondLength: Int64(second.count)) == whole)
        }
    }
}

@Suite("BlobStore")
struct BlobStoreTests {
    @Test(arguments: [0, 1, 1000, 262_144, 3_000_001])
    func `what was stored is read back, whole and in ranges`(count: Int) async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            let content = bytes(count)
            let staged = store.stage(computing: [.md5, .sha256])
            for start in stride(from: 0, to: count, by: 65_000) {
                try await staged.append(ByteBuffer(bytes: content[start..<min(start + 65_000, count)]))
            }
            let blob = try await staged.commit()
            #expect(blob.size == Int64(count))
            #expect(blob.crc32c == CRC32C.of(content))
            let expected = ExpectedBlob(size: blob.size, crc32c: blob.crc32c)
            #expect(try await store.read(blob.id, expecting: expected).collect() == content)
            if count > 10 {
                let part = try await store.read(blob.id, range: 3..<Int64(count - 2), expecting: expected).collect()
                #expect(part == Array(content[3..<(count - 2)]))
            }
        }
    }

    @Test func `the checksums of S3's clients are computed when asked for`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            // The check values of their catalogue, whatever the pieces.
            for pieces in [["123456789"], ["1", "23456789"], ["12345678", "9"]] {
                let staged = store.stage(computing: [.crc32, .crc64nvme, .sha1])
                for piece in pieces { try await staged.append(ByteBuffer(string: piece)) }
                let blob = try await staged.commit()
                #expect(blob.crc32 == 0xCBF4_3926 && blob.crc64nvme == 0xAE8B_1486_0A79_9888)
                #expect(blob.sha1?.prefix(4) == [0xF7, 0xC3, 0xBC, 0x1D] && blob.md5 == nil)
            }
        }
    }

    @Test func `MD5 and SHA-256 are computed when asked for`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            let staged = store.stage(computing: [.md5, .sha256])
            try await staged.append(ByteBuffer(string: "hello"))
            let blob = try await staged.commit()
            #expect(hex(blob.md5) == "5d41402abc4b2a76b9719d911017c592")
            #expect(hex(blob.sha256) == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
            let plain = store.stage()
            try await plain.append(ByteBuffer(string: "hello"))
            #expect(try await plain.commit().md5 == nil)
        }
    }

    @Test func `a staged blob is taken up by another process where it was acknowledged`() async throws {
        try await withScratchFolder { folder in
            let content = bytes(1_000_000)
            let first = try BlobStore(folder: folder).stage(computing: .md5)
            try await first.append(ByteBuffer(bytes: content[..<700_000]))
            try await first.sync()
            // Another store stands for another process. Only 600,000 bytes were acknowledged.
            let store = try BlobStore(folder: folder)
            let second = try await store.resume(first.id, size: 600_000, computing: .md5)
            try await second.append(ByteBuffer(bytes: content[600_000...]))
            let blob = try await second.commit()
            #expect(blob.crc32c == CRC32C.of(content))
            #expect(try await store.read(blob.id).collect() == content)
            let direct = store.stage(computing: .md5)
            try await direct.append(ByteBuffer(bytes: content))
            #expect(try await direct.commit().md5 == blob.md5)
        }
    }

    @Test func `a staged blob that is gone or short is an error`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            await #expect(throws: BlobError.missing("nothing-here")) {
                _ = try await store.resume("nothing-here", size: 5)
            }
            let staged = store.stage()
            try await staged.append(ByteBuffer(string: "abc"))
            try await staged.sync()
            await #expect(throws: BlobError.self) { _ = try await store.resume(staged.id, size: 4) }
        }
    }

    @Test func `a missing blob, a cut one and one with a flipped bit are errors in words`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            await #expect(throws: BlobError.missing("no-such-blob")) { _ = try await store.read("no-such-blob") }
            let staged = store.stage()
            try await staged.append(ByteBuffer(bytes: bytes(1000)))
            let blob = try await staged.commit()
            let expected = ExpectedBlob(size: blob.size, crc32c: blob.crc32c)
            let file = folder.appending(path: "\(blob.id.prefix(2))/\(blob.id)")
            var data = try Data(contentsOf: file)
            data[500] ^= 1
            try data.write(to: file)
            await #expect(throws: BlobError.self) {
                _ = try await store.read(blob.id, expecting: expected).collect()
            }
            // A reader gets none of a small one, so nobody can take it for whole.
            await #expect(throws: BlobError.self) { _ = try await store.read(blob.id, expecting: expected) }
            try data.prefix(999).write(to: file)
            let error = await #expect(throws: BlobError.self) { _ = try await store.read(blob.id, expecting: expected) }
            #expect(error?.description.contains("999") == true)
            #expect(error?.googleError.code == 500)
        }
    }

    @Test(arguments: ["../../../etc/passwd", "..", "a/b", ""])
    func `an ID that could lead out of the folder names nothing`(id: String) async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            await #expect(throws: BlobError.missing(id)) { _ = try await store.read(id) }
            await #expect(throws: BlobError.missing(id)) { try await store.remove(id) }
        }
    }

    @Test func `a blob that grows is read up to what a row says, and joined so`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            let content = bytes(3_000_000)
            let staged = store.stage(computing: .md5)
            var stages: [StoredBlob] = []
            for part in [0..<10, 10..<10, 10..<700_000, 700_000..<3_000_000] {
                try await staged.append(ByteBuffer(bytes: content[part]))
                stages.append(try await staged.publish())
            }
            for stage in stages {
                let expected = ExpectedBlob(size: stage.size, crc32c: stage.crc32c)
                let read = try await store.read(staged.id, expecting: expected).collect()
                #expect(read == Array(content[..<Int(stage.size)]))
                await #expect(throws: BlobError.self) {
                    _ = try await store.read(staged.id, range: 0..<(stage.size + 1), expecting: expected)
                }
                let joined = try await store.join([(staged.id, expected), (staged.id, expected)])
                #expect(joined.size == 2 * stage.size)
                let twice = try await store.read(joined.id, expecting: .init(size: joined.size, crc32c: joined.crc32c))
                #expect(try await twice.collect().count == Int(2 * stage.size))
            }
            #expect(try await staged.commit().md5 == stages.last?.md5)
        }
    }

    @Test func `a discarded blob leaves no file`() async throws {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            let staged = store.stage()
            try await staged.append(ByteBuffer(bytes: bytes(600_000)))
            await staged.discard()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path() + "/staged").isEmpty)
        }
    }

    @Test func `the sweep removes what no row names and what is older than the process, and nothing else`() async throws
    {
        try await withScratchFolder { folder in
            let store = try BlobStore(folder: folder)
            var ids: [String] = []
            for text in ["kept", "orphan"] {
                let staged = store.stage()
                try await staged.append(ByteBuffer(string: text))
                ids.append(try await staged.commit().id)
            }
            let upload = store.stage()
            try await upload.append(ByteBuffer(string: "staged"))
            try await upload.sync()
            let (kept, orphan) = (ids[0], ids[1])
            #expect(try await store.sweep { _ in [] } == 0)
            let later = try BlobStore(folder: folder, startTime: Date(timeIntervalSinceNow: 60))
            #expect(try await later.sweep { _ in [kept] } == 2)
            #expect(try await store.read(kept).collect() == Array("kept".utf8))
            await #expect(throws: BlobError.missing(orphan)) { _ = try await store.read(orphan) }
        }
    }

    @Test func `a full disk becomes 507 and says so`() {
        let error = BlobError.insufficientStorage.googleError
        #expect(error.code == 507)
        #expect(error.reason == "insufficientStorage")
    }
}
