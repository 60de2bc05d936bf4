import BrumeTesting
import Foundation
import ImageCatalogue
import Logging
import NIOCore
import SimulatedEngine
import Synchronization
import Testing
import Workloads

/// A workshop that writes down what it was asked for.
private final class ScriptedWorkshop: Workshop {
    let made = Mutex<[String]>([])
    let distributions = Mutex<[String: Distribution]>([:])
    private let folder: String
    private let failure: WorkshopError?

    init(folder: String, failure: WorkshopError? = nil) {
        self.folder = folder
        self.failure = failure
    }

    func dockerfile(of recipe: CatalogueEntry.Recipe) throws -> String { "ARG BASE\nFROM $BASE\nADD layer.tar /\n" }

    func layer(
        of recipe: CatalogueEntry.Recipe,
        name: String,
        version: String,
        distribution: Distribution?,
        parents: [String],
        progress: @escaping ProgressReport
    ) async throws -> String? {
        if let failure { throw failure }
        let path = "\(folder)/\(name)-\(version).tar"
        if FileManager.default.fileExists(atPath: path) { return path }
        progress("installing \(name)")
        made.withLock { $0.append(name) }
        distributions.withLock { $0[name] = distribution }
        try Data("the files of \(name)".utf8).write(to: URL(filePath: path))
        return path
    }

    func forget(name: String, version: String) throws {
        try FileManager.default.removeItem(atPath: "\(folder)/\(name)-\(version).tar")
    }
}

/// What each caller heard.
private final class Heard: Sendable {
    let lines = Mutex<[Int: [String]]>([:])
}

private struct Fixture: Sendable {
    var engine = SimulatedEngine()
    var workshop: ScriptedWorkshop
    var catalogue: ImageCatalogue

    init(folder: String, failure: WorkshopError? = nil, pullsUpstream: Bool = true) {
        workshop = ScriptedWorkshop(folder: folder, failure: failure)
        catalogue = ImageCatalogue(
            engine: engine,
            entries: CatalogueEntry.table,
            workshop: workshop,
            pullsUpstream: pullsUpstream,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }
}

private func withFixture(
    failure: WorkshopError? = nil,
    pullsUpstream: Bool = true,
    _ body: (Fixture) async throws -> Void
) async throws {
    try await withScratchFolder { folder in
        try await body(
            Fixture(folder: folder.path(percentEncoded: false), failure: failure, pullsUpstream: pullsUpstream)
        )
    }
}

@Suite("image catalogue: looking up")
struct CatalogueLookUpTests {
    @Test(arguments: [
        ("gcr.io/cloud-builders/docker", "cloud-builders-docker"),
        ("python:3.11-slim", "python-3.11"),
        ("docker.io/library/python:3.11", "python-3.11"),
        ("gcr.io/deeplearning-platform-release/pytorch-cpu:latest", "pytorch"),
        ("europe-docker.pkg.dev/vertex-ai/training/sklearn-cpu.1-6:latest", "sklearn"),
        ("gcr.io/google.com/cloudsdktool/cloud-sdk", "cloud-sdk"),
        ("brume/debian-12:1.2", "debian-12"),
    ])
    func `an image is found by each of its names`(reference: String, name: String) async throws {
        try await withFixture { fixture in
            #expect(fixture.catalogue.entry(for: ImageReference(reference))?.name == name)
        }
    }

    @Test(arguments: [
        "gcr.io/demo/trainer:v1", "python:2.7", "europe-docker.pkg.dev/vertex-ai/training/sklearn-cpu.0-23:latest",
    ])
    func `what no recipe makes is not claimed`(reference: String) async throws {
        try await withFixture { fixture in
            #expect(fixture.catalogue.entry(for: ImageReference(reference)) == nil)
        }
    }

    @Test func `a family leads to its image in its own project only`() async throws {
        try await withFixture { fixture in
            #expect(fixture.catalogue.entry(family: "debian-12", project: "debian-cloud")?.name == "debian-12")
            #expect(fixture.catalogue.entry(family: "debian-12", project: "cos-cloud") == nil)
            #expect(
                fixture.catalogue.entry(family: "pytorch-latest-cpu", project: "deeplearning-platform-release")?.name
                    == "pytorch"
            )
        }
    }

