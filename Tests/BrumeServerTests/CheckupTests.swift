import BrumeServer
import BrumeTesting
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("brume doctor")
struct CheckupTests {
    private static func check(
        _ subject: String,
        data: URL,
        port: Int? = nil,
        engine: String = "simulated"
    ) async throws -> Checkup.Check {
        let configuration = try CloudConfiguration(port: port, data: data.path, environment: ["BRUME_ENGINE": engine])
        return try #require(await Checkup(configuration).run().first { $0.subject == subject })
    }

    @Test func `an engine's missing socket is named, with what to do`() async throws {
        try await withScratchFolder { folder in
            let check = try await Self.check("engine", data: folder, engine: "unix:///nowhere/docker.sock")
            #expect(!check.isGood && check.isNeeded)
            #expect(check.finding == "there is no socket '/nowhere/docker.sock'")
            #expect(check.remedy?.contains("BRUME_ENGINE") == true)
        }
    }

    @Test func `a socket that nobody listens at is no engine`() async throws {
        try await withScratchFolder { folder in
            let path = folder.appending(path: "dead.sock").path
            try Data().write(to: URL(filePath: path))
            let check = try await Self.check("engine", data: folder, engine: "unix://\(path)")
            #expect(!check.isGood && check.finding == "nothing listens at '\(path)'")
            #expect(check.remedy?.contains("systemctl start docker") == true)
        }
    }

    @Test func `a path too long for a socket is said to be so`() async throws {
        try await withScratchFolder { folder in
            let path = "/" + String(repeating: "a", count: 200)
            let check = try await Self.check("engine", data: folder, engine: "unix://\(path)")
            #expect(!check.isGood && check.finding.contains("too long"))
        }
    }

    @Test func `a port that another program uses is refused, naming the program`() async throws {
        try await withScratchFolder { folder in
            let listener = try Listener()
            let taken = try await Self.check("port", data: folder, port: listener.port)
            #expect(!taken.isGood && taken.isNeeded)
            #expect(taken.finding.hasPrefix("\(listener.port) is used by "))
            #expect(taken.remedy?.contains("--port") == true)
            #if os(Linux)
                #expect(taken.finding.contains("(pid \(getpid()))"))
            #endif
            listener.stop()
            #expect(try await Self.check("port", data: folder, port: listener.port).isGood)
        }
    }

    @Test func `the port of the cloud that runs is no fault`() async throws {
        try await withScratchFolder { folder in
            let listener = try Listener()
            defer { listener.stop() }
            try FakeDaemon.run(on: folder, port: listener.port, engineSocket: nil)
            let check = try await Self.check("port", data: folder, port: listener.port)
            #expect(check.isGood && check.finding == "\(listener.port) is served by this cloud (pid 7)")
        }
    }

    @Test func `the managed engine's needs are checked one by one`() async throws {
        try await withScratchFolder { folder in
            let dockerd = try await Self.check("engine, dockerd", data: folder, engine: "managed")
            let watches = try await Self.check("engine, inotify instances", data: folder, engine: "managed")
            #expect(dockerd.isNeeded && !watches.isNeeded)
        }
    }
}

/// Another program on a port of loopback.
private struct Listener {
    private let descriptor: Int32
    let port: Int

    init() throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 1) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(status)
        port = Int(in_port_t(bigEndian: address.sin_port))
    }

    func stop() { close(descriptor) }
}
