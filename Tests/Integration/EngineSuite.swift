import DockerEngine
import Foundation
import Logging
import NIOCore
import SimulatedEngine
import Synchronization
import Testing
import Workloads

/// What every engine must do, run on each of them.
@Suite(.serialized) struct EngineSuite {
    /// An engine under test, with an image that has a shell.
    enum Kind: String, CaseIterable, Sendable {
        case simulated, docker

        static var available: [Kind] { Self.socket == nil ? [.simulated] : allCases }
        static var socket: String? { ProcessInfo.processInfo.environment["BRUME_TEST_DOCKER_SOCKET"] }
    }

    static let image: ImageReference = "brume-test/shell:latest"

    func shell(_ script: String) -> ProcessSpec {
        ProcessSpec(image: Self.image, arguments: ["/bin/sh", "-c", script])
    }

    /// Runs `body` on an engine, and fails when it leaves anything behind.
    func on(_ kind: Kind, _ body: (any WorkloadEngine) async throws -> Void) async throws {
        let engine: any WorkloadEngine
        switch kind {
        case .simulated:
            let simulated = SimulatedEngine(images: [Self.image])
            await simulated.whenRun(Self.image) { process in
                switch process.spec.arguments?.last ?? "" {
                case "exec sleep 1000": await process.untilStopped()
                case let script:
                    for line in script.split(separator: ";").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                        if line.hasPrefix("echo ") { await process.print(String(line.dropFirst(5))) }
                        if line.hasPrefix("exit ") { return Exit(code: Int32(line.dropFirst(5)) ?? 1) }
                    }
                }
                return Exit(code: 0)
            }
            await simulated.whenExecuted { session in
                if session.command.command == ["cat"] {
                    session.print(await session.readInput())
                    return 0
                }
                return 3
            }
            engine = simulated
        case .docker:
            // A cloud of its own for each test: suites run beside each other.
            let cloud = "t" + String(UInt32.random(in: .min ... .max), radix: 36)
            let docker = DockerEngine(socket: try #require(Kind.socket), cloud: cloud, logger: Logger(label: "test"))
            if try await docker.image(Self.image) == nil {
                try await docker.importImage(Self.image, rootFileSystem: Self.rootFileSystem())
            }
            engine = docker
        }
        try await body(engine)
        let left = try await engine.recover(labels: [:])
        #expect(left.isEmpty, "left behind")
        for status in left { try await engine.remove(status.name) }
    }

