import NIOCore
package import Workloads

extension SimulatedEngine {
    package func image(_ reference: ImageReference) async throws -> ImageDescription? {
        try answer(nil)
        return images[reference]
    }

    package func pull(
        _ reference: ImageReference,
        credential: RegistryCredential?,
        progress: @escaping ProgressReport
    ) async throws {
        try answer("pull \(reference)")
        guard registry.contains(reference) else {
            throw EngineError.imageUnavailable(reference, reason: "manifest unknown")
        }
        images[reference] = images[reference] ?? ImageDescription(id: "sha256:\(reference)")
        progress("Status: Downloaded newer image for \(reference)")
    }

    package func push(
        _ reference: ImageReference,
        credential: RegistryCredential?,
        progress: @escaping ProgressReport
    ) async throws -> String {
        try answer("push \(reference)")
        if holdsPushes {
            for await _ in AsyncStream<Never>.makeStream().stream {}
            throw CancellationError()
        }
        guard images[reference] != nil else { throw EngineError.imageMissing(reference) }
        registry.insert(reference)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in reference.repository.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let word = String(hash, radix: 16)
        let digest = "sha256:" + String(repeating: "0", count: 64 - word.count) + word
        progress("\(reference.tag ?? "latest"): digest: \(digest)")
        return digest
    }

    package func build(
        _ spec: ImageBuildSpec,
        context: ByteStream,
        progress: @escaping ProgressReport
    ) async throws {
        try answer("build \(spec.tags.map(\.text).joined(separator: " "))")
        var bytes = ByteBuffer()
        for try await chunk in context { bytes.writeImmutableBuffer(chunk) }
        builds.append(SimulatedBuild(spec: spec, context: bytes))
        progress("Step 1/1 : FROM scratch")
        if !buildFailures.isEmpty { throw EngineError.buildFailed(buildFailures.removeFirst()) }
        for tag in spec.tags { images[tag] = ImageDescription(id: "sha256:build-\(builds.count)") }
        progress("Successfully built build-\(builds.count)")
    }

    package func importImage(_ reference: ImageReference, rootFileSystem: ByteStream) async throws {
        try answer("import \(reference)")
        var size = 0
        for try await chunk in rootFileSystem { size += chunk.readableBytes }
        images[reference] = ImageDescription(id: "sha256:\(reference)", sizeBytes: Int64(size))
    }

    package func tag(_ reference: ImageReference, as alias: ImageReference) async throws {
        try answer("tag \(reference) \(alias)")
        guard let image = images[reference] else { throw EngineError.imageMissing(reference) }
        images[alias] = image
    }

    package func removeImage(_ reference: ImageReference) async throws {
        try answer("removeImage \(reference)")
        images[reference] = nil
    }
}
