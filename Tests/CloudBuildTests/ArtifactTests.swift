import BrumeTesting
import CloudBuild
import Foundation
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.projects.locations.builds: what a build keeps", .timeLimit(.minutes(1)))
struct ArtifactTests {
    /// A build of two steps that write files, with these artifacts.
    private func run(_ artifacts: String, _ body: (TestBuilds, JSON) async throws -> Void) async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun(where: { $0.part == "step-0" }) { step in
                try await step.write("one", to: "/workspace/dist/a.txt")
                try await step.write("log", to: "/workspace/dist/deep/b.log")
                try await step.write("hello from zero", to: "/builder/outputs/output")
                return Exit(code: 0)
            }
            await builds.engine.whenRun(where: { $0.part == "step-1" }) { step in
                try await step.write("wheel", to: "/workspace/dist/fog_lamp-1.0-py3-none-any.whl")
                return Exit(code: 0)
            }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}, {"name": "alpine"}], "substitutions": {"_B": "bucket"}, "options": {"substitutionOption": "ALLOW_LOOSE"}, "artifacts": \#(artifacts)}"#
            )
            try await body(builds, try await builds.ended(id))
        }
    }

    @Test func `objects go to the bucket, with a manifest of their generations and hashes`() async throws {
        let artifacts =
            #"{"objects": {"location": "gs://$_B/out", "paths": ["dist/*.txt", "./dist/a*", "dist/**.log"]}}"#
        try await run(artifacts) { builds, build in
            let id = build["id"]?.string ?? ""
            #expect(build["status"] == "SUCCESS", "\(builds.log(id))")
            #expect(builds.neighbours.kept("gs://bucket/out/a.txt") == "one")
            #expect(builds.neighbours.kept("gs://bucket/out/b.log") == "log")
            let manifest = "gs://bucket/out/artifacts-\(id).json"
            #expect(build["results"]?["artifactManifest"] == .string(manifest))
            #expect(build["results"]?["numArtifacts"] == "2")
            #expect(build["results"]?["artifactTiming"]?["endTime"] != nil)
            #expect(build["artifacts"]?["objects"]?["timing"]?["startTime"] != nil)
            let lines = (builds.neighbours.kept(manifest) ?? "").split(separator: "\n")
            let first = try JSON(parsing: Data((lines.first ?? "").utf8))
            #expect(first["location"] == "gs://bucket/out/a.txt#7")
            #expect(first["file_hash"]?[0]?["file_hash"]?[0]?["value"] == "AQI=")
            #expect(lines.count == 2 && builds.log(id).contains("Artifact manifest located at \(manifest)"))
        }
    }

    @Test func `Python packages go to their repository`() async throws {
        let repository = "https://europe-west1-python.pkg.dev/demo/wheels"
        try await run(#"{"pythonPackages": [{"repository": "\#(repository)/", "paths": ["dist/*.whl"]}]}"#) {
            builds,
            build in
            #expect(build["status"] == "SUCCESS")
            #expect(builds.neighbours.kept("\(repository)/fog_lamp-1.0-py3-none-any.whl") == "wheel")
            let kept = build["results"]?["pythonPackages"]?[0]
            #expect(kept?["uri"] == .string("\(repository)/package/fog_lamp-1.0-py3-none-any.whl"))
            #expect(kept?["fileHashes"]?["fileHash"]?[0]?["value"] == "AwQ=")
        }
    }

    @Test func `what a step leaves in its output is a result, in the order of the steps`() async throws {
        try await run("{}") { _, build in
            let outputs = build["results"]?["buildStepOutputs"]?.array?.compactMap(\.string)
            #expect(outputs == [Data("hello from zero".utf8).base64EncodedString(), ""])
        }
    }

    @Test func `an output is cut at four kilobytes`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun("alpine") { step in
                try await step.write(String(repeating: "x", count: 5000), to: "/builder/outputs/output")
                return Exit(code: 0)
            }
            let build = try await builds.ended(try await builds.create(#"{"steps": [{"name": "alpine"}]}"#))
            let output = build["results"]?["buildStepOutputs"]?[0]?.string.flatMap { Data(base64Encoded: $0) }
            #expect(output?.count == 4096)
        }
    }

    @Test(arguments: [
        (#"{"objects": {"location": "gs://bucket/", "paths": ["*.none"]}}"#, "No files match \"*.none\""),
        (#"{"objects": {"location": "gs://closed/", "paths": ["dist/*"]}}"#, "may not write to closed"),
    ])
    func `what is not there or may not be written fails the build`(artifacts: String, why: String) async throws {
        try await run(artifacts) { _, build in
            #expect(build["status"] == "FAILURE" && build["failureInfo"]?["type"] == "PUSH_FAILED")
            #expect(build["statusDetail"]?.string?.contains(why) == true)
        }
    }

    @Test(arguments: [
        (#"{"objects": {"location": "bucket", "paths": ["a"]}}"#, 400),
        (#"{"objects": {"location": "gs://bucket"}}"#, 400),
        (#"{"objects": {"location": "gs://bucket", "paths": ["../a"]}}"#, 400),
        (#"{"pythonPackages": [{"repository": "https://pypi.org/legacy", "paths": ["a"]}]}"#, 400),
        (#"{"mavenArtifacts": [{"path": "a"}]}"#, 501),
    ])
    func `artifacts that cannot be kept are refused before the build`(artifacts: String, status: Int) async throws {
        try await withBuilds { builds in
            let reply = try await builds.api.post(
                "/cloudbuild/v1/projects/demo/locations/global/builds",
                json: #"{"steps": [{"name": "alpine"}], "artifacts": \#(artifacts)}"#
            )
            #expect(reply.status == status, "\(reply.text)")
        }
    }
}
