import APIServer
import Foundation
import GoogleAPI
import Logging
import NIOCore
import Workloads

/// Carries one build out: source, steps, images, log, result.
///
/// Every step on the way may be repeated: after a restart of the daemon the whole runs again, finds the workload as it
/// is, and writes the log anew from what the engine still holds.
struct BuildExecution: Sendable {
    private let build: Build
    private let store: BuildStore
    private let neighbours: CloudBuild.Neighbours
    private let repositories: RepositorySources
    private let logger: Logger
    private let now: @Sendable () -> Date
    private let log: BuildLog
    private var engine: any WorkloadEngine { neighbours.engine }

    init(
        _ build: Build,
        store: BuildStore,
        neighbours: CloudBuild.Neighbours,
        repositories: RepositorySources,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.build = build
        self.store = store
        self.neighbours = neighbours
        self.repositories = repositories
        self.logger = logger
        self.now = now
        let logs = neighbours.logs
        var begin: BuildLog.Begin?
        if let place = build.log {
            begin = { try await logs.begin(bucket: place.bucket, object: place.object) }
        }
        var tell: BuildLog.Tell?
        if build.isToldToCloudLogging {
            let (entries, told) = (neighbours.entries, Self.told(build))
            tell = { lines in try await entries.write(lines, of: told) }
        }
        log = BuildLog(maximumOutputBytes: logs.maximumOutputBytes, logger: logger, begin: begin, tell: tell)
    }

    /// Runs the build to its end, or until the surrounding task is cancelled.
    ///
    /// - Parameters:
    ///   - mayReturn: Whether the build is left as it is when the engine went away under it.
    ///   - reason: Why the task was cancelled; nil: the daemon ends, and the build is left as it is.
    /// - Returns: Whether the build is over; false: the engine went away, and the build is to be run again.
    func run(mayReturn: Bool, reason: @escaping @Sendable () -> EndReason?) async -> Bool {
        var record = BuildRecord(build.document)
        do {
            try await perform(&record)
            await log.line("DONE")
            await finish(record, .success, nil)
        } catch EngineError.unreachable where mayReturn && reason() == nil && !Task.isCancelled {
            await log.close()
            return false
        } catch {
            let failure: BuildFailure
            switch (error, reason()) {
            case (_, .cancelled?): failure = .cancelled
            case (_, .timedOut?): failure = .timedOut
            case (let error as BuildFailure, _): failure = error
            default:
                if Task.isCancelled {
                    await log.close()
                    return true
                }
                logger.error("build failed inside: \(error)", metadata: ["build": "\(build.id)"])
                failure = .engine(error)
            }
            let ended = record
            // The rest must happen although this task is cancelled.
            await Task {
                await self.log.line(failure.status == .failure ? "ERROR" : failure.status.rawValue)
                await self.log.line("ERROR: \(failure.text)")
                await self.finish(ended, failure.status, failure)
            }.value
        }
        return true
    }

    private func perform(_ record: inout BuildRecord) async throws {
        if build.isHandedOver, try await engine.status(of: build.workload) == nil {
            throw BuildFailure(.internalError, type: nil, text: "Brume was restarted, and the build's steps are gone")
        }
        if build.isHandedOver, build.isToldToCloudLogging { try await neighbours.entries.clear(Self.told(build)) }
        if let place = build.log { try await neighbours.logs.ensureBucket(place.bucket, project: build.project) }
        await log.line("starting build \"\(build.id)\"\n")
        let token = try await neighbours.accounts.accessToken(for: build.account, lifetime: .seconds(12 * 3600))
        let surroundings = try await neighbours.surroundings.admit(guest)
        let processes = StepProcesses(
            build: build,
            accessToken: token,
            surroundings: surroundings,
            secrets: try await secrets()
        )

        await log.line("FETCHSOURCE")
        let fetchStart = now()
        let source = try await openSource()
        record.time("FETCHSOURCE", from: fetchStart, to: now())

        let credential = RegistryCredential(user: "oauth2accesstoken", password: token)
        let buildStart = now()
        defer { record.time("BUILD", from: buildStart, to: now()) }
        await log.line("BUILD")
        let status = try await runSteps(processes, source: source, credential: credential)
        record.steps(from: status)
        await record.describeBuilders(engine)
        if let outputs = try await StepOutputs(build: build, engine: engine).read() { record.stepOutputs(outputs) }
        if let failure = firstFailure(in: status, of: processes.steps()) { throw failure }
        record.time("BUILD", from: buildStart, to: now())
        try await push(credential, &record)
        let outputs = neighbours.outputs
        try await ArtifactUploads(build: build, engine: engine, outputs: outputs, log: log, now: now).run(&record)
    }

