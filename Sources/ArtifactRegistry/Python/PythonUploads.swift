import APIServer
import BlobStore
import Foundation
import GoogleAPI
import NIOCore

/// Takes distributions in: from twine, and from builds.
struct PythonUploads: Sendable {
    let store: PythonStore
    let rows: BlobRows
    let files: BlobStore
    let now: @Sendable () -> Date

    /// What a form says of the file that comes with it.
    struct Claim: Sendable {
        var name = ""
        var version = ""
        var fileName = ""
        var requiresPython: String?
        var sha256: String?
        var md5: String?
    }

    /// Reads an [upload form](https://docs.pypi.org/api/upload/) as twine sends it, and keeps its file.
    func take(_ body: some AsyncSequence<ByteBuffer, any Error>, contentType: String, in repository: RegistryPlace)
        async throws
    {
        var parser = try FormParser(contentType: contentType)
        var claim = Claim()
        let blob = files.stage(computing: [.sha256, .md5])
        do {
            var fields: [String: String] = [:]
            for try await chunk in body {
                for event in try parser.received(chunk) {
                    switch event {
                    case .field(let name, let value): fields[name] = fields[name] ?? value
                    case .fileBegins("content", let fileName) where claim.fileName.isEmpty: claim.fileName = fileName
                    case .fileBegins(let name, _): throw GoogleError.uploadInvalid("the file '\(name)' is not expected")
                    case .bytes(let bytes): try await blob.append(bytes)
                    case .fileEnds: break
                    }
                }
            }
            guard parser.isComplete else { throw GoogleError.uploadInvalid("it was cut off") }
            guard fields[":action"] == "file_upload" else {
                throw GoogleError.uploadInvalid("its :action is not 'file_upload'")
            }
            claim.name = fields["name"] ?? ""
            claim.version = fields["version"] ?? ""
            claim.requiresPython = fields["requires_python"].flatMap { $0.isEmpty ? nil : $0 }
            claim.sha256 = fields["sha256_digest"].flatMap { $0.isEmpty ? nil : $0.lowercased() }
            claim.md5 = fields["md5_digest"].flatMap { $0.isEmpty ? nil : $0.lowercased() }
            try Self.check(claim)
        } catch {
            await blob.discard()
            throw error
        }
        _ = try await keep(blob, claim, in: repository)
    }

    /// Keeps a distribution whose name and version its file name tells.
    ///
    /// - Returns: The file, as it is found in the repository, and its SHA-256.
    func add(
        _ fileName: String,
        _ content: some AsyncSequence<ByteBuffer, any Error>,
        in repository: RegistryPlace
    ) async throws -> (name: String, sha256: Data) {
        guard let (name, version) = PythonName.split(file: fileName) else {
            throw GoogleError.uploadInvalid("'\(fileName)' is not named as wheels and source distributions are")
        }
        let claim = Claim(name: name, version: version, fileName: fileName)
        try Self.check(claim)
        let blob = files.stage(computing: [.sha256, .md5])
        do {
            for try await chunk in content { try await blob.append(chunk) }
        } catch {
            await blob.discard()
            throw error
        }
        let file = try await keep(blob, claim, in: repository)
        return (file.name, ContentDigest.bytes(file.digest))
    }

    private static func check(_ claim: Claim) throws {
        guard PythonName.isValid(claim.name) else {
            throw GoogleError.uploadInvalid("'\(claim.name)' is no name of a package")
        }
        guard PythonName.isValid(version: claim.version) else {
            throw GoogleError.uploadInvalid("'\(claim.version)' is no version")
        }
        guard !claim.fileName.isEmpty else { throw GoogleError.uploadInvalid("it has no file 'content'") }
        try PythonName.check(file: claim.fileName, of: claim.name)
    }

    private func keep(_ blob: StagedBlob, _ claim: Claim, in repository: RegistryPlace) async throws -> PythonFile {
        let stored = try await blob.commit()
        let digest = ContentDigest.text(stored.sha256 ?? [])
        let md5 = ContentDigest.text(stored.md5 ?? []).dropFirst("sha256:".count)
        guard claim.sha256.map({ "sha256:\($0)" == digest }) ?? true, claim.md5.map({ $0 == md5 }) ?? true else {
            try await files.remove(stored.id)
            throw GoogleError.uploadInvalid("the digests of '\(claim.fileName)' are not those of its content")
        }
        let row = RegistryBlob(digest: digest, blobID: stored.id, sizeBytes: stored.size)
        if let surplus = try await rows.insert(row, project: repository.project) { try await files.remove(surplus) }
        // The link was touched just now: no sweep takes the blob before the file names it.
        var place = repository
        place.image = PythonName.normalized(claim.name)
        let file = PythonFile(
            place: place,
            version: claim.version,
            fileName: claim.fileName,
            digest: digest,
            sizeBytes: stored.size,
            requiresPython: claim.requiresPython,
            createTime: now()
        )
        try await store.insert(file)
        return file
    }
}
