import APIServer
import BlobStore
import Foundation
import GoogleAPI
import Hummingbird

/// A secret, and what to add to it.
struct AddVersionInput: MethodInput {
    /// Google's [limit](https://docs.cloud.google.com/secret-manager/quotas), in bytes.
    static let maximumBytes = 65_536

    var project: String
    var secret: String
    var payload: Data
    var isChecked: Bool
    var resource: ResourceName { ResourceName(["projects", project, "secrets", secret]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        secret = try call.parameter("secret")
        let body: JSON = try await call.body()
        guard let text = body["payload"]?["data"]?.string, !text.isEmpty else {
            throw GoogleError.invalidSecret("Secret Payload cannot be empty.")
        }
        // Python's clients write base64 in the alphabet of URLs, others in the common one; some leave the padding out.
        let common = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - common.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: common + padding) else {
            throw GoogleError.invalidSecret("payload.data is not valid base64.")
        }
        guard data.count <= Self.maximumBytes else {
            throw GoogleError.invalidSecret(
                "The payload has \(data.count) bytes: a secret version holds at most \(Self.maximumBytes)."
            )
        }
        payload = data
        let checksum = body["payload"]?["dataCrc32c"]
        isChecked = checksum != nil
        guard let checksum else { return }
        guard checksum.integer == Int64(CRC32C.of(data)) else {
            throw GoogleError.invalidSecret(
                "The checksum 'dataCrc32c' is not that of the payload: it was damaged on its way."
            )
        }
    }
}

/// The versions of a secret.
struct VersionsInput: MethodInput {
    var project: String
    var secret: String
    var filter: String?
    var page: Page
    var resource: ResourceName { ResourceName(["projects", project, "secrets", secret]) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        secret = try call.parameter("secret")
        filter = call.query("filter").flatMap { $0.isEmpty ? nil : $0 }
        page = try Page(call)
    }
}

/// One version, and what to do with it.
struct VersionInput: MethodInput {
    var project: String
    var secret: String
    /// A number, an alias or `latest`.
    var version: String
    var etag: String?
    var resource: ResourceName {
        ResourceName(["projects", project, "secrets", secret, "versions", version])
    }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        secret = try call.parameter("secret")
        version = try call.parameter("version")
        guard call.request.method == .post else { return }
        let body: JSON = try await call.body()
        etag = body["etag"]?.string
    }
}
