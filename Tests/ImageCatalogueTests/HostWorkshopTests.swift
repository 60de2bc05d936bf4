import BrumeTesting
import Foundation
import ImageCatalogue
import Logging
import SimulatedEngine
import Testing
import Workloads

private func isInstalled(_ programs: String...) -> Bool {
    programs.allSatisfy { program in
        ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }
}

@Suite("recipes on this machine")
struct HostWorkshopTests {
    /// Recipes that fetch packages run on request: `BRUME_TEST_RECIPES="debian-12 sklearn"`.
    private static let requested = (ProcessInfo.processInfo.environment["BRUME_TEST_RECIPES"] ?? "")
        .split(separator: " ").map(String.init)

    @Test(.enabled(if: isInstalled("busybox"), "needs busybox-static"))
    func `an image of this machine's files is made, kept outside the data folder, and made once`() async throws {
        try await withScratchFolder { folder in
            let catalogue = catalogue(SimulatedEngine(), cache: folder)
            let entry = try #require(catalogue.entry(named: "busybox"))
            let made = folder.appending(path: "busybox-1.tar").path(percentEncoded: false)

            #expect(try await catalogue.ensure(entry) == "brume/busybox:1")
            let first = try FileManager.default.attributesOfItem(atPath: made)
            #expect((first[.size] as? NSNumber)?.intValue ?? 0 > 500_000)

            try await self.catalogue(SimulatedEngine(), cache: folder).ensure("busybox")
            let second = try FileManager.default.attributesOfItem(atPath: made)
            #expect(first[.systemFileNumber] as? NSNumber == second[.systemFileNumber] as? NSNumber)
        }
    }

    @Test func `the listing tells what is there and what is not`() async throws {
        try await withScratchFolder { folder in
            let engine = SimulatedEngine()
            await engine.add("brume/busybox:1", ImageDescription(id: "a", sizeBytes: 2_000_000))
            let rows = try await catalogue(engine, cache: folder).inventory()
            #expect(rows.first { $0.name == "busybox" }?.sizeBytes == 2_000_000)
            #expect(rows.filter(\.isPresent).map(\.name) == ["busybox"])
            #expect(rows.first { $0.name == "debian-12" }?.families == ["debian-cloud/debian-12"])
        }
    }

    @Test(.enabled(if: isInstalled("mmdebstrap"), "needs mmdebstrap"), .timeLimit(.minutes(1)))
    func `an archive that cannot be reached is told at once, and leaves nothing`() async throws {
        try await withScratchFolder { folder in
            let path = folder.path(percentEncoded: false)
            var environment = ProcessInfo.processInfo.environment
            environment["BRUME_UBUNTU_MIRROR"] = "http://ada:secret@127.0.0.1:9/ubuntu"
            environment["BRUME_UBUNTU_KEYRING"] = #filePath
            let catalogue = ImageCatalogue(
                engine: SimulatedEngine(),
                entries: CatalogueEntry.table,
                workshop: HostWorkshop(cacheFolder: path, environment: environment),
                pullsUpstream: false,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let entry = try #require(catalogue.entry(named: "ubuntu-24.04"))
            let error = await #expect(throws: EngineError.self) { try await catalogue.ensure(entry) }
            let text = error?.description ?? ""
            #expect(text.contains("http://127.0.0.1:9/ubuntu") && text.contains("Connection refused"))
            #expect(text.contains("BRUME_UBUNTU_MIRROR") && text.contains("debian-12"))
            #expect(!text.contains("secret"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        }
    }

    @Test(.enabled(if: !requested.isEmpty, "BRUME_TEST_RECIPES names none"), arguments: requested)
    func `a recipe is carried out`(name: String) async throws {
        let engine = SimulatedEngine()
        let catalogue = ImageCatalogue(engine: engine, pullsUpstream: false, logger: Logger(label: "recipes"))
        let entry = try #require(catalogue.entry(named: name))
        let kept = try await catalogue.ensure(entry) { print($0) }
        #expect(try await engine.image(kept) != nil)
    }

    private func catalogue(_ engine: SimulatedEngine, cache: URL) -> ImageCatalogue {
        ImageCatalogue(
            engine: engine,
            cacheFolder: cache.path(percentEncoded: false),
            pullsUpstream: false,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }
}

@Suite("guest tools")
struct GuestToolsTests {
    @Test func `what is not installed is named with its remedy`() async throws {
        try await withScratchFolder { folder in
            let path = folder.path(percentEncoded: false)
            let error = await #expect(throws: EngineError.self) {
                try await GuestTools(folder: path + "/tools", environment: ["PATH": path]).ensure()
            }
            #expect(error?.description.contains("apt-get install") == true)
            #expect(error?.description.contains("patchelf") == true)
        }
    }

    @Test(.enabled(if: isInstalled("sshd", "patchelf", "busybox"), "needs openssh-server, patchelf, busybox-static"))
    func `the tree is made once, and holds the server and the scripts`() async throws {
        try await withScratchFolder { folder in
            let tools = GuestTools(folder: folder.path(percentEncoded: false))
            async let first = tools.ensure()
            async let second = tools.ensure()
            let tree = try await first
            #expect(try await second == tree)
            let scripts = ["libexec/first.sh", "libexec/ssh-up.sh", "libexec/name-up.sh"]
            let files = ["bin/sshd", "bin/sftp-server", "bin/sh", "applets/awk"] + scripts
            for file in files {
                #expect(FileManager.default.isExecutableFile(atPath: "\(tree)/\(file)"), "\(file)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).count == 1)
        }
    }
}
