import Foundation
import GoogleAPI
import NIOCore
import Synchronization
import Workloads

/// Takes the files that a build keeps out of its workspace.
struct ArtifactUploads: Sendable {
    let build: Build
    let engine: any WorkloadEngine
    let outputs: any BuildOutputs
    let log: BuildLog
    let now: @Sendable () -> Date

    /// Uploads objects, then packages, each in the name of the build's account.
    func run(_ record: inout BuildRecord) async throws {
        let request = try ArtifactsRequest(build.document)
        if let objects = request.objects { try await upload(objects, &record) }
        for packages in request.pythonPackages { try await upload(packages, &record) }
    }

    // MARK: Objects

    private func upload(_ objects: ArtifactsRequest.Objects, _ record: inout BuildRecord) async throws {
        let start = now()
        await log.line("Artifacts will be uploaded to \(objects.location)")
        do {
            let manifest = Mutex<[String]>([])
            try await visit(objects.paths) { [outputs, log, build] file in
                let name = objects.folder + file.path.split(separator: "/").suffix(1).joined()
                await log.line("Uploading \(file.path) to gs://\(objects.bucket)/\(name)")
                let stored = try await outputs.store(
                    file.content,
                    bucket: objects.bucket,
                    object: name,
                    as: build.account
                )
                let line: JSON = [
                    "location": .string("gs://\(objects.bucket)/\(name)#\(stored.generation)"),
                    "file_hash": [["file_hash": [["type": 2, "value": .string(stored.md5.base64EncodedString())]]]],
                ]
                let text = String(decoding: try line.data(), as: UTF8.self)
                manifest.withLock { $0.append(text) }
            }
            let lines = manifest.withLock { $0 }
            let name = "\(objects.folder)artifacts-\(build.id).json"
            await log.line("Uploading manifest artifacts-\(build.id).json")
            let content = ByteStream { stream in
                stream.yield(ByteBuffer(string: lines.map { $0 + "\n" }.joined()))
                stream.finish()
            }
            _ = try await outputs.store(content, bucket: objects.bucket, object: name, as: build.account)
            await log.line("Artifact manifest located at gs://\(objects.bucket)/\(name)")
            record.keptObjects(lines.count, manifest: "gs://\(objects.bucket)/\(name)", from: start, to: now())
        } catch {
            try Task.checkCancellation()
            throw BuildFailure.artifacts(objects.location, error)
        }
    }

    // MARK: Packages

    private func upload(_ packages: ArtifactsRequest.PythonPackages, _ record: inout BuildRecord) async throws {
        let address = packages.repository.address
        await log.line("Artifacts will be uploaded to \(address)")
        let kept = Mutex<[JSON]>([])
        do {
            try await visit(packages.paths) { [outputs, log, build, now] file in
                let start = now()
                let name = file.path.split(separator: "/").suffix(1).joined()
                await log.line("Uploading \(file.path) to \(address)/")
                let stored = try await outputs.store(
                    file.content,
                    package: name,
                    in: packages.repository,
                    as: build.account
                )
                let hash: JSON = ["type": "SHA256", "value": .string(stored.sha256.base64EncodedString())]
                let entry: JSON = [
                    "uri": .string("\(address)/\(stored.name)"), "fileHashes": ["fileHash": [hash]],
                    "pushTiming": BuildRecord.span(start, now()),
                ]
                kept.withLock { $0.append(entry) }
            }
        } catch {
            try Task.checkCancellation()
            throw BuildFailure.artifacts(address, error)
        }
        record.keptPackages(kept.withLock { $0 })
    }

    // MARK: Inside

    /// Gives each file that some pattern fits to `take`, once.
    private func visit(
        _ patterns: [String],
        _ take: @escaping @Sendable (WorkloadFile) async throws -> Void
    ) async throws {
        let seen = Mutex<Set<String>>([])
        for pattern in patterns {
            let absolute = ArtifactPaths.absolute(pattern, in: StepProcesses.workspace)
            let glob = try FileGlob(absolute)
            let found = Mutex(false)
            _ = try await engine.read(
                ArtifactPaths.root(of: absolute),
                of: build.workload,
                part: StepProcesses.name(0)
            ) { file in
                guard glob.accepts(file.path) else { return }
                found.withLock { $0 = true }
                guard seen.withLock({ $0.insert(file.path).inserted }) else { return }
                try await take(file)
            }
            guard found.withLock({ $0 }) else { throw GoogleError.notFound("No files match \"\(pattern)\".") }
        }
    }
}

/// What steps leave for later in `$BUILDER_OUTPUT/output`.
struct StepOutputs: Sendable {
    static let folder = "/builder/outputs"
    static let file = "\(folder)/output"
    /// What is kept of each: [results](https://docs.cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#results).
    private static let maximumBytes = 4096

    let build: Build
    let engine: any WorkloadEngine

    /// The output of each step, in their order; nil when no step left any.
    func read() async throws -> [Data]? {
        var outputs: [Data] = []
        for index in build.steps.indices { outputs.append(try await output(of: index)) }
        return outputs.contains { !$0.isEmpty } ? outputs : nil
    }

    private func output(of index: Int) async throws -> Data {
        let output = Mutex(Data())
        do {
            _ = try await engine.read(Self.file, of: build.workload, part: StepProcesses.name(index)) { file in
                for try await chunk in file.content {
                    let isFull = output.withLock { data in
                        data.append(contentsOf: chunk.readableBytesView.prefix(Self.maximumBytes - data.count))
                        return data.count == Self.maximumBytes
                    }
                    if isFull { break }
                }
            }
        } catch EngineError.notFound {
            // A step that never began.
        }
        return output.withLock { $0 }
    }
}
