import Foundation
import NIOCore
import Testing
import Workloads

/// What is done to machines while they are there, on each engine.
extension EngineSuite {
    private func start(_ name: WorkloadName, on engine: any WorkloadEngine) async throws {
        let machine = MachineSpec(process: shell("exec sleep 1000"), bootsInit: false)
        try await engine.create(WorkloadSpec(name: name, labels: [:], shape: .machine(machine)))
        try await engine.start(name)
    }

    @Test(arguments: Kind.available) func `a paused machine counts as running, goes on, and can be stopped`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            try await start("machine-5", on: engine)
            for _ in 1...2 { try await engine.pause("machine-5") }
            #expect(try await engine.status(of: "machine-5")?.isRunning == true)
            for _ in 1...2 { try await engine.resume("machine-5") }
            try await engine.pause("machine-5")
            try await engine.stop("machine-5", grace: .zero)
            #expect(try await engine.status(of: "machine-5")?.hasEnded == true)
            try await engine.remove("machine-5")
        }
    }

    @Test(arguments: Kind.available) func `a machine's disk becomes an image, again and again`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            try await start("machine-6", on: engine)
            try await engine.capture("machine-6", as: "brume-test/captured")
            let first = try await engine.image("brume-test/captured")
            try await engine.capture("machine-6", as: "brume-test/captured")
            let second = try await engine.image("brume-test/captured")
            #expect(first != nil && second != nil && first?.id != second?.id)
            await #expect(throws: EngineError.self) { try await engine.capture("machine-0", as: "brume-test/none") }
            try await engine.remove("machine-6")
            try await engine.removeImage("brume-test/captured")
        }
    }

    @Test(arguments: Kind.available) func `a volume is attached to a running machine once, and detached`(
        _ kind: Kind
    ) async throws {
        try await on(kind) { engine in
            guard try await engine.capabilities().volumeAccess else { return }
            try await start("machine-7", on: engine)
            let mount = Mount(.volume("suite-data"), at: "/mnt/disks/data")
            await #expect(throws: EngineError.self) { try await engine.attach(mount, to: "machine-7") }
            try await engine.ensureVolume("suite-data", labels: [:])
            for _ in 1...2 { try await engine.attach(mount, to: "machine-7") }
            for _ in 1...2 { try await engine.detach("/mnt/disks/data", from: "machine-7") }
            await #expect(throws: EngineError.self) {
                try await engine.copyVolume("suite-none", to: "suite-copy", labels: [:])
            }
            try await engine.remove("machine-7")
            try await engine.removeVolume("suite-data")
        }
    }
}

/// What only a real engine shows.
extension DockerEngineTests {
    /// What a shell command inside a machine prints, and its exit code.
    private func inside(
        _ name: WorkloadName,
        _ engine: any WorkloadEngine,
        _ script: String
    ) async throws -> (Int32, String) {
        let session = try await engine.exec(ExecSpec(["sh", "-c", script]), in: name, part: "machine")
        let text = try await suite.text(session.output)
        return (try await session.exitCode(), text)
    }

    @Test func `what was written to a disk is in its image, and what was written to a volume is in its copy`()
        async throws
    {
        try await suite.on(.docker) { engine in
            let machine = MachineSpec(process: suite.shell("exec sleep 1000"), bootsInit: false)
            try await engine.create(WorkloadSpec(name: "writer", labels: [:], shape: .machine(machine)))
            try await engine.start("writer")
            try await engine.ensureVolume("written", labels: [:])
            try await engine.attach(Mount(.volume("written"), at: "/mnt/a/b"), to: "writer")
            let wrote = try await inside("writer", engine, "echo on-disk > /kept && echo on-volume > /mnt/a/b/kept")
            #expect(wrote.0 == 0, "\(wrote.1)")
            try await engine.detach("/mnt/a/b", from: "writer")
            #expect(try await inside("writer", engine, "cat /mnt/a/b/kept").0 != 0)
            try await engine.copyVolume("written", to: "copied", labels: [:])
            try await engine.attach(Mount(.volume("copied"), at: "/mnt/c", isReadOnly: true), to: "writer")
            let read = try await inside("writer", engine, "cat /mnt/c/kept; echo no > /mnt/c/kept")
            #expect(read.0 != 0 && read.1.contains("on-volume\n"), "\(read.1)")
            try await engine.capture("writer", as: "brume-test/written")
            try await engine.remove("writer")
            for volume in ["written", "copied"] { try await engine.removeVolume(volume) }

            var process = suite.shell("exec sleep 1000")
            process.image = "brume-test/written"
            let second = MachineSpec(process: process, bootsInit: false)
            try await engine.create(WorkloadSpec(name: "reader", labels: [:], shape: .machine(second)))
            try await engine.start("reader")
            #expect(try await inside("reader", engine, "cat /kept").1 == "on-disk\n")
            try await engine.remove("reader")
            try await engine.removeImage("brume-test/written")
        }
    }

    @Test func `a machine's ports are out of reach until a rule opens them, from outside and from its network`()
        async throws
    {
        try await suite.on(.docker) { engine in
            guard try await engine.capabilities().packetFilters else { return }
            let network = try await engine.ensureNetwork(NetworkSpec(name: "filtered", subnet: "10.214.0.0/24"))
            let prefix = network.daemonAddress.split(separator: ".").dropLast().joined(separator: ".")
            for (name, address) in [("server", "\(prefix).10"), ("client", "\(prefix).11")] {
                var process = suite.shell("while :; do echo served | nc -l -p 8888; done")
                process.network = NetworkAttachment(network: "filtered", address: address)
                let machine = MachineSpec(process: process, bootsInit: false)
                try await engine.create(WorkloadSpec(name: WorkloadName(name), labels: [:], shape: .machine(machine)))
                try await engine.start(WorkloadName(name))
            }
            let ask = "nc -w 2 \(prefix).10 8888 < /dev/null"
            func apply(_ ingress: [PacketFilter.Rule], egress: [PacketFilter.Rule] = []) async throws {
                let filter = PacketFilter(ingress: ingress, egress: egress, outside: network.daemonAddress)
                try await engine.apply(filter, to: "server")
            }
            try await apply([])
            #expect(try await inside("client", engine, ask).1.contains("served") == false)
            let port: ClosedRange<UInt16> = 8888...8888
            try await apply([
                .init(isAllowed: true, peers: ["\(prefix).0/24"], fitsOutside: false, transport: "tcp", ports: [port])
            ])
            #expect(try await inside("client", engine, ask).1.contains("served"))
            // A rule that comes first decides.
            let deny = PacketFilter.Rule(isAllowed: false, peers: ["\(prefix).11/32"], fitsOutside: false)
            let allow = PacketFilter.Rule(isAllowed: true, peers: [], fitsOutside: true, transport: "tcp")
            try await apply([deny, allow])
            #expect(try await inside("client", engine, ask).1.contains("served") == false)
            try await apply(
                [allow],
                egress: [.init(isAllowed: false, peers: ["\(prefix).11/32"], fitsOutside: false)]
            )
            #expect(
                try await inside("server", engine, "nc -w 2 \(prefix).11 8888 < /dev/null").1.contains("served")
                    == false
            )
            for name: WorkloadName in ["server", "client"] { try await engine.remove(name) }
            try await engine.removeNetwork("filtered")
        }
    }
}
