import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import Logging

/// Finds the Python packages that a repository has, or fetches from elsewhere.
struct PythonPulls: Sendable {
    let sources: RepositorySources
    let store: PythonStore
    let keeper: FetchedBlobs
    let listed = ListedFiles()
    let logger: Logger
    let now: @Sendable () -> Date

    /// A line of a package's page.
    struct Link: Equatable, Sendable {
        var name: String
        var digest: String?
        var requiresPython: String?
        var yanked: String?
    }

    /// The names of the packages that are here; of what is elsewhere, those that were fetched.
    func packages(in place: RegistryPlace) async throws -> [String] {
        var names: Set<String> = []
        for source in try await sources.sources(of: place) {
            names.formUnion(try await store.packages(in: source.place).map(\.place.image))
        }
        return names.sorted()
    }

    /// The files of a package. A version that several sources have comes from the first of them.
    ///
    /// - Throws: ``GoogleError`` `UNAVAILABLE` (503) when the first that might have it cannot be asked.
    func links(of place: RegistryPlace) async throws -> [Link] {
        var links: [Link] = []
        var versions: Set<String> = []
        for source in try await sources.sources(of: place) {
            let held = try await store.files(in: source.place).map(Link.init)
            var found = held
            if let index = source.index {
                do {
                    let elsewhere = try await files(of: index, in: source.place).map(Link.init)
                    let names = Set(elsewhere.map(\.name))
                    found = elsewhere + held.filter { !names.contains($0.name) }
                } catch {
                    // What was fetched before is offered; sources of lower priority do not take the place of this one.
                    guard held.isEmpty else { return links + held.filter { !versions.contains($0.version) } }
                    guard links.isEmpty else { return links }
                    throw error
                }
            }
            links += found.filter { !versions.contains($0.version) }
            versions.formUnion(found.map(\.version))
        }
        return links
    }

    /// Where a file is: kept in one of the sources, or elsewhere still.
    enum Finding {
        case held(PythonFile)
        case elsewhere(RemoteFile, RemoteIndex, RegistryPlace)
    }

    func find(_ fileName: String, in place: RegistryPlace) async throws -> Finding? {
        for source in try await sources.sources(of: place) {
            if let file = try await store.find(fileName, in: source.place) { return .held(file) }
            guard let index = source.index else { continue }
            var file = await listed.file(fileName, at: index.base, of: source.place, at: now())
            if file == nil { file = try await files(of: index, in: source.place).first { $0.name == fileName } }
            if let file { return .elsewhere(file, index, source.place) }
        }
        return nil
    }

    /// Sends a file from elsewhere to the client, and keeps it.
    func fetch(_ file: RemoteFile, from index: RemoteIndex, in place: RegistryPlace, isHead: Bool) async throws
        -> Response
    {
        let answer: RemoteAnswer?
        do {
            answer = try await index.open(file, isHead: isHead)
        } catch {
            throw try unavailable(index, error)
        }
        guard let answer, let version = PythonName.split(file: file.name)?.version else {
            throw GoogleError.notFound("The upstream has no file '\(file.name)' any more.")
        }
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        if isHead {
            headers[.contentLength] = answer.headers[.contentLength]
            return Response(status: .ok, headers: headers)
        }
        let body = keeper.pass(answer, expecting: file.digest, in: place) { blob in
            let kept = PythonFile(
                place: place,
                version: version,
                fileName: file.name,
                digest: blob.digest,
                sizeBytes: blob.sizeBytes,
                requiresPython: file.requiresPython,
                createTime: now()
            )
            try await store.insert(kept, ignoringExisting: true)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func files(of index: RemoteIndex, in place: RegistryPlace) async throws -> [RemoteFile] {
        do {
            let files = try await index.files(of: place.image) ?? []
            let known = files.filter {
                PythonName.split(file: $0.name).map { PythonName.isValid(version: $0.version) } ?? false
            }
            await listed.keep(known, at: index.base, of: place, at: now())
            return known
        } catch {
            throw try unavailable(index, error)
        }
    }

    private func unavailable(_ index: RemoteIndex, _ error: any Error) throws -> any Error {
        try Task.checkCancellation()
        if error is GoogleError { return error }
        logger.info("python: an upstream cannot be asked: \(error)", metadata: ["url": "\(index.base)"])
        return GoogleError.upstreamUnavailable(index.base.absoluteString, "\(error)")
    }
}

extension PythonPulls.Link {
    fileprivate init(_ file: PythonFile) {
        self.init(name: file.fileName, digest: file.digest, requiresPython: file.requiresPython)
    }

    fileprivate init(_ file: RemoteFile) {
        self.init(name: file.name, digest: file.digest, requiresPython: file.requiresPython, yanked: file.yanked)
    }

    fileprivate var version: String { PythonName.split(file: name)?.version ?? name }
}

/// What indexes elsewhere listed lately: clients ask for a page, and then for one of its files.
actor ListedFiles {
    private struct Page {
        var files: [String: RemoteFile]
        var time: Date
    }

    private var pages: [[String]: Page] = [:]
    private static let maximumPages = 16
    private static let lifetimeSeconds = 600.0

    func keep(_ files: [RemoteFile], at base: URL, of place: RegistryPlace, at time: Date) {
        if pages.count >= Self.maximumPages, let oldest = pages.min(by: { $0.value.time < $1.value.time })?.key {
            pages[oldest] = nil
        }
        let byName = Dictionary(files.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        pages[Self.key(base, place)] = Page(files: byName, time: time)
    }

    func file(_ name: String, at base: URL, of place: RegistryPlace, at time: Date) -> RemoteFile? {
        guard let page = pages[Self.key(base, place)], time.timeIntervalSince(page.time) < Self.lifetimeSeconds else {
            return nil
        }
        return page.files[name]
    }

    private static func key(_ base: URL, _ place: RegistryPlace) -> [String] {
        [base.absoluteString, place.project, place.location, place.repository, place.image]
    }
}
