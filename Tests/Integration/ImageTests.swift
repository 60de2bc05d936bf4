import Testing
import Workloads

/// What only a real engine shows of images.
extension DockerEngineTests {
    @Test func `a build's RUN that fails says so`() async throws {
        try await suite.on(.docker) { engine in
            let dockerfile = "FROM brume-test/shell\nRUN exit 7\n"
            let context = try TarFixture.archive(["Dockerfile": dockerfile])
            await #expect(throws: EngineError.self) {
                try await engine.build(ImageBuildSpec(tags: ["brume-test/bad"]), context: context) { _ in }
            }
            #expect(try await engine.image("brume-test/bad") == nil)
            let good = try TarFixture.archive(["Dockerfile": "FROM brume-test/shell\nENV A=b\n"])
            try await engine.build(ImageBuildSpec(tags: ["brume-test/good"]), context: good) { _ in }
            #expect(try await engine.image("brume-test/good")?.environment["A"] == "b")
            try await engine.removeImage("brume-test/good")
        }
    }

    @Test func `images made from one another are removed at the same time`() async throws {
        try await suite.on(.docker) { engine in
            let images = (0...8).map { ImageReference("brume-test/made-\($0)") }
            for _ in 1...3 {
                var contents: [String] = []
                for (number, image) in images.enumerated() {
                    let base = number == 0 ? EngineSuite.image : images[0]
                    let context = try TarFixture.archive(["Dockerfile": "FROM \(base)\nLABEL number=\(number)\n"])
                    try await engine.build(ImageBuildSpec(tags: [image]), context: context) { _ in }
                    contents.append(try #require(try await engine.image(image)).id)
                }
                try await withThrowingTaskGroup { group in
                    for image in images.reversed() { group.addTask { try await engine.removeImage(image) } }
                    try await group.waitForAll()
                }
                for image in images + contents.map({ ImageReference($0) }) {
                    #expect(try await engine.image(image) == nil, "\(image)")
                }
            }
        }
    }
}
