import BrumeTesting
import Foundation
import GoogleAPI
import MetadataStore
import Operations
import SimulatedEngine
import Synchronization
import Testing
import VertexAI
import Workloads

@Suite("aiplatform.projects.locations.customJobs.create", .timeLimit(.minutes(1)))
struct CreateCustomJobTests {
    @Test func `a job trains to its end and its lines are in the log`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                await program.print("epoch 1")
                await program.print(#"{"severity":"WARNING","message":"slow","step":3}"#)
                await program.print("careful", to: .error)
                return Exit(code: 0)
            }
            let created = try await cloud.create()
            #expect(created["state"] == "JOB_STATE_PENDING")
            let name = try #require(created["name"]?.string)
            #expect(
                name.wholeMatch(of: /projects\/123456789012\/locations\/europe-west1\/customJobs\/[0-9]{19}/) != nil
            )
            let job = try await cloud.job(created, in: "JOB_STATE_SUCCEEDED")
            #expect(job["state"] == "JOB_STATE_SUCCEEDED")
            #expect(job["startTime"] != nil && job["endTime"] != nil && job["error"] == nil)
            #expect(cloud.logs.said("workerpool0-0") == ["INFO epoch 1", "WARNING slow", "ERROR careful"])
            let service = cloud.logs.said("service")
            #expect(service.first == "INFO Waiting for job to be provisioned.")
            #expect(service.last == "INFO Job completed successfully.")
        }
    }

    @Test func `a program that fails fails the job, with its last words`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                await program.print("ValueError: no data", to: .error)
                return Exit(code: 3)
            }
            let job = try await cloud.job(try await cloud.create(), in: "JOB_STATE_FAILED")
            #expect(job["state"] == "JOB_STATE_FAILED" && job["error"]?["code"] == 3)
            let message = job["error"]?["message"]?.string ?? ""
            #expect(
                message.hasPrefix(
                    "The replica workerpool0-0 exited with a non-zero status of 3. Termination reason: Error. \n"
                        + "ValueError: no data"
                )
            )
        }
    }

    @Test func `an image that cannot be had fails the job and names it`() async throws {
        try await TrainingCloud.run(engine: SimulatedEngine()) { cloud in
            let job = try await cloud.job(try await cloud.create(), in: "JOB_STATE_FAILED")
            #expect(job["state"] == "JOB_STATE_FAILED" && job["startTime"] == nil)
            #expect(job["error"]?["message"]?.string?.contains("gcr.io/demo/trainer") == true)
        }
    }

    @Test func `the variables are those of the contract, and users' own expand`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                let environment = program.spec.environment
                for name in ["AIP_MODEL_DIR", "CLOUD_ML_PROJECT_ID", "TF_CONFIG", "OUT", "ODD", "MASTER_ADDR"] {
                    await program.print("\(name)=\(environment[name] ?? "-")")
                }
                await program.print("host=\(program.spec.hostname ?? "")")
                return Exit(code: 0)
            }
            let created = try await cloud.create(
                """
                {"worker_pool_specs":{"machine_spec":{"machine_type":"n1-standard-4","accelerator_count":0},
                "container_spec":{"image_uri":"gcr.io/demo/trainer",
                "env":[{"name":"OUT","value":"$(AIP_MODEL_DIR)x"},{"name":"ODD","value":"$$(OUT) $(NONE)"}]}},
                "base_output_directory":{"output_uri_prefix":"gs://b/runs"}}
                """
            )
            _ = try await cloud.job(created, in: "JOB_STATE_SUCCEEDED")
            let said = cloud.logs.said("workerpool0-0")
            #expect(said.contains("INFO AIP_MODEL_DIR=gs://b/runs/model/"))
            #expect(said.contains("INFO CLOUD_ML_PROJECT_ID=123456789012"))
            #expect(said.contains("INFO TF_CONFIG=-"))
            #expect(said.contains("INFO OUT=gs://b/runs/model/x") && said.contains("INFO ODD=$(OUT) $(NONE)"))
            let host = said.last?.replacing("INFO host=", with: "") ?? ""
            #expect(host.hasPrefix("cmle-training-workerpool0-") && said.contains("INFO MASTER_ADDR=\(host)"))
        }
    }

    @Test func `replicas of all pools run together and the primary's success ends the job`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                if program.part != "workerpool0-0" { await program.untilStopped() }
                await program.print(
                    "\(program.spec.environment["RANK"] ?? "") of \(program.spec.environment["WORLD_SIZE"] ?? "")"
                )
                await program.print(program.spec.environment["TF_CONFIG"] ?? "")
                return Exit(code: 0)
            }
            let pool =
                #"{"machineSpec":{"machineType":"n1-standard-4"},"containerSpec":{"imageUri":"gcr.io/demo/trainer"}"#
            let created = try await cloud.create(#"{"workerPoolSpecs":[\#(pool)},\#(pool),"replicaCount":"2"}]}"#)
            let job = try await cloud.job(created, in: "JOB_STATE_SUCCEEDED")
            #expect(job["state"] == "JOB_STATE_SUCCEEDED")
            #expect(cloud.logs.said("workerpool0-0").first == "INFO 0 of 3")
            let config = cloud.logs.lines.first { $0.task == "workerpool0-0" && $0.json != nil }?.json
            #expect(config?["task"] == ["type": "chief", "index": 0])
            #expect(config?["cluster"]?["worker"]?.array?.count == 2)
        }
    }

    @Test(arguments: [
        (#"{"workerPoolSpecs":[]}"#, "worker_pool_specs"),
        (#"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4"}}]}"#, "worker_pool_specs[0]"),
        (
            #"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-2"},"containerSpec":{"imageUri":"x"}}]}"#,
            "n1-standard-2"
        ),
        (
            #"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4"},"containerSpec":{"imageUrl":"x"}}]}"#,
            "imageUrl"
        ),
        (
            #"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4","acceleratorType":5,"acceleratorCount":3},"containerSpec":{"imageUri":"x"}}]}"#,
            "accelerator_count"
        ),
        (
            #"{"workerPoolSpecs":[{"machineSpec":{"machineType":"n1-standard-4","acceleratorType":"NVIDIA_L4","acceleratorCount":1},"containerSpec":{"imageUri":"x"}}]}"#,
            "NVIDIA_L4"
        ),
        (
            #"{"workerPoolSpecs":[{"replicaCount":2,"machineSpec":{"machineType":"n1-standard-4"},"containerSpec":{"imageUri":"x"}}]}"#,
            "replica_count"
        ),
        (#"{"timeout":"1s","workerPoolSpecs":[]}"#, "timeout"),
        (#"{"scheduling":{"timeout":"1h"},"workerPoolSpecs":[]}"#, "scheduling.timeout"),
    ])
    func `a bad field answers 400, is named, and no job comes to be`(spec: String, named: String) async throws {
        try await TrainingCloud.run { cloud in
            let reply = try await cloud.api.post(
                TrainingCloud.path,
                json: #"{"displayName":"t","jobSpec":\#(spec)}"#
            )
            #expect(reply.status == 400 && reply.message?.contains(named) == true, "\(reply.text)")
            #expect(try await cloud.api.get(TrainingCloud.path).json == [:])
        }
    }

    @Test func `scheduling.timeout ends a job that takes longer`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                await program.untilStopped()
                return Exit(code: 0)
            }
            let created = try await cloud.create(
                TrainingCloud.spec.dropLast() + #","scheduling":{"timeout":"0.05s"}}"#
            )
            let job = try await cloud.job(created, in: "JOB_STATE_FAILED")
            #expect(job["error"]?["code"] == 4)
        }
    }
}

