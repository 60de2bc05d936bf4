import BrumeServer
import BrumeTesting
import Foundation
import Testing

@Suite("brume images")
struct ImagesTests {
    private static func socket(data: URL, engine: String) throws -> String {
        try Images.socket(of: try CloudConfiguration(data: data.path, environment: ["BRUME_ENGINE": engine]))
    }

    @Test func `the running cloud's engine is the one`() async throws {
        try await withScratchFolder { folder in
            try FakeDaemon.run(on: folder, port: 4600, engineSocket: "/cloud/docker.sock")
            #expect(try Self.socket(data: folder, engine: "managed") == "/cloud/docker.sock")
            #expect(try Self.socket(data: folder, engine: "unix:///other.sock") == "/cloud/docker.sock")
        }
    }

    @Test func `without a cloud an engine of one's own will do`() async throws {
        try await withScratchFolder { folder in
            let socket = try Self.socket(data: folder, engine: "unix:///other.sock")
            #expect(socket == "/other.sock")
        }
    }

    @Test func `without a cloud the managed engine is asked to be started`() async throws {
        try await withScratchFolder { folder in
            let error = #expect(throws: SettingError.self) { try Self.socket(data: folder, engine: "managed") }
            #expect(error?.description.contains("start it with 'brume up'") == true)
        }
    }

    @Test func `a simulated engine has no images`() async throws {
        try await withScratchFolder { folder in
            #expect(throws: SettingError.self) { try Self.socket(data: folder, engine: "simulated") }
            try FakeDaemon.run(on: folder, port: 4600, engineSocket: nil)
            #expect(throws: SettingError.self) { try Self.socket(data: folder, engine: "managed") }
        }
    }
}