    private static func told(_ build: Build) -> ToldBuild {
        ToldBuild(id: build.id, project: build.project.id, triggerID: build.document["buildTriggerId"]?.string)
    }

    private var guest: BuildGuest {
        BuildGuest(
            buildID: build.id,
            project: build.project,
            serviceAccount: build.account,
            workload: build.workload,
            steps: build.steps.indices.map(StepProcesses.name)
        )
    }

    // MARK: Secrets

    /// The values of the build's secrets by variable, each read once, in the name of the build's account.
    private func secrets() async throws -> [String: String] {
        var values: [String: String] = [:]
        for (variable, version) in BuildSecretRequest(build.document).versions {
            do {
                let payload = try await neighbours.secrets.value(of: version, as: build.account)
                guard let text = String(bytes: payload, encoding: .utf8), !text.utf8.contains(0) else {
                    throw GoogleError.invalidBuild("the payload is no text, and cannot be a variable's value")
                }
                values[variable] = text
            } catch let error as GoogleError {
                throw BuildFailure.secret(version, error)
            }
        }
        return values
    }

    // MARK: Source

    private func openRepository() async throws -> (@Sendable () async throws -> ByteStream)? {
        guard let place = build.document["source"], place["storageSource"] == nil else { return nil }
        do {
            let source = try await repositories.resolve(place, in: build.project)
            await log.line("Fetching \(source.text)")
            return { try await source.open() }
        } catch {
            try Task.checkCancellation()
            throw BuildFailure.fetchingSource("repository", error)
        }
    }

    private func openSource() async throws -> (@Sendable () async throws -> ByteStream)? {
        if let open = try await openRepository() { return open }
        guard let source = build.document["source"]?["storageSource"], let bucket = source["bucket"]?.string,
            let object = source["object"]?.string
        else { return nil }
        let generation = source["generation"]?.integer
        let place = "gs://\(bucket)/\(object)" + (generation.map { "#\($0)" } ?? "")
        await log.line("Fetching storage object: \(place)")
        let sources = neighbours.sources
        let account = build.account
        let open: @Sendable () async throws -> ByteStream = {
            do {
                let archive = try await sources.open(
                    bucket: bucket,
                    object: object,
                    generation: generation,
                    as: account
                )
                guard object.hasSuffix(".zip") else { return archive }
                return ZipToTar.convert(archive) { BuildFailure.fetchingSource(place, $0) }
            } catch let error as CancellationError {
                throw error
            } catch {
                throw BuildFailure.fetchingSource(place, error)
            }
        }
        // A source that is not there is told before anything is made; what is read of this one is given up.
        if !build.isHandedOver { _ = try await open() }
        return open
    }

    // MARK: Steps

    private func runSteps(
        _ processes: StepProcesses,
        source: (@Sendable () async throws -> ByteStream)?,
        credential: RegistryCredential
    ) async throws -> WorkloadStatus {
        for volume in processes.volumes {
            try await engine.ensureVolume(processes.volume(volume), labels: ["brume.build": build.id])
        }
        let steps = processes.steps()
        let ids = build.steps.map { $0["id"]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        let progress = StepProgress(
            zip(steps, ids).map { (name: $0.name, image: $0.process.image, id: $1) },
            log: log
        )
        var spec = StepsSpec(steps: steps, workspace: StepProcesses.workspace)
        spec.source = source
        spec.needsContainerSocket = try await engine.capabilities().containerSocket
        let images = neighbours.images
        spec.reservedImages = images.reserved
        spec.ensureImage = { image in
            await progress.fetching(image)
            let (lines, report) = AsyncStream.makeStream(of: String.self)
            async let reported: Void = { for await line in lines { await progress.fetched(image, line) } }()
            defer { report.finish() }
            do {
                try await images.ensure(image, credential: credential) { report.yield($0) }
                report.finish()
                await reported
            } catch {
                report.finish()
                await reported
                throw error
            }
        }
        let labels = ["kind": "build", "project": build.project.id, "id": build.id]
        do {
            try await engine.create(WorkloadSpec(name: build.workload, labels: labels, shape: .steps(spec)))
        } catch let error as EngineError where source != nil && error.mayBeTheSource {
            throw BuildFailure.fetchingSource("archive", error)
        }
        try await store.update(build.id) { $0.isHandedOver = true }
        let workload = build.workload
        let engine = engine
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for step in steps {
                group.addTask {
                    let output = try await engine.logs(of: workload, part: step.name, follow: true)
                    for try await chunk in output { await progress.print(chunk.bytes, by: step.name) }
                    // A step without output is told too, once its end is known.
                    guard let part = try await engine.status(of: workload)?[step.name],
                        case .ended(let exit) = part.state
                    else { return }
                    if exit.reason != .failedToStart { await progress.begin(step.name) }
                    await progress.end(step.name, isGood: step.accepts(exit))
                }
            }
            try await engine.start(workload)
            let status = try await engine.waitUntilEnded(workload)
            try await group.waitForAll()
            try Task.checkCancellation()
            guard let status else { throw EngineError.notFound("The steps of the build are gone.") }
            return status
        }
    }

