import APIServer
import Foundation
import GoogleAPI
import Logging
import Workloads

/// One job on its way: each step may be repeated after a restart.
struct JobExecution: Sendable {
    let runner: CustomJobRunner
    let job: CustomJob
    let project: ProjectIdentity

    private var workload: JobWorkload { JobWorkload(job: job, project: project) }

    private enum News: Sendable {
        case copied(replica: String, tail: [String])
        case ended(replica: String, Exit)
        case timedOut
        case vanished
    }

    /// Brings the job from pending to its end.
    ///
    /// - Throws: `CancellationError` only; all else is an outcome.
    func run() async throws -> JobOutcome {
        do {
            let known = try await runner.engine.status(of: workload.name)
            if known == nil {
                // A workload that ran and is gone is not started a second time.
                if job.state == .running { return .failed(code: 13, message: Self.internalError) }
                try await prepare()
            }
            // Nor is one whose replicas have ended while nobody looked.
            if known?.parts.allSatisfy({ $0.state == .waiting }) ?? true {
                try await runner.engine.start(workload.name)
            }
            try await markRunning()
            return try await follow()
        } catch let error as EngineError {
            try Task.checkCancellation()
            return .failure(error, location: job.location)
        } catch let error as GoogleError {
            return .failure(error, location: job.location)
        } catch {
            try Task.checkCancellation()
            runner.logger.error("job failed: \(error)", metadata: ["job": "\(job.id)"])
            return .failure(error, location: job.location)
        }
    }

    private static let internalError = "Internal error occurred for the current attempt."

    private func prepare() async throws {
        try await say(
            "Waiting for job to be provisioned.",
            "Vertex AI is provisioning job running framework. First time usage might take couple of minutes, "
                + "and subsequent runs can be much faster.",
            "Vertex AI is setting up this job.",
            "Waiting for training program to start."
        )
        var images: [String: ImageReference] = [:]
        for name in Set(job.pools.indices.map(job.image)) where !name.isEmpty {
            images[name] = try await runner.images.ensure(ImageReference(name), project: project)
        }
        var replicas: [ReplicasSpec.Replica] = []
        for replica in job.replicas {
            guard let image = images[job.image(replica.pool)] else { continue }
            var process = try workload.process(replica, image: image)
            if runner.simulatesAccelerators { process.accelerators = nil }
            process = try await runner.surroundings.surround(
                process,
                of: workload.owner(replica),
                project: project,
                serviceAccount: job.spec["serviceAccount"]?.string
            )
            replicas.append(ReplicasSpec.Replica(name: replica.name, process: process))
        }
        try await say("Job is preparing.")
        if runner.simulatesAccelerators, let notice = workload.simulationNotice {
            try await say(notice, severity: "WARNING")
        }
        try await create(
            WorkloadSpec(
                name: workload.name,
                labels: workload.labels,
                shape: .replicas(ReplicasSpec(replicas: replicas))
            )
        )
    }

    /// Makes the workload as soon as its accelerators are free, after the jobs that wait for theirs already.
    private func create(_ spec: WorkloadSpec) async throws {
        guard !spec.accelerators.isEmpty else { return try await runner.engine.create(spec) }
        try await runner.accelerators.take(job.id) {
            var hasTold = false
            while true {
                // Listening begins first: nothing that is given back meanwhile is missed.
                let events = try await runner.engine.events()
                do {
                    return try await runner.engine.create(spec)
                } catch EngineError.busy {
                    if !hasTold { try await say("Waiting for accelerators: all of this machine's are in use.") }
                    hasTold = true
                }
                do {
                    for try await status in events where status.hasEnded { break }
                } catch EngineError.unreachable {
                    continue  // Asked again, an engine of the cloud's own comes back.
                }
                try Task.checkCancellation()
            }
        }
    }

    private func markRunning() async throws {
        guard job.state != .running else { return }
        let time = JSON.string(Timestamp.text(runner.now()))
        try await runner.store.change(job.id) { job in
            guard job.state == .pending else { return }
            job.state = .running
            job.document["startTime"] = time
            job.document["updateTime"] = time
        }
        try await say("Job is running.")
    }