    /// A root file system of one static busybox.
    static func rootFileSystem() throws -> ByteStream {
        let folder = FileManager.default.temporaryDirectory.appending(path: "brume-\(UUID().uuidString)")
        let bin = folder.appending(path: "bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: bin.appending(path: "busybox").path())
        for name in ["sh", "cat", "sleep", "true", "stty", "wget", "nc"] {
            try FileManager.default.createSymbolicLink(
                atPath: bin.appending(path: name).path(),
                withDestinationPath: "busybox"
            )
        }
        let tar = Process()
        tar.executableURL = URL(filePath: "/bin/tar")
        let archive = folder.appending(path: "root.tar").path()
        tar.arguments = ["-C", folder.path(), "-cf", archive, "bin"]
        try tar.run()
        tar.waitUntilExit()
        let bytes = ByteBuffer(bytes: try Data(contentsOf: URL(filePath: archive)))
        return ByteStream { continuation in
            continuation.yield(bytes)
            continuation.finish()
        }
    }

    /// How many bytes the files at a path have; every second one is left unread.
    func files(
        at path: String,
        of name: WorkloadName,
        _ part: String,
        on engine: any WorkloadEngine
    ) async throws -> [String: Int] {
        let sizes = Mutex<[String: Int]>([:])
        _ = try await engine.read(path, of: name, part: part) { file in
            var size = Int(file.sizeBytes)
            if sizes.withLock({ $0.count }) % 2 == 0 {
                size = 0
                for try await chunk in file.content { size += chunk.readableBytes }
            }
            sizes.withLock { [size] in $0[file.path] = size }
        }
        return sizes.withLock { $0 }
    }

    func text(_ stream: AsyncThrowingStream<LogChunk, any Error>) async throws -> String {
        var text = ""
        for try await chunk in stream { text += String(buffer: chunk.bytes) }
        return text
    }

    @Test(arguments: Kind.available) func `a machine that runs takes another name, and is known by that alone`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            func spec(_ name: WorkloadName) -> WorkloadSpec {
                let machine = MachineSpec(process: shell("exec sleep 1000"), bootsInit: false)
                return WorkloadSpec(name: name, labels: ["kind": "vm"], shape: .machine(machine))
            }
            try await engine.create(spec("machine-old"))
            try await engine.start("machine-old")
            try await engine.create(spec("machine-other"))
            await #expect(throws: EngineError.self) { try await engine.rename("machine-old", to: "machine-other") }
            try await engine.remove("machine-other")

            let events = try await engine.events()
            try await engine.rename("machine-old", to: "machine-new")
            for try await event in events where event.name == "machine-new" { break }
            #expect(try await engine.status(of: "machine-old") == nil)
            #expect(try await engine.status(of: "machine-new")?.isRunning == true)
            #expect(try await engine.recover(labels: ["kind": "vm"]).map(\.name) == ["machine-new"])
            await #expect(throws: EngineError.self) { try await engine.rename("machine-old", to: "machine-third") }
            // What is made under the old name is another machine.
            try await engine.create(spec("machine-old"))
            #expect(try await engine.status(of: "machine-old")?["machine"]?.state == .waiting)
            try await engine.stop("machine-new", grace: .zero)
            #expect(try await engine.waitUntilEnded("machine-new")?.hasEnded == true)
            try await engine.remove("machine-old")
            #expect(try await engine.status(of: "machine-new") != nil)
            try await engine.remove("machine-new")
        }
    }

    @Test(arguments: Kind.available) func `a machine runs, is made and started twice, stops, starts again and goes`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            let machine = MachineSpec(process: shell("exec sleep 1000"), bootsInit: false)
            let spec = WorkloadSpec(name: "machine-1", labels: ["kind": "vm"], shape: .machine(machine))
            try await engine.create(spec)
            try await engine.create(spec)
            #expect(try await engine.status(of: "machine-1")?["machine"]?.state == .waiting)
            try await engine.start("machine-1")
            try await engine.start("machine-1")
            #expect(try await engine.status(of: "machine-1")?.isRunning == true)
            #expect(try await engine.recover(labels: ["kind": "vm"]).map(\.name) == ["machine-1"])
            #expect(try await engine.recover(labels: ["kind": "job"]).isEmpty)
            try await engine.stop("machine-1", grace: .seconds(1))
            try await engine.stop("machine-1", grace: .seconds(1))
            #expect(try await engine.status(of: "machine-1")?.hasEnded == true)
            try await engine.start("machine-1")
            #expect(try await engine.status(of: "machine-1")?.isRunning == true)
            try await engine.remove("machine-1")
            try await engine.remove("machine-1")
            #expect(try await engine.status(of: "machine-1") == nil)
        }
    }

    @Test(arguments: Kind.available)
    func `steps follow each other, share a log each, and a failure leaves out the rest`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            let steps = StepsSpec(
                steps: [
                    .init(name: "a", process: shell("echo one"), after: []),
                    .init(name: "b", process: shell("echo two; exit 9"), after: ["a"]),
                    .init(name: "c", process: shell("echo three"), after: ["b"]),
                ],
                workspace: "/workspace"
            )
            try await engine.create(WorkloadSpec(name: "build-1", labels: [:], shape: .steps(steps)))
            try await engine.start("build-1")
            let end = try await engine.waitUntilEnded("build-1")
            #expect(end?["a"]?.state == .ended(Exit(code: 0)))
            #expect(end?["b"]?.state == .ended(Exit(code: 9)))
            #expect(end?["c"]?.state == .skipped)
            #expect(try await text(engine.logs(of: "build-1", part: "b", follow: true)) == "two\n")
            try await engine.remove("build-1")
        }
    }

    @Test(arguments: Kind.available) func `replicas start together and a missing image makes none of them`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            let good = ReplicasSpec.Replica(name: "r-0", process: shell("echo hello; exit 4"))
            let bad = ReplicasSpec.Replica(name: "r-1", process: ProcessSpec(image: "brume-test/none"))
            await #expect(throws: EngineError.imageMissing("brume-test/none")) {
                let group = ReplicasSpec(replicas: [good, bad])
                try await engine.create(WorkloadSpec(name: "job-1", labels: [:], shape: .replicas(group)))
            }
            #expect(try await engine.status(of: "job-1") == nil)
            let group = ReplicasSpec(replicas: [good])
            try await engine.create(WorkloadSpec(name: "job-2", labels: [:], shape: .replicas(group)))
            let log = try await engine.logs(of: "job-2", part: "r-0", follow: true)
            try await engine.start("job-2")
            #expect(try await text(log) == "hello\n")
            #expect(try await engine.waitUntilEnded("job-2")?["r-0"]?.state == .ended(Exit(code: 4)))
            try await engine.remove("job-2")
        }
    }

    @Test(arguments: Kind.available) func `a command inside reads its input to the end and its exit code is told`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            let machine = MachineSpec(process: shell("exec sleep 1000"), bootsInit: false)
            try await engine.create(WorkloadSpec(name: "machine-2", labels: [:], shape: .machine(machine)))
            try await engine.start("machine-2")
            let cat = try await engine.exec(ExecSpec(["cat"]), in: "machine-2", part: "machine")
            try await cat.write(ByteBuffer(string: "some keys"))
            try await cat.finishInput()
            #expect(try await text(cat.output).contains("some keys"))
            #expect(try await cat.exitCode() == 0)
            let failing = try await engine.exec(ExecSpec(["sh", "-c", "exit 3"]), in: "machine-2", part: "machine")
            _ = try await text(failing.output)
            #expect(try await failing.exitCode() == 3)
            try await engine.remove("machine-2")
        }
    }

    @Test(arguments: Kind.available) func `a network that many ask for at once is made once`(_ kind: Kind) async throws
    {
        try await on(kind) { engine in
            let made = try await withThrowingTaskGroup { group in
                for _ in 1...5 {
                    group.addTask {
                        try await engine.ensureNetwork(NetworkSpec(name: "asked", subnet: "10.215.0.0/24"))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(made.count == 5 && made.allSatisfy { $0 == made[0] })
            try await engine.removeNetwork("asked")
        }
    }

    @Test(arguments: Kind.available) func `a fixed address is given, and events tell start and removal`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            let network = try await engine.ensureNetwork(NetworkSpec(name: "suite", subnet: "10.213.0.0/24"))
            #expect(try await engine.ensureNetwork(NetworkSpec(name: "suite", subnet: "10.213.0.0/24")) == network)
            let address = network.daemonAddress.split(separator: ".").dropLast().joined(separator: ".") + ".77"
            var process = shell("exec sleep 1000")
            process.network = NetworkAttachment(network: "suite", address: address)
            let machine = MachineSpec(process: process, bootsInit: false)
            let events = try await engine.events()
            try await engine.create(WorkloadSpec(name: "machine-3", labels: ["a": "b"], shape: .machine(machine)))
            try await engine.start("machine-3")
            #expect(try await engine.status(of: "machine-3")?["machine"]?.address == address)
            var seen = events.makeAsyncIterator()
            while let status = try await seen.next(), !status.isRunning {}
            try await engine.remove("machine-3")
            while let status = try await seen.next(), !status.parts.isEmpty {}
            try await engine.removeNetwork("suite")
            try await engine.removeNetwork("suite")
        }
    }
}

