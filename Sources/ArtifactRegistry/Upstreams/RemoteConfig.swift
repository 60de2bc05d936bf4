package import Foundation
import GoogleAPI

/// What a remote repository says of its upstream: `remoteRepositoryConfig`.
struct RemoteConfig: Sendable {
    var base: URL
    var credentials: (username: String, passwordVersion: String)?

    private static let dockerHub = URL(string: "https://registry-1.docker.io")
    private static let pythonIndex = URL(string: "https://pypi.org")

    /// Reads the document of a repository.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    init(_ document: JSON) throws {
        let config = document["remoteRepositoryConfig"]
        let isPython = document["format"] == "PYTHON"
        let field = isPython ? "pythonRepository" : "dockerRepository"
        let (publicName, publicBase) =
            isPython ? ("PYPI", Self.pythonIndex) : ("DOCKER_HUB", Self.dockerHub)
        let upstream = config?[field]
        let address = upstream?["customRepository"]?["uri"]?.string ?? config?["commonRepository"]?["uri"]?.string
        // Python clients send enums as numbers.
        let isPublic = upstream?["publicRepository"] == .string(publicName) || upstream?["publicRepository"] == 1
        if isPublic, let publicBase {
            base = publicBase
        } else if let address, let url = URL(string: address), ["http", "https"].contains(url.scheme), url.host() != nil
        {
            base = url.host() == "docker.io" ? Self.dockerHub ?? url : url
        } else {
            throw GoogleError.repositoryInvalid(
                "The field remoteRepositoryConfig.\(field) must say \(publicName), or the http or https URI of an upstream."
            )
        }
        credentials = try Self.credentials(config?["upstreamCredentials"])
    }

    private static func credentials(_ given: JSON?) throws -> (username: String, passwordVersion: String)? {
        guard let given, given != [:] else { return nil }
        let pair = given["usernamePasswordCredentials"]
        let version = pair?["passwordSecretVersion"]?.string ?? ""
        let parts = version.split(separator: "/", omittingEmptySubsequences: false)
        guard let username = pair?["username"]?.string, !username.isEmpty, !username.contains(":"), parts.count == 6,
            parts[0] == "projects", parts[2] == "secrets", parts[4] == "versions"
        else {
            throw GoogleError.repositoryInvalid(
                "The field remoteRepositoryConfig.upstreamCredentials.usernamePasswordCredentials must have a username "
                    + "and a passwordSecretVersion such as projects/P/secrets/S/versions/1."
            )
        }
        return (username, version)
    }
}

/// The passwords of remote repositories.
package protocol UpstreamSecrets: Sendable {
    /// The payload of a secret's version: `projects/P/secrets/S/versions/V`.
    ///
    /// - Parameter account: Who reads: Artifact Registry's service agent in the repository's project.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404).
    func value(of version: String, as account: String) async throws -> Data
}

/// Who a remote repository says it is; the password is read anew each time, so that a new version of it counts at once.
struct RemoteCredentials: Sendable {
    let username: String
    let passwordVersion: String
    let account: String
    let secrets: any UpstreamSecrets

    /// The value of an `Authorization` header.
    func basic() async throws -> String {
        var pair = Data("\(username):".utf8)
        pair.append(try await secrets.value(of: passwordVersion, as: account))
        return "Basic \(pair.base64EncodedString())"
    }
}