    /// Copies logs until the job's end is known and what its replica said is in the log.
    private func follow() async throws -> JobOutcome {
        try await withThrowingTaskGroup(of: News.self) { group in
            defer { group.cancelAll() }
            for replica in job.replicas.map(\.name) {
                group.addTask { await copy(replica, follow: true) }
            }
            group.addTask { try await watch() }
            group.addTask {
                try await Task.sleep(for: remainingTime())
                return .timedOut
            }
            var tails: [String: [String]] = [:]
            var end: (replica: String, exit: Exit)?
            while let news = try await group.next() {
                switch news {
                case .timedOut:
                    let seconds = job.timeout.components.seconds
                    return .failed(code: 4, message: "The job ran longer than its timeout of \(seconds)s.")
                case .vanished: return .failed(code: 13, message: Self.internalError)
                case .copied(let replica, let tail): tails[replica] = tail
                case .ended(let replica, let exit): end = (replica, exit)
                }
                guard let end, let tail = tails[end.replica] else { continue }
                if end.exit.code == 0, end.exit.reason == .exited { return .succeeded }
                return .failure(of: end.replica, end.exit, tail: tail, job: job, number: project.number)
            }
            throw CancellationError()
        }
    }

    private func remainingTime() async throws -> Duration {
        let current = try await runner.store.find(job.id)
        guard let text = current?.document["startTime"]?.string, let start = Timestamp.date(text) else {
            return job.timeout
        }
        return job.timeout - .seconds(max(0, runner.now().timeIntervalSince(start)))
    }

    /// Waits for the end of the job; an engine that goes away may come back.
    private func watch() async throws -> News {
        while true {
            try Task.checkCancellation()
            do {
                let events = try await runner.engine.events()
                guard let status = try await runner.engine.status(of: workload.name) else { return .vanished }
                if let end = JobOutcome.end(of: status) { return .ended(replica: end.replica, end.exit) }
                for try await status in events where status.name == workload.name {
                    if status.parts.isEmpty { return .vanished }
                    if let end = JobOutcome.end(of: status) { return .ended(replica: end.replica, end.exit) }
                }
            } catch let error as EngineError {
                runner.logger.warning("the engine is silent: \(error)", metadata: ["job": "\(job.id)"])
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func copy(_ replica: String, follow: Bool) async -> News {
        let copier = LogCopier(replica: replica, job: job, logs: runner.logs, store: runner.store)
        do {
            try await copier.copy(
                try await runner.engine.logs(of: workload.name, part: replica, follow: follow)
            )
        } catch {
            if !Task.isCancelled {
                runner.logger.warning("cannot copy a log: \(error)", metadata: ["job": "\(job.id)"])
            }
        }
        return .copied(replica: replica, tail: await copier.tail)
    }

    /// Ends the job: all replicas stop, the rest of what they said is kept, and the state tells the outcome.
    func end(_ outcome: JobOutcome) async throws {
        try await say("Tearing down training program.")
        if let status = try? await runner.engine.status(of: workload.name) {
            if !status.hasEnded { try? await runner.engine.stop(workload.name, grace: .seconds(10)) }
            for part in status.parts { _ = await copy(part.name, follow: false) }
        }
        try await say("Finished tearing down training program.")
        let time = JSON.string(Timestamp.text(runner.now()))
        try await runner.store.change(job.id) { job in
            job.document["endTime"] = time
            job.document["updateTime"] = time
            switch outcome {
            case .succeeded: job.state = .succeeded
            case .cancelled:
                job.state = .cancelled
                job.document["error"] = ["code": 1, "message": "CANCELED"]
            case .failed(let code, let message):
                job.state = .failed
                job.document["error"] = ["code": .integer(code), "message": .string(message)]
            }
        }
        switch outcome {
        case .succeeded: try await say("Job completed successfully.")
        case .cancelled: try await say("Job is cancelled.")
        case .failed(_, let message): try await say(message, severity: "ERROR")
        }
    }

    /// Removes what an ended job leaves behind.
    func clean() async throws {
        try await runner.engine.remove(workload.name)
        for replica in job.replicas { try await runner.surroundings.release(workload.owner(replica)) }
        try await runner.store.finish(job.id)
    }

    private func say(_ texts: String..., severity: String = "INFO") async throws {
        let lines = texts.map { JobLogLine(task: "service", severity: severity, text: $0) }
        try await runner.logs.write(lines, of: job.id, project: job.project)
    }
}
