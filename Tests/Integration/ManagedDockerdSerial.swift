import DockerEngine
import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing
import Workloads

/// The private engine, as root and alone on its folder.
private let engineFolder = ProcessInfo.processInfo.environment["BRUME_TEST_ENGINE_FOLDER"]

@Suite(.serialized, .enabled(if: engineFolder != nil, "needs BRUME_TEST_ENGINE_FOLDER and root"))
struct ManagedDockerdTests {
    let logger = Logger(label: "test")

    func dockerd(_ change: (inout ManagedDockerd.Configuration) -> Void = { _ in }) throws -> ManagedDockerd {
        let folder = try #require(engineFolder)
        var configuration = ManagedDockerd.Configuration(
            dataFolder: folder + "/data",
            runFolder: folder + "/run",
            logFile: folder + "/dockerd.log"
        )
        change(&configuration)
        return ManagedDockerd(configuration, logger: logger)
    }

    @Test func `containers outlive the engine's death, doors lead to the daemon, and the end leaves no rule`()
        async throws
    {
        // Says hello to whoever connects, and tells who did.
        let (callers, caller) = AsyncStream<String>.makeStream()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                caller.yield(channel.remoteAddress?.ipAddress ?? "")
                let bytes = ByteBuffer(string: "HTTP/1.0 403 No\r\nContent-Length: 0\r\n\r\n")
                return channel.eventLoop.makeSucceededVoidFuture().always { _ in
                    channel.eventLoop.execute { channel.writeAndFlush(bytes, promise: nil) }
                }
            }
            .bind(host: "0.0.0.0", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        let first = try dockerd { $0.usesGateway(port: port, trustBundle: ProcessSpec.trustBundlePath) }
        let engine = DockerEngine(managed: first, cloud: "managed", logger: logger)
        if try await engine.image(EngineSuite.image) == nil {
            try await engine.importImage(EngineSuite.image, rootFileSystem: EngineSuite.rootFileSystem())
        }
        let door = NetworkSpec.Door(address: "169.254.169.254", port: 80, daemonPort: port)
        let spec = NetworkSpec(name: "cloudbuild", doors: [door])
        let network = try await engine.ensureNetwork(spec)
        #expect(try await engine.ensureNetwork(spec) == network)
        var process = ProcessSpec(image: EngineSuite.image, arguments: ["/bin/sh", "-c", "exec sleep 1000"])
        process.network = NetworkAttachment(network: "cloudbuild")
        let machine = MachineSpec(process: process, bootsInit: false)
        try await engine.create(WorkloadSpec(name: "stays", labels: [:], shape: .machine(machine)))
        try await engine.start("stays")
        let before = try await engine.status(of: "stays")

        // Through the door.
        let wget = ExecSpec(["wget", "-q", "-O", "-", "http://169.254.169.254/"])
        _ = try await engine.exec(wget, in: "stays", part: "machine")
        var calls = callers.makeAsyncIterator()
        #expect(await calls.next() == before?["machine"]?.address)

        // A registry's name leads to the gateway.
        await #expect(throws: EngineError.self) {
            try await engine.pull("gcr.io/demo/none:v1", credential: nil) { _ in }
        }
        #expect(await calls.next() == "127.0.0.1")

        // The engine dies; another daemon would find or start it again.
        let folder = try #require(engineFolder)
        let number = try String(contentsOfFile: folder + "/run/docker.pid", encoding: .utf8)
        let pid = try #require(Int32(number))
        let events = try await engine.events()
        kill(pid, SIGKILL)
        await #expect(throws: EngineError.unreachable) { for try await _ in events {} }
        var after: WorkloadStatus?
        for _ in 0..<100 where after == nil {
            after = try? await engine.status(of: "stays")
            if after == nil { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(after == before)

        // The daemon ends and leaves all as it is; the next one on the same folder adopts it.
        let daemon = Task { try await engine.run() }
        daemon.cancel()
        try await daemon.value
        let second = DockerEngine(managed: try dockerd(), cloud: "managed", logger: logger)
        #expect(try await second.recover(labels: [:]) == [before].compactMap(\.self))
        try await second.remove("stays")
        try await second.removeNetwork("cloudbuild")
        try await second.removeImage(EngineSuite.image)
        await second.shutDown()
        try await listener.close()
    }
}