@Suite("aiplatform.projects.locations.customJobs.cancel", .timeLimit(.minutes(1)))
struct CancelCustomJobTests {
    @Test func `a running job stops, and can then be deleted`() async throws {
        try await TrainingCloud.run { cloud in
            await cloud.engine.whenRun(TrainingCloud.image) { program in
                await program.untilStopped()
                return Exit(code: 0)
            }
            let created = try await cloud.create()
            let path = "/aiplatform/v1beta1/\(created["name"]?.string ?? "")"
            _ = try await cloud.job(created, in: "JOB_STATE_RUNNING")
            #expect(try await cloud.api.delete(path).status == 400)
            let reply = try await cloud.api.post(path + ":cancel")
            #expect(reply.status == 200 && reply.json == [:])
            let job = try await cloud.job(created, in: "JOB_STATE_CANCELLED")
            #expect(job["state"] == "JOB_STATE_CANCELLED" && job["endTime"] != nil)
            let operation = try await cloud.api.delete(path)
            #expect(operation.json["done"] == true)
            #expect(try await cloud.api.get(path).status == 404)
            let name = operation.json["name"]?.string ?? ""
            #expect(try await cloud.api.get("/aiplatform/ui/\(name)").json["done"] == true)
        }
    }
}

@Suite("A restart of the daemon", .timeLimit(.minutes(1)))
struct RestartTests {
    @Test func `a job that ran on meanwhile is taken up, and no line is told twice`() async throws {
        let store = try MetadataStore(inMemoryWith: [OperationsSchema.self, VertexAISchema.self])
        let engine = SimulatedEngine(images: [TrainingCloud.image])
        await engine.whenRun(TrainingCloud.image) { program in
            await program.print("before")
            await program.untilStopped()
            return Exit(code: 0)
        }
        let name = Mutex("")
        try await TrainingCloud.run(engine: engine, store: store) { cloud in
            let created = try await cloud.create()
            name.withLock { $0 = created["name"]?.string ?? "" }
            for await _ in cloud.logs.news where !cloud.logs.said("workerpool0-0").isEmpty { break }
        }
        let workload = WorkloadName("job-" + (name.withLock { $0 }.split(separator: "/").last ?? ""))
        await engine.print("meanwhile", as: workload, part: "workerpool0-0")
        await engine.end(workload, part: "workerpool0-0", with: Exit(code: 0))
        try await TrainingCloud.run(engine: engine, store: store) { cloud in
            let job = try await cloud.job(["name": .string(name.withLock { $0 })], in: "JOB_STATE_SUCCEEDED")
            #expect(job["state"] == "JOB_STATE_SUCCEEDED")
            #expect(cloud.logs.said("workerpool0-0").suffix(1) == ["INFO meanwhile"])
            #expect(cloud.logs.said("service").last == "INFO Job completed successfully.")
        }
        #expect(await engine.calls.filter { $0.hasPrefix("create ") }.count == 1)
    }
}

@Suite("aiplatform.projects.locations.customJobs.list", .timeLimit(.minutes(1)))
struct ListCustomJobsTests {
    @Test func `pages and filters`() async throws {
        try await TrainingCloud.run { cloud in
            for _ in 1...3 { _ = try await cloud.create() }
            let first = try await cloud.api.get(TrainingCloud.path + "?pageSize=2").json
            #expect(first["customJobs"]?.array?.count == 2)
            let token = first["nextPageToken"]?.string ?? ""
            let second = try await cloud.api.get(TrainingCloud.path + "?pageSize=2&pageToken=\(token)").json
            #expect(second["customJobs"]?.array?.count == 1 && second["nextPageToken"] == nil)
            #expect(try await cloud.api.get(TrainingCloud.path + "?filter=display_name%3D%22x%22").json == [:])
            let named = try await cloud.api.get(TrainingCloud.path + "?filter=display_name%3D%22t%22").json
            #expect(named["customJobs"]?.array?.count == 3)
            #expect(try await cloud.api.get(TrainingCloud.path + "?filter=(((").status == 400)
        }
    }
}
