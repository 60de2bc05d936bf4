import DockerEngine
import Foundation
import Logging
import Testing
import Workloads

/// Devices that a specification describes, on a real engine: `/dev/zero` and `/dev/full` stand for two cards.
extension EngineSuite {
    private static let specification = """
        cdiVersion: "0.6.0"
        kind: nvidia.com/gpu
        containerEdits:
          env: [CARD_VENDOR=brume]
        devices:
          - name: "0"
            containerEdits:
              env: [CARD_0=1]
              deviceNodes: [{path: /dev/card0, hostPath: /dev/zero}]
          - name: "1"
            containerEdits:
              deviceNodes: [{path: /dev/card1, hostPath: /dev/full}]
          - name: all
            containerEdits:
              deviceNodes: [{path: /dev/card0, hostPath: /dev/zero}, {path: /dev/card1, hostPath: /dev/full}]
        """

    private func machine(_ name: WorkloadName, _ count: Int) -> WorkloadSpec {
        var process = shell("exec sleep 1000")
        process.accelerators = Accelerators(kind: Accelerators.nvidia, count: count)
        return WorkloadSpec(
            name: name,
            labels: [:],
            shape: .machine(MachineSpec(process: process, bootsInit: false))
        )
    }

    private func said(_ script: String, in name: WorkloadName, on engine: any WorkloadEngine) async throws -> String {
        let session = try await engine.exec(ExecSpec(["/bin/sh", "-c", script]), in: name, part: "machine")
        return try await text(session.output)
    }

    @Test(.enabled(if: Kind.socket != nil)) func `each device is one workload's, and free again when that ends`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "brume-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(Self.specification.utf8).write(to: folder.appending(path: "cards.yaml"))
        let engine = DockerEngine(
            socket: try #require(Kind.socket),
            cloud: "t" + String(UInt32.random(in: .min ... .max), radix: 36),
            deviceFolders: [folder.path()],
            logger: Logger(label: "test")
        )
        if try await engine.image(Self.image) == nil {
            try await engine.importImage(Self.image, rootFileSystem: Self.rootFileSystem())
        }
        #expect(try await engine.capabilities().accelerators == ["nvidia.com/gpu": 2])

        // Both at once: neither gets the other's.
        try await withThrowingDiscardingTaskGroup { group in
            for name: WorkloadName in ["gpu-a", "gpu-b"] {
                group.addTask {
                    try await engine.create(machine(name, 1))
                    try await engine.start(name)
                }
            }
        }
        let look =
            "for card in 0 1; do [ -c /dev/card$card ] && cat /dev/card$card | busybox head -c 1 && echo $card; done"
        let first = try await said(look, in: "gpu-a", on: engine)
        let second = try await said(look, in: "gpu-b", on: engine)
        #expect(Set([first, second].map { $0.last { $0.isNumber } }) == ["0", "1"], "\(first) \(second)")
        let vendor = try await said("echo $CARD_VENDOR", in: "gpu-a", on: engine)
        #expect(vendor == "brume\n")

        await #expect(throws: EngineError.busy("All accelerators of this machine are in use.")) {
            try await engine.create(machine("gpu-c", 1))
        }
        await #expect(throws: EngineError.self) { try await engine.create(machine("gpu-c", 3)) }
        #expect(try await engine.status(of: "gpu-c") == nil)

        // What has ended keeps none, and may have to wait when it starts again.
        try await engine.stop("gpu-a", grace: .zero)
        try await engine.create(machine("gpu-c", 1))
        try await engine.start("gpu-c")
        await #expect(throws: EngineError.busy("All accelerators of this machine are in use.")) {
            try await engine.start("gpu-a")
        }
        try await engine.remove("gpu-c")
        try await engine.start("gpu-a")
        for name: WorkloadName in ["gpu-a", "gpu-b"] { try await engine.remove(name) }
        #expect(try await engine.recover(labels: [:]).isEmpty)
    }
}
