import BrumeTesting
import Foundation
import GoogleAPI
import NIOCore
import SimulatedEngine
import Testing
import Workloads

/// Archives made by the program `python3 -m zipfile`, or by hand.
private enum Zip {
    /// A local header, the content, and the beginning of a directory.
    static func entry(_ name: String, _ content: [UInt8], method: UInt8 = 0, flags: UInt8 = 0, crc: UInt32) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xff) } }
        var bytes: [UInt8] = [0x50, 0x4b, 3, 4, 20, 0, flags, 0, method, 0, 0, 0, 0, 0] + little(Int(crc), 4)
        bytes += little(content.count, 4) + little(content.count, 4) + little(name.utf8.count, 2) + [0, 0]
        return bytes + Array(name.utf8) + content
    }

    /// The same with the right checksum and size of what is packed.
    static func entry(_ name: String, _ packed: [UInt8], of content: [UInt8], method: UInt8) -> [UInt8] {
        var crc: UInt32 = .max
        for byte in content {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xedb8_8320 ^ crc >> 1 : crc >> 1 }
        }
        var bytes = entry(name, packed, method: method, crc: ~crc)
        for index in 0..<4 { bytes[22 + index] = UInt8(content.count >> (8 * index) & 0xff) }
        return bytes
    }

    static let end: [UInt8] = [0x50, 0x4b, 1, 2] + [UInt8](repeating: 0, count: 50)
}

@Suite("cloudbuild: ZIP archives as sources", .timeLimit(.minutes(1)))
struct ZipSourceTests {
    private func build(_ archive: [UInt8], _ body: (JSON, ByteBuffer?) async throws -> Void) async throws {
        try await withBuilds { builds in
            let source = AsyncStream.makeStream(of: ByteBuffer?.self)
            await builds.engine.whenRun("alpine") { [engine = builds.engine] step in
                source.continuation.yield(await engine.source(of: step.workload))
                return Exit(code: 0)
            }
            builds.neighbours.addSource(archive, at: "b/source.zip")
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}], "source": {"storageSource": {"bucket": "b", "object": "source.zip"}}}"#
            )
            let ended = try await builds.ended(id)
            source.continuation.finish()
            var unpacked: ByteBuffer?
            for await one in source.stream { unpacked = one }
            try await body(ended, unpacked)
        }
    }

    @Test func `a stored file becomes a tar entry, whole`() async throws {
        try await build(Zip.entry("d/a.txt", Array("hello".utf8), crc: 0x3610_a686) + Zip.end) { build, tar in
            #expect(build["status"] == "SUCCESS", "\(build)")
            let bytes = Array((tar ?? ByteBuffer()).readableBytesView)
            #expect(bytes.count == 512 + 512 + 1024)
            #expect(String(decoding: bytes.prefix(7), as: UTF8.self) == "d/a.txt")
            #expect(String(decoding: bytes[124..<135], as: UTF8.self) == "00000000005")
            #expect(String(decoding: bytes[512..<517], as: UTF8.self) == "hello")
        }
    }

    @Test(arguments: [
        ("../a", 0, 0, UInt32(0x3610_a686)), ("/a", 0, 0, 0x3610_a686), ("a", 1, 0, 0x3610_a686),
        ("a", 0, 0, 1), ("a", 0, 12, 0x3610_a686), ("a", 0, 8, 0x3610_a686), ("a", 8, 0, 0x3610_a686),
    ])
    func `an archive that is damaged or leads out of its folder fails the build`(
        name: String,
        flags: Int,
        method: Int,
        crc: UInt32
    ) async throws {
        let entry = Zip.entry(name, Array("hello".utf8), method: UInt8(method), flags: UInt8(flags), crc: crc)
        try await build(entry + Zip.end) { build, tar in
            #expect(build["status"] == "FAILURE" && build["failureInfo"]?["type"] == "FETCH_SOURCE_FAILED", "\(build)")
            #expect(tar == nil)
        }
    }

    @Test func `an archive that is cut off fails the build`() async throws {
        try await build(Zip.entry("a", Array("hello".utf8), crc: 0x3610_a686).dropLast(2) + []) { build, _ in
            #expect(build["failureInfo"]?["type"] == "FETCH_SOURCE_FAILED")
        }
    }

    @Test(arguments: [
        ("cb48cdc9c957c8402701", "68656c6c6f2068656c6c6f2068656c6c6f2068656c6c6f"),
        ("011700e8ff68656c6c6f2068656c6c6f2068656c6c6f2068656c6c6f", "68656c6c6f2068656c6c6f2068656c6c6f2068656c6c6f"),
        (
            "1d8ed915443108425ba1040de2d27f638f99af1c815c78457434a44192e02c8e83ce45add015d015dad20b47ec06d6e9dac06b415d783ce43586653d4da333a6f6f3edac1b5a85b597fae58d9371923537d64214788791592ef6b739bf423631d3383776089ecc58bb0b26d6e76ee38d9df5d230834ed7c39ac7ffaefc00",
            "3234332036303620353537203133332033373820393337203631382034383520363430203539342036372036323020313320393330203835372034383020323635203536342032333920313936203733342034383120353533203835362035363220343837203430362036353420383831203135342032333720363530203135352038383820393438203533352033393920373539203135203638372037393520363520313633203737362039383020363035203433203330382037393820333120383433203838362032373520343834203630392037333620393432203839392033393620373331"
        ),
    ])
    func `fixed, stored and dynamic blocks are unpacked`(packed: String, content: String) async throws {
        let content = bytes(content)
        try await build(Zip.entry("a", bytes(packed), of: content, method: 8) + Zip.end) { build, tar in
            #expect(build["status"] == "SUCCESS", "\(build["statusDetail"]?.string ?? "")")
            #expect(Array((tar ?? ByteBuffer()).readableBytesView.dropFirst(512).prefix(content.count)) == content)
        }
    }

    @Test func `garbage neither unpacks nor keeps the daemon busy`() async throws {
        var state: UInt64 = 42
        for round in 0..<40 {
            let garbage = (0..<(50 * (round + 1))).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(state >> 56)
            }
            try await build(Zip.entry("a", garbage, of: [1], method: 8) + Zip.end) { build, _ in
                #expect(build["failureInfo"]?["type"] == "FETCH_SOURCE_FAILED")
            }
        }
    }

    private func bytes(_ digits: String) -> [UInt8] {
        stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) }
    }
}
