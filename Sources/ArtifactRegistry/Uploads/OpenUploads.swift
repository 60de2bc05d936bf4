import BlobStore
import Foundation
import GoogleAPI

/// Uploads that have begun and not ended. They live in memory: a client whose upload is lost begins it again.
actor OpenUploads {
    struct Upload: Sendable {
        var blob: StagedBlob
        var place: RegistryPlace
    }

    private struct Entry {
        var upload: Upload
        var isBusy = false
        var lastUse: Date
    }

    private var entries: [String: Entry] = [:]
    private let now: @Sendable () -> Date

    init(now: @escaping @Sendable () -> Date) { self.now = now }

    func add(_ blob: StagedBlob, in place: RegistryPlace) {
        entries[blob.id] = Entry(upload: Upload(blob: blob, place: place), lastUse: now())
    }

    /// Takes an upload for one chunk; nobody else can until ``release(_:)``.
    func take(_ id: String, in place: RegistryPlace) throws -> StagedBlob {
        guard let entry = entries[id], entry.upload.place == place else { throw GoogleError.uploadUnknown(id) }
        guard !entry.isBusy else { throw GoogleError.uploadBusy(id) }
        entries[id]?.isBusy = true
        return entry.upload.blob
    }

    func release(_ id: String) {
        entries[id]?.isBusy = false
        entries[id]?.lastUse = now()
    }

    func remove(_ id: String) { entries[id] = nil }

    func size(_ id: String, in place: RegistryPlace) throws -> Int64 {
        guard let entry = entries[id], entry.upload.place == place else { throw GoogleError.uploadUnknown(id) }
        return entry.upload.blob.size
    }

    /// Gives up uploads that nobody has touched since `time`.
    func expire(untouchedSince time: Date) -> [StagedBlob] {
        let old = entries.filter { !$0.value.isBusy && $0.value.lastUse < time }
        for id in old.keys { entries[id] = nil }
        return old.values.map(\.upload.blob)
    }
}
