import BrumeTesting
import CloudBuild
import Foundation
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Synchronization
import Testing
import Workloads

@Suite("cloudbuild.projects.locations.builds.cancel", .timeLimit(.minutes(1)))
struct CancelBuildTests {
    private static let source = #""source": {"storageSource": {"bucket": "b", "object": "o.tgz"}}"#

    @Test(arguments: [
        (#"{"steps": [{"name": "alpine"}], \#(source)}"#, true, "Fetching storage object"),
        (#"{"steps": [{"name": "alpine"}, {"name": "debian"}]}"#, true, "Pulling image: alpine"),
        (#"{"steps": [{"name": "alpine"}], "images": ["gcr.io/demo/fog"]}"#, false, "Pushing gcr.io/demo/fog"),
    ])
    func `a build is ended while it waits for somebody else, and nothing of it is left`(
        json: String,
        isSlow: Bool,
        line: String
    ) async throws {
        let engine = SimulatedEngine(images: isSlow ? [] : ["alpine", "gcr.io/demo/fog"])
        await engine.holdPushes()
        try await withBuilds(on: engine, try .init(inMemoryWith: [CloudBuildSchema.self])) { builds in
            builds.neighbours.isSlow.withLock { $0 = isSlow }
            let id = try await builds.create(json)
            while !builds.log(id).contains(line) { await Task.yield() }
            let reply = try await builds.api.post("/cloudbuild/v1/projects/demo/builds/\(id):cancel")
            #expect(reply.json["status"] == "CANCELLED")
            #expect(builds.log(id).contains("\nCANCELLED\nERROR: "))
            while await !engine.workloadNames.isEmpty { await Task.yield() }
            while await !engine.volumes.isEmpty { await Task.yield() }
        }
    }
}
