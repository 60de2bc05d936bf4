import BrumeTesting
import CloudBuild
import Foundation
import GoogleAPI
import MetadataStore
import SimulatedEngine
import Synchronization
import Testing
import Workloads

@Suite("cloudbuild: a restart of the daemon", .timeLimit(.minutes(1)))
struct RestartTests {
    /// Begins a build, and ends the daemon while its step runs.
    private func interruptedBuild(_ engine: SimulatedEngine, _ store: MetadataStore) async throws -> String {
        await engine.whenRun("alpine") { step in
            await step.print("before")
            await step.untilStopped()
            return Exit(code: 0)
        }
        let started = Box()
        try await withBuilds(on: engine, store) { builds in
            let id = try await builds.create(#"{"steps": [{"name": "alpine"}]}"#)
            started.id = id
            while try await engine.status(of: WorkloadName("build-\(id)"))?.isRunning != true { await Task.yield() }
        }
        return started.id
    }

    private final class Box: @unchecked Sendable {
        // Written by the test's own task, before it is read.
        var id = ""
    }

    @Test func `a build whose steps still run is taken up, and its log is whole`() async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        let id = try await interruptedBuild(engine, store)
        let name = WorkloadName("build-\(id)")
        let left = try await engine.status(of: name)
        #expect(left?.isRunning == true)
        try await withBuilds(on: engine, store) { builds in
            let running = try await builds.get(id)
            #expect(running["status"] == "WORKING")
            await engine.print("after", as: name, part: "step-0")
            await engine.end(name, part: "step-0", with: Exit(code: 0))
            let build = try await builds.ended(id)
            #expect(build["status"] == "SUCCESS")
            #expect(builds.log(id).contains("\nbefore\nafter\nDONE\n"))
        }
    }

    @Test func `builds that wait in the queue run after the restart`() async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        await engine.whenRun("alpine") { step in
            await step.untilStopped()
            return Exit(code: 0)
        }
        let ids = Mutex<[String]>([])
        try await withBuilds(on: engine, store, concurrent: 1) { builds in
            for _ in 0..<3 {
                let id = try await builds.create(#"{"steps": [{"name": "alpine"}]}"#)
                ids.withLock { $0.append(id) }
            }
            let first = WorkloadName("build-\(ids.withLock { $0[0] })")
            while try await engine.status(of: first)?.isRunning != true { await Task.yield() }
        }
        await engine.whenRun("alpine") { _ in Exit(code: 0) }
        try await withBuilds(on: engine, store, concurrent: 1) { builds in
            let ids = ids.withLock(\.self)
            await engine.end(WorkloadName("build-\(ids[0])"), part: "step-0", with: Exit(code: 0))
            for id in ids {
                let build = try await builds.ended(id)
                #expect(build["status"] == "SUCCESS")
            }
        }
    }

    @Test func `a build whose source was being fetched is begun again`() async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        let started = Box()
        try await withBuilds(on: engine, store) { builds in
            builds.neighbours.isSlow.withLock { $0 = true }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}], "source": {"storageSource": {"bucket": "b", "object": "o.tgz"}}}"#
            )
            started.id = id
            while !builds.log(id).contains("Fetching storage object") { await Task.yield() }
        }
        try await withBuilds(on: engine, store) { builds in
            builds.neighbours.addSource("archive", at: "b/o.tgz")
            let build = try await builds.ended(started.id)
            #expect(build["status"] == "SUCCESS")
            let beginnings = builds.log(started.id).split(separator: "\n").filter { $0.hasPrefix("starting build") }
            #expect(beginnings.count == 1)
        }
    }

    @Test func `a build whose steps are gone ends as an internal error`() async throws {
        let engine = SimulatedEngine(images: ["alpine"])
        let store = try MetadataStore(inMemoryWith: [CloudBuildSchema.self])
        let id = try await interruptedBuild(engine, store)
        try await engine.remove(WorkloadName("build-\(id)"))
        try await withBuilds(on: engine, store) { builds in
            let build = try await builds.ended(id)
            #expect(build["status"] == "INTERNAL_ERROR")
        }
    }
}
