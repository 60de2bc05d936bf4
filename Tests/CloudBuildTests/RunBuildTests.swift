import BrumeTesting
import Foundation
import GoogleAPI
import NIOCore
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild.projects.locations.builds: a build's course", .timeLimit(.minutes(1)))
struct RunBuildTests {
    @Test func `a good build pushes its image and its log is whole`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun("gcr.io/cloud-builders/docker") { step in
                await step.print("Successfully tagged")
                return Exit(code: 0)
            }
            await builds.engine.add("gcr.io/demo/trainer")
            let id = try await builds.create(
                """
                {"steps": [{"name": "gcr.io/cloud-builders/docker", "args": ["build", "-t", "gcr.io/$PROJECT_ID/trainer", "."]}],
                 "images": ["gcr.io/$PROJECT_ID/trainer"]}
                """
            )
            let build = try await builds.ended(id)
            #expect(build["status"] == "SUCCESS")
            #expect(build["results"]?["images"]?[0]?["name"] == "gcr.io/demo/trainer")
            #expect(build["results"]?["images"]?[0]?["digest"]?.string?.hasPrefix("sha256:") == true)
            #expect(build["steps"]?[0]?["args"]?[2] == "gcr.io/demo/trainer")
            let log = builds.log(id)
            #expect(log.hasPrefix("starting build \"\(id)\"\n\nFETCHSOURCE\nBUILD\nAlready have image"))
            #expect(log.contains("\nSuccessfully tagged\n"))
            #expect(log.contains("\nPUSH\nPushing gcr.io/demo/trainer\n"))
            #expect(log.hasSuffix("\nDONE\n"))
            #expect(await builds.engine.workloadNames.isEmpty)
            #expect(await builds.engine.volumes.isEmpty)
        }
    }

    @Test func `a failing step fails the build, skips the rest, and is named`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun(where: { $0.part == "step-0" }) { step in
                await step.print("oh no")
                return Exit(code: 3)
            }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine", "id": "first"}, {"name": "alpine"}]}"#
            )
            let build = try await builds.ended(id)
            #expect(build["status"] == "FAILURE")
            #expect(build["failureInfo"]?["type"] == "USER_BUILD_STEP")
            #expect(build["steps"]?[0]?["exitCode"] == 3 && build["steps"]?[1]?["status"] == "QUEUED")
            let log = builds.log(id)
            #expect(log.contains("Step #0 - \"first\": oh no\n"))
            #expect(log.hasSuffix("ERROR: build step 0 \"alpine\" failed: step exited with non-zero status: 3\n"))
        }
    }

    @Test func `a log that cannot be written fails a build that went well, and is told of one that did not`()
        async throws
    {
        try await withBuilds { builds in
            let good = try await builds.create(#"{"steps": [{"name": "alpine"}], "logsBucket": "gs://full"}"#)
            let ended = try await builds.ended(good)
            #expect(ended["status"] == "FAILURE" && ended["failureInfo"]?["type"] == "LOGGING_FAILURE")
            #expect(ended["warnings"]?[0]?["text"]?.string?.contains("disk") == true)
            await builds.engine.whenRun("alpine") { _ in Exit(code: 3) }
            let bad = try await builds.create(#"{"steps": [{"name": "alpine"}], "logsBucket": "gs://full"}"#)
            let failed = try await builds.ended(bad)
            #expect(failed["failureInfo"]?["type"] == "USER_BUILD_STEP" && failed["warnings"]?[0] != nil)
        }
    }

    @Test(arguments: [
        ("LEGACY", true, true), ("GCS_ONLY", true, false), ("CLOUD_LOGGING_ONLY", false, true),
        ("STACKDRIVER_ONLY", false, true), ("NONE", false, false),
    ])
    func `the log goes where the build says`(logging: String, toBucket: Bool, toEntries: Bool) async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun("alpine") { step in
                for number in 0..<2500 { await step.print("line \(number)") }
                return Exit(code: 0)
            }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}], "options": {"logging": "\#(logging)"}}"#
            )
            #expect(try await builds.ended(id)["status"] == "SUCCESS")
            let text = builds.log(id)
            #expect(text.hasSuffix("DONE\n") == toBucket)
            let told = builds.neighbours.told(id)
            #expect((told.first == "starting build \"\(id)\"" && told.last == "DONE") == toEntries)
            if toEntries { #expect(told.filter { $0.hasPrefix("line ") } == (0..<2500).map { "line \($0)" }) }
            if toBucket, toEntries { #expect(told.joined(separator: "\n") + "\n" == text) }
        }
    }

    @Test func `a tolerated failure lets the build go on`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun(where: { $0.part == "step-0" }) { _ in Exit(code: 3) }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine", "allowExitCodes": [3]}, {"name": "alpine"}]}"#
            )
            let build = try await builds.ended(id)
            #expect(build["status"] == "SUCCESS" && build["steps"]?[0]?["exitCode"] == 3)
        }
    }

    @Test func `the source is unpacked, and one that is missing fails the build`() async throws {
        try await withBuilds { builds in
            builds.neighbours.addSource("archive", at: "b/o.tgz")
            let waiting = AsyncStream<Void>.makeStream()
            await builds.engine.whenRun("alpine") { step in
                for await _ in waiting.stream { break }
                return Exit(code: 0)
            }
            let steps = #""steps": [{"name": "alpine"}]"#
            let id = try await builds.create(
                #"{\#(steps), "source": {"storageSource": {"bucket": "b", "object": "o.tgz"}}}"#
            )
            while await builds.engine.source(of: WorkloadName("build-\(id)")) == nil { await Task.yield() }
            let source = await builds.engine.source(of: WorkloadName("build-\(id)"))
            #expect(source.map { String(buffer: $0) } == "archive")
            waiting.continuation.yield()
            #expect(try await builds.ended(id)["status"] == "SUCCESS")
            let other = try await builds.create(
                #"{\#(steps), "source": {"storageSource": {"bucket": "b", "object": "no.tgz"}}}"#
            )
            #expect(try await builds.ended(other)["failureInfo"]?["type"] == "FETCH_SOURCE_FAILED")
        }
    }

    @Test func `an image that no step made is not pushed`() async throws {
        try await withBuilds { builds in
            let id = try await builds.create(#"{"steps": [{"name": "alpine"}], "images": ["gcr.io/demo/nothing"]}"#)
            let build = try await builds.ended(id)
            #expect(build["status"] == "FAILURE" && build["failureInfo"]?["type"] == "PUSH_IMAGE_NOT_FOUND")
        }
    }

    @Test func `cancel ends a running build at once`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun("alpine") { step in
                await step.untilStopped()
                return Exit(code: 0)
            }
            let id = try await builds.create(#"{"steps": [{"name": "alpine"}]}"#)
            while await builds.engine.workloadNames.isEmpty { await Task.yield() }
            let reply = try await builds.api.post("/cloudbuild/v1/projects/demo/builds/\(id):cancel")
            #expect(reply.json["status"] == "CANCELLED")
            #expect(await builds.engine.workloadNames.isEmpty)
            let again = try await builds.api.post("/cloudbuild/v1/projects/demo/builds/\(id):cancel")
            #expect(again.status == 400)
        }
    }

    @Test func `a build that exceeds its timeout is stopped`() async throws {
        try await withBuilds { builds in
            await builds.engine.whenRun("alpine") { step in
                await step.untilStopped()
                return Exit(code: 0)
            }
            let id = try await builds.create(#"{"steps": [{"name": "alpine"}], "timeout": "0.2s"}"#)
            #expect(try await builds.ended(id)["status"] == "TIMEOUT")
        }
    }

    @Test func `builds beyond the limit wait, and one that waits can be cancelled`() async throws {
        try await withBuilds(concurrent: 1) { builds in
            await builds.engine.whenRun("alpine") { step in
                await step.untilStopped()
                return Exit(code: 0)
            }
            let first = try await builds.create(#"{"steps": [{"name": "alpine"}]}"#)
            while await builds.engine.workloadNames.isEmpty { await Task.yield() }
            let second = try await builds.create(#"{"steps": [{"name": "alpine"}]}"#)
            #expect(try await builds.get(second)["status"] == "QUEUED")
            let filter = "status%3D%22WORKING%22%20OR%20status%3D%22QUEUED%22"
            let list = try await builds.api.get("/cloudbuild/v1/projects/demo/builds?filter=\(filter)&pageSize=1")
            #expect(list.json["builds"]?[0]?["id"] == .string(second) && list.json["nextPageToken"] != nil)
            _ = try await builds.api.post("/cloudbuild/v1/projects/demo/builds/\(second):cancel")
            #expect(try await builds.get(second)["status"] == "CANCELLED")
            _ = try await builds.api.post("/cloudbuild/v1/projects/demo/builds/\(first):cancel")
        }
    }
}