    private func firstFailure(in status: WorkloadStatus, of steps: [StepsSpec.Step]) -> BuildFailure? {
        let failed = status.parts.enumerated().compactMap { index, part -> (Date, Int, Exit)? in
            guard steps.indices.contains(index), case .ended(let exit) = part.state, !steps[index].accepts(exit) else {
                return nil
            }
            return (part.endTime ?? .distantFuture, index, exit)
        }
        // The first to fail is the cause; others were stopped because of it.
        guard let (_, index, exit) = failed.min(by: { ($0.0, $0.1) < ($1.0, $1.1) }) else { return nil }
        return .step(index, build.steps[index]["name"]?.string ?? "", exit)
    }

    // MARK: Images

    private func push(_ credential: RegistryCredential, _ record: inout BuildRecord) async throws {
        guard !build.images.isEmpty else { return }
        let start = now()
        defer { record.time("PUSH", from: start, to: now()) }
        await log.line("PUSH")
        var missing: [String] = []
        for name in build.images where try await engine.image(ImageReference(name)) == nil { missing.append(name) }
        guard missing.isEmpty else { throw BuildFailure.imageMissing(missing) }
        for name in build.images {
            let begin = now()
            await log.line("Pushing \(name)")
            let (lines, report) = AsyncStream.makeStream(of: String.self)
            async let reported: Void = { for await line in lines { await log.line(line) } }()
            do {
                let digest = try await engine.push(ImageReference(name), credential: credential) { report.yield($0) }
                report.finish()
                await reported
                record.pushed(name, digest: digest, from: begin, to: now())
            } catch {
                report.finish()
                await reported
                try Task.checkCancellation()
                throw BuildFailure.push(name, error)
            }
        }
    }

    // MARK: End

    /// Completes the log, then turns the status, then clears away what the build used.
    private func finish(_ record: BuildRecord, _ status: Build.Status, _ failure: BuildFailure?) async {
        var record = record
        if status == .cancelled || status == .timeout || status == .internalError {
            // Nothing may run on once the build has ended.
            try? await engine.stop(build.workload, grace: .seconds(2))
            if let ended = try? await engine.status(of: build.workload) { record.steps(from: ended) }
            record.interrupt(as: status)
        }
        await log.close()
        let unwritten = await log.failure.map(BuildFailure.logging)
        // What went well but cannot be read up is no success; another failure stays the cause.
        let (status, failure) = status == .success && unwritten != nil ? (.failure, unwritten) : (status, failure)
        if let unwritten { record.warn(unwritten.detail) }
        let document = record.document
        let time = Timestamp.text(now())
        do {
            try await store.update(build.id) { build in
                build.document = document
                build.document["startTime"] = build.document["startTime"] ?? .string(time)
                build.document["finishTime"] = .string(time)
                build.status = status
                guard let failure else { return }
                build.document["statusDetail"] = .string(failure.detail)
                if let type = failure.type {
                    build.document["failureInfo"] = ["type": .string(type), "detail": .string(failure.detail)]
                }
            }
        } catch {
            logger.error("cannot record the end of a build: \(error)", metadata: ["build": "\(build.id)"])
        }
        await clear()
    }

    private func clear() async {
        let processes = StepProcesses(build: build, accessToken: "", surroundings: [])
        do {
            try await engine.remove(build.workload)
            for volume in processes.volumes { try await engine.removeVolume(processes.volume(volume)) }
            try await neighbours.surroundings.release(guest)
        } catch {
            logger.warning("cannot clear away after a build: \(error)", metadata: ["build": "\(build.id)"])
        }
    }
}

extension EngineError {
    /// Whether the engine may have refused the archive that it was to unpack.
    fileprivate var mayBeTheSource: Bool {
        guard case .refused(let text) = self else { return false }
        let words = text.lowercased()
        return ["unpack", "archive", "gzip", "unexpected eof"].contains { words.contains($0) }
    }
}