    @Test func `no two entries answer to one name`() {
        let references = CatalogueEntry.table.flatMap(\.references)
        #expect(Set(references).count == references.count)
        let images = CatalogueEntry.table.flatMap(\.computeImages).map { $0.project + "/" + $0.name }
        #expect(Set(images).count == images.count)
        #expect(Set(CatalogueEntry.table.map(\.name)).count == CatalogueEntry.table.count)
    }

    @Test func `every recipe is there, and stands on an entry that is listed before it`() throws {
        let recipes = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/ImageCatalogue/Recipes")
        var names: Set<String> = []
        for entry in CatalogueEntry.table {
            let files = try FileManager.default.contentsOfDirectory(
                atPath: recipes.appending(path: entry.recipe.folder).path(percentEncoded: false)
            )
            switch entry.recipe.kind {
            case .root: #expect(!files.contains("Dockerfile"))
            case .layer(let parent): #expect(names.contains(parent) && files.contains("Dockerfile"))
            case .files: #expect(files.contains("Dockerfile"))
            }
            names.insert(entry.name)
        }
    }
}

@Suite("image catalogue: having")
struct CatalogueEnsureTests {
    @Test func `an image is made with all that it stands on, once`() async throws {
        try await withFixture { fixture in
            let asked: ImageReference = "europe-docker.pkg.dev/vertex-ai/training/sklearn-cpu.1-6:latest"
            try await fixture.catalogue.ensure(asked)
            #expect(try await fixture.engine.image(asked) != nil)
            #expect(fixture.workshop.made.withLock { $0 } == ["debian-12-base", "python-3.11", "sklearn"])
            let bases = await fixture.engine.builds.map { $0.spec.arguments["BASE"] }
            #expect(bases == ["brume/debian-12-base:1", "brume/python-3.11:1.1"])

            try await fixture.catalogue.ensure(asked)
            #expect(await fixture.engine.builds.count == 2)
        }
    }

