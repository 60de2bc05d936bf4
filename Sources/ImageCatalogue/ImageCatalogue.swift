import Foundation
package import Logging
package import Workloads

/// The images that Google's documents name, made here when they cannot be fetched.
///
/// An image is made on first use and kept in the engine under a name of Brume's own, with its recipe's version in the
/// tag. A name that the catalogue does not answer to is an ordinary image: it is pulled from its registry.
package struct ImageCatalogue: Sendable {
    package let entries: [CatalogueEntry]
    private let engine: any WorkloadEngine
    private let workshop: any Workshop
    private let pullsUpstream: Bool
    private let work = SharedWork()
    private let logger: Logger

    /// Opens the catalogue.
    ///
    /// - Parameters:
    ///   - cacheFolder: Where what recipes made is kept, for other data folders to use too.
    ///   - pullsUpstream: Whether an image that has an original is fetched from its registry before it is made here.
    package init(
        engine: any WorkloadEngine,
        entries: [CatalogueEntry] = CatalogueEntry.table,
        cacheFolder: String = ImageCatalogue.defaultCacheFolder(),
        pullsUpstream: Bool = true,
        logger: Logger
    ) {
        self.init(
            engine: engine,
            entries: entries,
            workshop: HostWorkshop(cacheFolder: cacheFolder),
            pullsUpstream: pullsUpstream,
            logger: logger
        )
    }

    package init(
        engine: any WorkloadEngine,
        entries: [CatalogueEntry],
        workshop: any Workshop,
        pullsUpstream: Bool,
        logger: Logger
    ) {
        self.engine = engine
        self.entries = entries
        self.workshop = workshop
        self.pullsUpstream = pullsUpstream
        self.logger = logger
    }

    /// `$BRUME_IMAGE_CACHE`, else `brume/images` in the user's cache folder.
    package static func defaultCacheFolder(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        if let folder = environment["BRUME_IMAGE_CACHE"], !folder.isEmpty { return folder }
        let caches = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? NSHomeDirectory()) + "/.cache"
        return caches + "/brume/images"
    }

    // MARK: Looking up

    /// Finds an entry by any of its names: a reference that clients write, or the one under which it is kept.
    package func entry(for reference: ImageReference) -> CatalogueEntry? {
        let plain = reference.withoutDefaultRegistry
        return entries.first { $0.references.contains(plain) || keptReference(of: $0) == plain }
    }

    /// Finds an entry by its own name: `debian-12`.
    package func entry(named name: String) -> CatalogueEntry? { entries.first { $0.name == name } }

    /// Finds an entry by a Compute Engine image family: `debian-12` of `debian-cloud`.
    package func entry(family: String, project: String) -> CatalogueEntry? {
        entries.first { $0.computeImages.contains { $0.project == project && $0.families.contains(family) } }
    }

    /// Finds an entry by a Compute Engine image: `debian-12-bookworm-v…` of `debian-cloud`.
    package func entry(image: String, project: String) -> CatalogueEntry? {
        entries.first { $0.computeImages.contains { $0.project == project && $0.name == image } }
    }

    /// The name under which the engine keeps an entry: `brume/debian-12:1.1`, the versions of all recipes it stands
    /// on.
    package func keptReference(of entry: CatalogueEntry) -> ImageReference {
        ImageReference("brume/\(entry.name):\(version(of: entry))")
    }

    /// What containers of an image need of this machine: folders to mount, and to put on `PATH`.
    package func hostMounts(for reference: ImageReference) -> [Mount] {
        entry(for: reference)?.hostTools.compactMap { $0.mount() } ?? []
    }

    private func version(of entry: CatalogueEntry) -> String {
        (parent(of: entry).map { version(of: $0) + "." } ?? "") + String(entry.recipe.version)
    }

    /// What an entry stands on; nil for one that stands by itself.
    private func parent(of entry: CatalogueEntry) -> CatalogueEntry? {
        guard case .layer(let name) = entry.recipe.kind else { return nil }
        return self.entry(named: name)
    }

    /// The distribution whose packages an entry is made of; nil for one of this machine's files.
    private func distribution(of entry: CatalogueEntry) -> Distribution? {
        if case .root(let distribution) = entry.recipe.kind { return distribution }
        return parent(of: entry).flatMap(distribution)
    }

    // MARK: Having

    /// Sees to it that the engine holds an image, under the reference that is asked for.
    ///
    /// An image of the catalogue is fetched from where the original is or else made by its recipe; any other is pulled.
    /// Callers that want the same image at the same time share the work, and each hears of its progress.
    ///
    /// - Parameters:
    ///   - credential: For the registry of an image that is not the catalogue's.
    ///   - refresh: Whether an image that is there is pulled again. Those that recipes made are left as they are.
    /// - Returns: The reference to start workloads with.
    /// - Throws: ``EngineError/imageUnavailable(_:reason:)``.
    @discardableResult
    package func ensure(
        _ reference: ImageReference,
        credential: RegistryCredential? = nil,
        refresh: Bool = false,
        progress: @escaping ProgressReport = { _ in }
    ) async throws -> ImageReference {
        guard let entry = entry(for: reference) else {
            if !refresh, try await engine.image(reference) != nil { return reference }
            try await work.share(reference.text, progress: progress) { [engine] progress in
                try await engine.pull(reference, credential: credential, progress: progress)
            }
            return reference
        }
        if let image = try await engine.image(reference), isCurrent(image, of: entry) { return reference }
        try await work.share("reference " + reference.text, progress: progress) { progress in
            let kept = keptReference(of: entry)
            let isOriginal = reference.withoutDefaultRegistry != kept
            if isOriginal, let upstream = entry.upstream, await fetch(upstream, as: reference, progress: progress) {
                return
            }
            try await ensureKept(entry, progress: progress)
            if isOriginal { try await engine.tag(kept, as: reference) }
        }
        return reference
    }

    /// Sees to it that the engine holds an entry's image, made by its recipe.
    ///
    /// - Returns: The reference under which it is kept.
    @discardableResult
    package func ensure(
        _ entry: CatalogueEntry,
        progress: @escaping ProgressReport = { _ in }
    ) async throws -> ImageReference {
        try await ensureKept(entry, progress: progress)
        return keptReference(of: entry)
    }

    /// Makes an entry's image anew, and what it stands on if that is not there, from today's packages.
    package func rebuild(_ entry: CatalogueEntry, progress: @escaping ProgressReport) async throws -> ImageReference {
        let kept = keptReference(of: entry)
        try await workshop.forget(name: entry.name, version: version(of: entry))
        try await engine.removeImage(kept)
        try await ensureKept(entry, progress: progress)
        return kept
    }

    /// What `brume images list` shows: the catalogue, and what the engine holds of it.
    package func inventory() async throws -> [CatalogueListing] {
        var rows: [CatalogueListing] = []
        for entry in entries {
            let kept = keptReference(of: entry)
            rows.append(CatalogueListing(entry: entry, kept: kept, image: try await engine.image(kept)))
        }
        return rows
    }

    /// An image that a recipe made must be of the recipe's present version; any other (pulled, or a user's own) counts.
    private func isCurrent(_ image: ImageDescription, of entry: CatalogueEntry) -> Bool {
        guard let version = image.labels[Self.versionLabel] else { return true }
        return version == self.version(of: entry)
    }

    private static let versionLabel = "brume.recipe"

    /// Tries to fetch an original; says whether it worked.
    private func fetch(
        _ upstream: ImageReference,
        as reference: ImageReference,
        progress: @escaping ProgressReport
    ) async -> Bool {
        guard pullsUpstream else { return false }
        do {
            try await engine.pull(upstream, credential: nil, progress: progress)
            try await engine.tag(upstream, as: reference)
            return true
        } catch {
            logger.debug(
                "cannot fetch the original of an image",
                metadata: ["image": "\(upstream)", "error": "\(error)"]
            )
            return false
        }
    }

    private func ensureKept(_ entry: CatalogueEntry, progress: @escaping ProgressReport) async throws {
        let kept = keptReference(of: entry)
        guard try await engine.image(kept) == nil else { return }
        try await work.share(kept.text, progress: progress) { progress in
            let parent = parent(of: entry)
            if let parent { try await ensureKept(parent, progress: progress) }
            if try await engine.image(kept) != nil { return }
            progress("Making \(kept)")
            let start = ContinuousClock.now
            let layer = try await layer(of: entry, progress: progress)
            if case .root = entry.recipe.kind, let layer {
                try await engine.importImage(kept, rootFileSystem: BuildContext.bytes(of: layer))
            } else {
                var context = BuildContext()
                let labels = "LABEL brume.image=\(entry.name) \(Self.versionLabel)=\(version(of: entry))\n"
                context.add("Dockerfile", .text(try workshop.dockerfile(of: entry.recipe) + labels))
                if let layer { context.add("layer.tar", .file(layer)) }
                var spec = ImageBuildSpec(tags: [kept])
                if let parent { spec.arguments["BASE"] = keptReference(of: parent).text }
                try await engine.build(spec, context: context.stream(), progress: progress)
            }
            let seconds = (ContinuousClock.now - start).components.seconds
            logger.info("made an image", metadata: ["image": "\(kept)", "seconds": "\(seconds)"])
        }
    }

    /// The file system that an entry adds to its parent, as a tar file; nil when it adds settings only.
    private func layer(of entry: CatalogueEntry, progress: @escaping ProgressReport) async throws -> String? {
        do {
            return try await workshop.layer(
                of: entry.recipe,
                name: entry.name,
                version: version(of: entry),
                distribution: distribution(of: entry),
                parents: try await parentLayers(of: entry, progress: progress),
                progress: progress
            )
        } catch let failure as WorkshopError {
            throw EngineError.imageUnavailable(ImageReference(entry.name), reason: failure.description)
        }
    }

    private func parentLayers(of entry: CatalogueEntry, progress: @escaping ProgressReport) async throws -> [String] {
        guard let parent = parent(of: entry) else { return [] }
        let layer = try await layer(of: parent, progress: progress)
        return try await parentLayers(of: parent, progress: progress) + (layer.map { [$0] } ?? [])
    }
}

extension ImageReference {
    /// The name without what Docker adds to it: `docker.io/library/debian:12` is `debian:12`.
    var withoutDefaultRegistry: ImageReference {
        for prefix in ["docker.io/library/", "index.docker.io/library/", "library/", "docker.io/", "index.docker.io/"]
        where text.hasPrefix(prefix) {
            return ImageReference(String(text.dropFirst(prefix.count)))
        }
        return self
    }
}