/// What only a real engine shows.
@Suite(.serialized, .enabled(if: EngineSuite.Kind.socket != nil, "needs BRUME_TEST_DOCKER_SOCKET"))
struct DockerEngineTests {
    let suite = EngineSuite()

    @Test func `steps share a workspace that begins with the source, and a step may not outlast its time`() async throws
    {
        try await suite.on(.docker) { engine in
            var slow = StepsSpec.Step(name: "slow", process: suite.shell("sleep 100"), after: ["read"])
            slow.timeout = .seconds(1)
            var steps = StepsSpec(
                steps: [
                    .init(name: "write", process: suite.shell("cat /workspace/bin/sh > /workspace/made"), after: []),
                    .init(
                        name: "read",
                        process: suite.shell(
                            "cmp /workspace/made /bin/busybox || busybox cmp /workspace/made /bin/busybox"
                        ),
                        after: ["write"]
                    ),
                    slow,
                ],
                workspace: "/workspace"
            )
            steps.source = { try EngineSuite.rootFileSystem() }
            try await engine.create(WorkloadSpec(name: "build-2", labels: [:], shape: .steps(steps)))
            try await engine.start("build-2")
            let end = try await engine.waitUntilEnded("build-2")
            #expect(end?["write"]?.state == .ended(Exit(code: 0)))
            #expect(end?["read"]?.state == .ended(Exit(code: 0)))
            #expect(end?["slow"]?.state == .ended(Exit(code: 137, reason: .timedOut)))
            #expect(
                try await suite.files(at: "/workspace/bin", of: "build-2", "write", on: engine).keys.contains {
                    $0.hasPrefix("/workspace/bin/")
                }
            )
            try await engine.remove("build-2")
        }
    }

    @Test func `files are read out of ended steps, whatever their names and sizes`() async throws {
        try await suite.on(.docker) { engine in
            let long = String(repeating: "n", count: 90)
            let script = """
                mkdir -p d/\(long)/\(long); echo deep > d/\(long)/\(long)/ü; : > d/empty; ln -s empty d/link
                i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done > d/big
                echo left > /builder-output
                """
            let steps = StepsSpec(
                steps: [.init(name: "a", process: suite.shell(script), after: [])],
                workspace: "/workspace"
            )
            var spec = steps
            spec.steps[0].process.workingDirectory = "/workspace"
            try await engine.create(WorkloadSpec(name: "build-3", labels: [:], shape: .steps(spec)))
            try await engine.start("build-3")
            #expect(try await engine.waitUntilEnded("build-3")?["a"]?.state == .ended(Exit(code: 0)))
            let files = try await suite.files(at: "/workspace/d", of: "build-3", "a", on: engine)
            #expect(
                files.keys.sorted() == ["/workspace/d/big", "/workspace/d/empty", "/workspace/d/\(long)/\(long)/ü"]
            )
            #expect(files["/workspace/d/big"] == 820_000 && files["/workspace/d/empty"] == 0)
            #expect(
                try await suite.files(at: "/builder-output", of: "build-3", "a", on: engine) == ["/builder-output": 5]
            )
            #expect(try await !engine.read("/workspace/none", of: "build-3", part: "a") { _ in })
            try await engine.remove("build-3")
        }
    }

    @Test func `files and trusted authorities are there before the program starts`() async throws {
        try await suite.on(.docker) { engine in
            var process = suite.shell("cat /etc/brume/hello /etc/ssl/certs/ca-certificates.crt")
            process.files = [FileSpec(path: "/etc/brume/hello", content: Array("hello\n".utf8))]
            process.trustedAuthorities = ["-----BEGIN CERTIFICATE-----\nbrume\n-----END CERTIFICATE-----"]
            let group = ReplicasSpec(replicas: [.init(name: "r", process: process)])
            try await engine.create(WorkloadSpec(name: "job-3", labels: [:], shape: .replicas(group)))
            try await engine.start("job-3")
            _ = try await engine.waitUntilEnded("job-3")
            let log = try await suite.text(engine.logs(of: "job-3", part: "r", follow: false))
            #expect(log.hasPrefix("hello\n"))
            #expect(log.contains("\nbrume\n"))
            try await engine.remove("job-3")
        }
    }

    @Test func `a terminal's end of input leaves an exit code`() async throws {
        try await suite.on(.docker) { engine in
            let machine = MachineSpec(process: suite.shell("exec sleep 1000"), bootsInit: false)
            try await engine.create(WorkloadSpec(name: "machine-4", labels: [:], shape: .machine(machine)))
            try await engine.start("machine-4")
            var command = ExecSpec(["sh", "-c", "cat; exit 5"])
            command.terminal = .init(columns: 100, rows: 30)
            let session = try await engine.exec(command, in: "machine-4", part: "machine")
            try await session.write(ByteBuffer(string: "typed\n"))
            try await session.finishInput()
            #expect(try await suite.text(session.output).contains("typed"))
            #expect(try await session.exitCode() == 5)
            try await engine.remove("machine-4")
        }
    }
}

/// Archives for tests, made by the machine's own tar.
enum TarFixture {
    static func archive(_ files: [String: String]) throws -> ByteStream {
        let folder = FileManager.default.temporaryDirectory.appending(path: "brume-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
        let tar = Process()
        tar.executableURL = URL(filePath: "/bin/tar")
        let archive = folder.path() + ".tar"
        defer { try? FileManager.default.removeItem(atPath: archive) }
        tar.arguments = ["-C", folder.path(), "-cf", archive, "."]
        try tar.run()
        tar.waitUntilExit()
        let bytes = ByteBuffer(bytes: try Data(contentsOf: URL(filePath: archive)))
        return ByteStream { continuation in
            continuation.yield(bytes)
            continuation.finish()
        }
    }
}
