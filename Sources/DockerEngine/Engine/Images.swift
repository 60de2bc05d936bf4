import Foundation
import GoogleAPI
import NIOCore
import NIOHTTP1
import Synchronization
package import Workloads

extension DockerEngine {
    package func image(_ reference: ImageReference) async throws -> ImageDescription? {
        guard let found = try await host.client().find("/images/\(reference)/json") else { return nil }
        let config = found["Config"] ?? .null
        let pairs = (config["Env"]?.stringArray ?? []).map { text in
            let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(halves[0]), halves.count > 1 ? String(halves[1]) : "")
        }
        return ImageDescription(
            id: found["Id"]?.string ?? "",
            sizeBytes: found["Size"]?.integer ?? 0,
            entrypoint: config["Entrypoint"]?.stringArray ?? [],
            command: config["Cmd"]?.stringArray ?? [],
            environment: Dictionary(pairs, uniquingKeysWith: { $1 }),
            labels: config["Labels"]?.strings ?? [:]
        )
    }

    package func pull(
        _ reference: ImageReference,
        credential: RegistryCredential?,
        progress: @escaping ProgressReport
    ) async throws {
        do {
            try await host.client().stream(
                .POST,
                "/images/create",
                query: ["fromImage": reference.repository, "tag": reference.tag ?? reference.digest ?? "latest"],
                headers: [Self.authorization(credential, for: reference)]
            ) { _ = try await $0.report(to: progress) }
        } catch let failure as DockerClient.Failure {
            throw EngineError.imageUnavailable(reference, reason: failure.message)
        }
    }

    package func push(
        _ reference: ImageReference,
        credential: RegistryCredential?,
        progress: @escaping ProgressReport
    ) async throws -> String {
        do {
            let digest = try await host.client().stream(
                .POST,
                "/images/\(reference.repository)/push",
                query: ["tag": reference.tag ?? "latest"],
                headers: [Self.authorization(credential, for: reference)]
            ) { try await $0.report(to: progress)?["Digest"]?.string }
            guard let digest else { throw EngineError.refused("The push of '\(reference)' ended without a digest.") }
            return digest
        } catch let failure as DockerClient.Failure where failure.status == 404 {
            throw EngineError.imageMissing(reference)
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused("The image '\(reference)' cannot be pushed: \(failure.message)")
        }
    }

    package func build(
        _ spec: ImageBuildSpec,
        context: ByteStream,
        progress: @escaping ProgressReport
    ) async throws {
        var query = [
            "dockerfile": spec.dockerfile, "buildargs": JSON(spec.arguments).text, "rm": "1", "forcerm": "1",
            "labels": JSON(["brume.cloud": cloud]).text,
        ]
        query["t"] = spec.tags.first?.text
        if !spec.usesCache { query["nocache"] = "1" }
        query["networkmode"] = spec.network
        do {
            try await host.client().stream(
                .POST,
                "/build",
                query: query,
                body: .stream(context, type: "application/x-tar")
            ) { _ = try await $0.report(to: progress) }
        } catch let failure as DockerClient.Failure {
            throw EngineError.buildFailed(failure.message)
        }
        if let first = spec.tags.first {
            for alias in spec.tags.dropFirst() { try await tag(first, as: alias) }
        }
    }

    package func importImage(_ reference: ImageReference, rootFileSystem: ByteStream) async throws {
        do {
            try await host.client().stream(
                .POST,
                "/images/create",
                query: ["fromSrc": "-", "repo": reference.repository, "tag": reference.tag ?? "latest"],
                body: .stream(rootFileSystem, type: "application/x-tar")
            ) { _ = try await $0.report { _ in } }
        } catch let failure as DockerClient.Failure {
            throw EngineError.buildFailed("The image '\(reference)' cannot be made: \(failure.message)")
        }
    }

    package func tag(_ reference: ImageReference, as alias: ImageReference) async throws {
        do {
            try await host.client().call(
                .POST,
                "/images/\(reference)/tag",
                query: ["repo": alias.repository, "tag": alias.tag ?? "latest"]
            )
        } catch let failure as DockerClient.Failure {
            throw failure.status == 404 ? EngineError.imageMissing(reference) : EngineError.refused(failure.message)
        }
    }

    package func removeImage(_ reference: ImageReference) async throws {
        do {
            try await host.client().call(.DELETE, "/images/\(reference)", query: ["force": "1"])
        } catch let failure as DockerClient.Failure {
            guard failure.status != 404 else { return }
            // Removals at the same time are told of each other's: of what both stand on, when the name is gone already.
            let isRace = failure.status == 409 || failure.message.contains("unrecognized image ID")
            if isRace, try await image(reference) == nil { return }
            throw EngineError.refused(failure.message)
        }
    }

    /// The engine refuses a push without this header, even an anonymous one.
    private static func authorization(
        _ credential: RegistryCredential?,
        for reference: ImageReference
    ) -> (String, String) {
        let document: JSON =
            credential.map {
                [
                    "username": .string($0.user), "password": .string($0.password),
                    "serveraddress": .string(reference.registry ?? "https://index.docker.io/v1/"),
                ]
            } ?? [:]
        let text = Data(document.text.utf8).base64EncodedString()
        return ("X-Registry-Auth", text.replacing("+", with: "-").replacing("/", with: "_"))
    }
}

extension ReplyChunks {
    /// Reads lines of progress to the end; returns the last `aux`.
    ///
    /// - Throws: ``DockerClient/Failure`` for an error that came inside the stream.
    @discardableResult
    mutating func report(to progress: ProgressReport) async throws -> JSON? {
        var aux: JSON?
        var failure: String?
        var text = ""
        try await forEachLine { line in
            if let part = line["stream"]?.string {
                text += part
                while let end = text.firstIndex(where: \.isNewline) {
                    let whole = String(text[..<end])
                    text = String(text[text.index(after: end)...])
                    if !whole.isEmpty { progress(whole) }
                }
            } else if let status = line["status"]?.string, line["progressDetail"]?["total"] == nil {
                progress((line["id"]?.string.map { $0 + ": " } ?? "") + status)
            }
            failure = line["errorDetail"]?["message"]?.string ?? line["error"]?.string ?? failure
            aux = line["aux"] ?? aux
        }
        if !text.isEmpty { progress(text) }
        if let failure { throw DockerClient.Failure(status: 200, message: failure) }
        return aux
    }
}

extension ImageReference {
    /// `sha256:…`, when a digest names the image.
    var digest: String? { text.split(separator: "@").dropFirst().first.map(String.init) }
}
