import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// `projects.locations.repositories.files`.
struct FileMethods: Sendable {
    let packages: PackageMethods
    let blobs: BlobMethods

    func list(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await packages.known(input)
        return input.list.page(try await format.files(in: place).map { Self.render($0, place) }, as: "files")
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, file) = try await find(input)
        return Self.render(file, place)
    }

    /// The bytes; with `alt=media`, as clients ask for them, or without.
    func download(_ input: RepositoryInput, _ call: Call) async throws -> Response {
        let (place, file) = try await find(input)
        guard let data = file.inline else { return try await blobs.get(place, file.digest, call) }
        return Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream"],
            body: .init(byteBuffer: .init(bytes: data))
        )
    }

    func delete(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, format) = try await packages.known(input)
        guard try await format.delete(file: input.file ?? "", in: place) else { throw missing(input, place) }
        return try await packages.finished("files.delete", place, caller)
    }

    private func find(_ input: RepositoryInput) async throws -> (RegistryPlace, ArtifactFile) {
        let (place, format) = try await packages.known(input)
        guard let file = try await format.file(input.file ?? "", in: place) else {
            throw missing(input, place)
        }
        return (place, file)
    }

    private func missing(_ input: RepositoryInput, _ place: RegistryPlace) -> GoogleError {
        .requestedEntityNotFound("\(place.resource)/files/\(ArtifactID.encoded(input.file ?? ""))")
    }

    private static func render(_ file: ArtifactFile, _ place: RegistryPlace) -> JSON {
        let version = "packages/\(ArtifactID.encoded(file.package))/versions/\(ArtifactID.encoded(file.version))"
        let time = JSON.string(Timestamp.text(file.createTime))
        return [
            "name": .string("\(place.resource)/files/\(ArtifactID.encoded(file.name))"),
            "sizeBytes": .string(String(file.sizeBytes)), "owner": .string("\(place.resource)/\(version)"),
            "hashes": [["type": "SHA256", "value": .string(ContentDigest.bytes(file.digest).base64EncodedString())]],
            "createTime": time, "updateTime": time,
        ]
    }
}