    @Test func `callers who want one image at one time share the work and its progress`() async throws {
        try await withFixture { fixture in
            let heard = Heard()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<8 {
                    group.addTask { [catalogue = fixture.catalogue] in
                        try await catalogue.ensure("gcr.io/cloud-builders/docker") { line in
                            heard.lines.withLock { $0[caller, default: []].append(line) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(fixture.workshop.made.withLock { $0 } == ["debian-12-base", "cloud-builders-docker"])
            #expect(await fixture.engine.builds.count == 1)
            #expect(heard.lines.withLock { $0.values.contains { $0.contains("installing cloud-builders-docker") } })
        }
    }

    @Test func `what was made for one cloud serves another`() async throws {
        try await withFixture { fixture in
            try await fixture.catalogue.ensure("python:3.11-slim")
            let other = SimulatedEngine()
            let second = ImageCatalogue(
                engine: other,
                entries: CatalogueEntry.table,
                workshop: fixture.workshop,
                pullsUpstream: false,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            try await second.ensure("python:3.11-slim")
            #expect(fixture.workshop.made.withLock { $0 } == ["debian-12-base", "python-3.11"])
            #expect(try await other.image("python:3.11-slim") != nil)
        }
    }

    @Test func `the build's context is the recipe's Dockerfile, labelled, and the layer`() async throws {
        try await withFixture { fixture in
            try await fixture.catalogue.ensure("gcr.io/cloud-builders/docker")
            let build = try #require(await fixture.engine.builds.first)
            let text = String(buffer: build.context)
            #expect(text.contains("LABEL brume.image=cloud-builders-docker brume.recipe=1.1"))
            #expect(text.contains("the files of cloud-builders-docker"))
            #expect(build.context.readableBytes % 512 == 0)
        }
    }

    @Test func `an original within reach is taken instead of a recipe`() async throws {
        try await withFixture { fixture in
            await fixture.engine.offer("docker.io/library/python:3.11-slim")
            try await fixture.catalogue.ensure("python:3.11-slim")
            #expect(fixture.workshop.made.withLock { $0 }.isEmpty)
            #expect(try await fixture.engine.image("python:3.11-slim") != nil)
        }
    }

    @Test func `an image of an older recipe is made anew, a user's own is left alone`() async throws {
        try await withFixture(pullsUpstream: false) { fixture in
            await fixture.engine.add("busybox", ImageDescription(id: "own"))
            try await fixture.catalogue.ensure("busybox")
            #expect(try await fixture.engine.image("busybox")?.id == "own")

            await fixture.engine.add("busybox", ImageDescription(id: "old", labels: ["brume.recipe": "0"]))
            try await fixture.catalogue.ensure("busybox")
            #expect(try await fixture.engine.image("busybox")?.id != "old")
        }
    }

    @Test func `an image that is not the catalogue's is pulled, and again when it is to be refreshed`() async throws {
        try await withFixture { fixture in
            let image: ImageReference = "gcr.io/demo/trainer:v1"
            await fixture.engine.offer(image)
            try await fixture.catalogue.ensure(image)
            try await fixture.catalogue.ensure(image)
            #expect(await fixture.engine.calls.filter { $0 == "pull \(image)" }.count == 1)
            try await fixture.catalogue.ensure(image, refresh: true)
            #expect(await fixture.engine.calls.filter { $0 == "pull \(image)" }.count == 2)
        }
    }

    @Test func `an unknown image fails by its name`() async throws {
        try await withFixture { fixture in
            await #expect(throws: EngineError.imageUnavailable("gcr.io/demo/none", reason: "manifest unknown")) {
                try await fixture.catalogue.ensure("gcr.io/demo/none")
            }
        }
    }

    @Test func `a missing tool is named with its remedy`() async throws {
        let failure = WorkshopError.toolMissing("mmdebstrap", remedy: "`sudo apt-get install mmdebstrap`")
        try await withFixture(failure: failure) { fixture in
            let error = await #expect(throws: EngineError.self) {
                try await fixture.catalogue.ensure("gcr.io/cloud-builders/docker")
            }
            #expect(error?.description.contains("sudo apt-get install mmdebstrap") == true)
            #expect(await fixture.engine.builds.isEmpty)
        }
    }

    @Test(arguments: [
        ("ubuntu-2204-lts", "ubuntu-22.04", Distribution.jammy),
        ("ubuntu-2404-lts-amd64", "ubuntu-24.04", Distribution.noble),
        ("ubuntu-2404-lts", "ubuntu-24.04", Distribution.noble),
    ])
    func `an image of Ubuntu's is made of Ubuntu's packages, in all its layers`(
        family: String,
        name: String,
        distribution: Distribution
    ) async throws {
        try await withFixture { fixture in
            let entry = try #require(fixture.catalogue.entry(family: family, project: "ubuntu-os-cloud"))
            #expect(try await fixture.catalogue.ensure(entry) == ImageReference("brume/\(name):1.1"))
            #expect(fixture.workshop.made.withLock { $0 } == ["\(name)-base", name])
            #expect(
                fixture.workshop.distributions.withLock { $0 } == ["\(name)-base": distribution, name: distribution]
            )
        }
    }

    @Test func `the images of Ubuntu are named as Google's`() throws {
        let images = CatalogueEntry.table.flatMap(\.computeImages).filter { $0.project == "ubuntu-os-cloud" }
        #expect(images.map(\.licenseName) == ["ubuntu-2204-lts", "ubuntu-2404-lts"])
        #expect(images[0].name.hasPrefix("ubuntu-2204-jammy-v"))
        #expect(images[1].name.hasPrefix("ubuntu-2404-noble-amd64-v"))
        #expect(images[1].description.hasPrefix("Canonical, Ubuntu, 24.04 LTS, amd64 noble image built on 20"))
    }
}
