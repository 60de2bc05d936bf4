import BlobStore
import BrumeTesting
import Foundation
import NIOCore
import Testing

@Suite("blobs sealed with a key")
struct SealedBlobTests {
    private let key = BlobKey(Data(bytes(32, seed: 7)))
    private let other = BlobKey(Data(bytes(32, seed: 8)))

    @Test func `a key has 256 bits`() {
        #expect(BlobKey(Data(count: 32)) != nil && BlobKey(Data(count: 31)) == nil && BlobKey(Data(count: 33)) == nil)
    }

    /// Stores content in pieces that fit no chunk.
    private func store(_ content: [UInt8], in store: BlobStore) async throws -> StoredBlob {
        let staged = store.stage(computing: .md5, sealedWith: key)
        for start in stride(from: 0, to: content.count, by: 50_001) {
            try await staged.append(ByteBuffer(bytes: content[start..<min(start + 50_001, content.count)]))
        }
        return try await staged.commit()
    }

    private func file(of blob: StoredBlob, in folder: URL) -> URL {
        folder.appending(path: "\(blob.id.prefix(2))/\(blob.id)")
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 131_072, 3_000_001])
    func `content is read back whole and from any position, and checksums are its own`(count: Int) async throws {
        try await withScratchFolder { folder in
            let (blobs, content) = (try BlobStore(folder: folder), bytes(count))
            let key = try #require(key)
            let blob = try await store(content, in: blobs)
            #expect(blob.size == Int64(count) && blob.crc32c == CRC32C.of(content))
            let expected = ExpectedBlob(size: blob.size, crc32c: blob.crc32c)
            #expect(try await blobs.read(blob.id, expecting: expected, openedWith: key).collect() == content)
            for range in [0..<1, 65_530..<65_540, 65_536..<65_536, 65_536..<131_072, 100_000..<2_999_999] {
                guard range.upperBound <= count else { continue }
                let asked = Int64(range.lowerBound)..<Int64(range.upperBound)
                let part = try await blobs.read(blob.id, range: asked, expecting: expected, openedWith: key)
                #expect(try await part.collect() == Array(content[range]))
            }
        }
    }

    @Test func `the file shows neither content nor that two contents are the same`() async throws {
        try await withScratchFolder { folder in
            let blobs = try BlobStore(folder: folder)
            let content = [UInt8](repeating: 0x41, count: 200_000)
            let first = try Data(contentsOf: file(of: try await store(content, in: blobs), in: folder))
            let second = try Data(contentsOf: file(of: try await store(content, in: blobs), in: folder))
            #expect(first.count == second.count && first.dropFirst(16) != second.dropFirst(16))
            #expect(first.range(of: Data(repeating: 0x41, count: 8)) == nil)
        }
    }

    @Test func `another key, a flipped bit, chunks that changed places and a cut are damage`() async throws {
        try await withScratchFolder { folder in
            let (blobs, key) = (try BlobStore(folder: folder), try #require(key))
            let blob = try await store(bytes(200_000), in: blobs)
            let expected = ExpectedBlob(size: blob.size, crc32c: blob.crc32c)
            await #expect(throws: BlobError.self) {
                _ = try await blobs.read(blob.id, expecting: expected, openedWith: try #require(other)).collect()
            }
            let (file, chunk) = (file(of: blob, in: folder), 65_536 + 28)
            let whole = try Data(contentsOf: file)
            var flipped = whole
            flipped[48 + chunk + 1000] ^= 1
            var swapped = whole
            swapped.replaceSubrange(48..<48 + chunk, with: whole[48 + chunk..<48 + 2 * chunk])
            swapped.replaceSubrange(48 + chunk..<48 + 2 * chunk, with: whole[48..<48 + chunk])
            for damaged in [flipped, swapped, whole.dropLast(1), Data(whole.prefix(20))] {
                try damaged.write(to: file)
                await #expect(throws: BlobError.self) {
                    // A part, too: the tag of a chunk protects it.
                    _ = try await blobs.read(blob.id, range: 70_000..<70_001, expecting: expected, openedWith: key)
                        .collect()
                }
            }
            try whole.write(to: file)
            #expect(try await blobs.read(blob.id, expecting: expected, openedWith: key).collect() == bytes(200_000))
        }
    }

    @Test(arguments: [0, 65_536, 327_680])
    func `a staged one is taken up by another process where it was acknowledged`(acknowledged: Int) async throws {
        try await withScratchFolder { folder in
            let (content, key) = (bytes(1_000_000), try #require(key))
            let first = try BlobStore(folder: folder).stage(sealedWith: key)
            try await first.append(ByteBuffer(bytes: content[..<700_000]))
            try await first.sync()
            // Another store stands for another process.
            let blobs = try BlobStore(folder: folder)
            let second = try await blobs.resume(first.id, size: Int64(acknowledged), sealedWith: key)
            try await second.append(ByteBuffer(bytes: content[acknowledged...]))
            let blob = try await second.commit()
            let expected = ExpectedBlob(size: blob.size, crc32c: CRC32C.of(content))
            #expect(try await blobs.read(blob.id, expecting: expected, openedWith: key).collect() == content)
            // Whoever has no key finds damage all the same.
            let sealed = try Data(contentsOf: file(of: blob, in: folder))
            #expect(blob.seal?.crc32c == CRC32C.of(Array(sealed)))
            #expect(Int64(sealed.count) == SealedFormat.fileSize(ofContent: blob.size))
        }
    }
}
