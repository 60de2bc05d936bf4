import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("accelerators of custom jobs", .timeLimit(.minutes(1)))
struct AcceleratorTests {
    static let spec = TrainingCloud.spec.replacing(
        #""machineType":"n1-standard-4""#,
        with: #""machineType":"n1-standard-4","acceleratorType":"NVIDIA_TESLA_T4","acceleratorCount":1"#
    )
    static let waiting = "INFO Waiting for accelerators: all of this machine's are in use."

    @Test func `a machine without any fails the job at once`() async throws {
        try await TrainingCloud.run { cloud in
            let job = try await cloud.job(cloud.create(Self.spec), in: "JOB_STATE_FAILED")
            #expect(job["error"]?["code"] == 8)
            #expect(job["error"]?["message"]?.string?.hasPrefix("Resources are insufficient") == true)
        }
    }

    @Test func `a job waits for its turn, and runs when the device is free`() async throws {
        let engine = SimulatedEngine(images: [TrainingCloud.image])
        await engine.offer(accelerators: ["nvidia.com/gpu": 1])
        await engine.whenRun(TrainingCloud.image) { process in
            await process.untilStopped()
            return Exit(code: 0)
        }
        try await TrainingCloud.run(engine: engine) { cloud in
            let first = try await cloud.create(Self.spec)
            _ = try await cloud.job(first, in: "JOB_STATE_RUNNING")
            let second = try await cloud.create(Self.spec)
            for await _ in cloud.logs.news where cloud.logs.said("service").contains(Self.waiting) { break }
            #expect(try await cloud.job(second)["state"] == "JOB_STATE_PENDING")
            _ = try await cloud.api.post("/aiplatform/v1/\(first["name"]?.string ?? ""):cancel", json: "{}")
            let now = try await cloud.job(second, in: "JOB_STATE_RUNNING")
            #expect(now["state"] == "JOB_STATE_RUNNING")
        }
    }

    @Test func `simulated ones are none, and the job's log says so`() async throws {
        try await TrainingCloud.run(simulatesAccelerators: true) { cloud in
            let job = try await cloud.job(cloud.create(Self.spec), in: "JOB_STATE_SUCCEEDED")
            #expect(job["state"] == "JOB_STATE_SUCCEEDED")
            let notice =
                "WARNING SIMULATED accelerators: 1 x NVIDIA_TESLA_T4. The job has no such device; it runs on processors."
            #expect(cloud.logs.said("service").contains(notice))
        }
    }
}
