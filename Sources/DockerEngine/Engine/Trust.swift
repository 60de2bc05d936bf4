import Foundation
import GoogleAPI
import HostPrograms
import NIOCore
import NIOHTTP1
import Synchronization
package import Workloads

/// The certificates that an image trusts, and where it keeps them.
struct TrustStore: Sendable {
    var bundle: [UInt8]
    var paths: [String]
}

// Files that are put into containers, and trust in Brume's own authority.
extension DockerEngine {
    /// Puts a process's files and authorities into its container, in one archive.
    func provision(
        _ container: String,
        imageID: String,
        _ process: ProcessSpec,
        links: [String: String]
    ) async throws {
        var files = process.files
        if !process.trustedAuthorities.isEmpty {
            let store = try await trustStore(of: imageID, in: container)
            let added = Array(process.trustedAuthorities.joined(separator: "\n").utf8)
            for path in store.paths { files.append(FileSpec(path: path, content: store.bundle + [10] + added + [10])) }
            for (index, authority) in process.trustedAuthorities.enumerated() {
                let name = index == 0 ? "brume" : "brume-\(index)"
                let content = Array(authority.utf8)
                // Survives a later update-ca-certificates.
                files.append(FileSpec(path: "/usr/local/share/ca-certificates/\(name).crt", content: content))
                if let hash = await subjectHash(of: authority) {
                    files.append(FileSpec(path: "/etc/ssl/certs/\(hash).0", content: content))
                }
            }
        }
        guard !files.isEmpty || !links.isEmpty else { return }
        try await put(files, links: links, into: container)
    }

    package func upload(_ files: [FileSpec], to name: WorkloadName, part: String) async throws {
        guard !files.isEmpty else { return }
        let container = try await container(name, part)
        try await put(files, into: container.id)
        try await lookAnew(container)
    }

    package func read(
        _ path: String,
        of name: WorkloadName,
        part: String,
        _ take: @escaping @Sendable (WorkloadFile) async throws -> Void
    ) async throws -> Bool {
        let container = try await container(name, part).id
        // The archive's names begin with the last segment of the path.
        let folder = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
        do {
            try await host.client().stream(.GET, "/containers/\(container)/archive", query: ["path": path]) { chunks in
                let reply = ReplyReader(chunks)
                let archive = TarReader { try await reply.next() }
                while let file = try await archive.next() {
                    let content = ByteStream { try await archive.chunk() }
                    try await take(
                        WorkloadFile(path: "\(folder)/\(file.name)", sizeBytes: file.size, content: content)
                    )
                }
                // What is left unread of an answer looks like an engine that went away.
                while try await reply.next() != nil {}
            }
            return true
        } catch let failure as DockerClient.Failure where failure.status == 404 {
            return false
        }
    }

    func put(_ files: [FileSpec], links: [String: String] = [:], into container: String) async throws {
        do {
            try await host.client().call(
                .PUT,
                "/containers/\(container)/archive",
                query: ["path": "/"],
                .bytes(Tar.archive(files, links: links), type: "application/x-tar")
            )
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused("Files cannot be put into '\(container)': \(failure.message)")
        }
    }

    private func trustStore(of imageID: String, in container: String) async throws -> TrustStore {
        if let known = remembered.withLock({ $0.bundles[imageID] }) { return known }
        let usual = ProcessSpec.trustBundlePath
        var store = TrustStore(bundle: [], paths: [usual])
        for path in [usual, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"] {
            guard let bytes = try await read(path, in: container) else { continue }
            if store.bundle.isEmpty { store.bundle = bytes }
            if path != usual { store.paths.append(path) }
        }
        if store.bundle.isEmpty { store.bundle = [UInt8](FileManager.default.contents(atPath: usual) ?? Data()) }
        let found = store
        remembered.withLock { $0.bundles[imageID] = found }
        return store
    }

    private func read(_ path: String, in container: String) async throws -> [UInt8]? {
        do {
            let archive = try await host.client().stream(
                .GET,
                "/containers/\(container)/archive",
                query: ["path": path]
            ) { try await $0.collect(upTo: 16 << 20) }
            return Tar.firstFile(archive)
        } catch let failure as DockerClient.Failure where failure.status == 404 {
            return nil
        }
    }

    /// The name under which OpenSSL looks an authority up in a folder of certificates.
    private func subjectHash(of authority: String) async -> String? {
        if let known = remembered.withLock({ $0.hashes[authority] }) { return known }
        guard let hash = try? await HostProgram.run("openssl", ["x509", "-noout", "-hash"], input: authority),
            hash.status == 0
        else { return nil }
        let text = hash.output.trimmingCharacters(in: .whitespacesAndNewlines)
        remembered.withLock { $0.hashes[authority] = text }
        return text
    }
}
