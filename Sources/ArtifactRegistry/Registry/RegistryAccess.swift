import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// Signs registry clients in: bearer tokens of this registry's token endpoint, access tokens, and Basic credentials.
struct RegistryAccess: Authenticator {
    let accounts: any RegistryAccounts
    let authorizer: any Authorizer
    let projects: any ProjectDirectory
    let upstream: any UpstreamImages
    let system: RegistrySystemAccount

    /// What callers without credentials get at the token endpoint.
    static let anonymousToken = "anonymous"

    func identity(of call: Call) async throws -> Caller.Identity {
        guard let header = call.headers[.authorization] else { return .anonymous }
        let parts = header.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw GoogleError.registryUnauthorized("The Authorization header is not valid.") }
        switch parts[0].lowercased() {
        case "bearer": return try await identity(ofToken: parts[1])
        case "basic":
            // The token endpoint reads the credential itself.
            if RegistryPath(call.decodedPath) == .token { return .anonymous }
            return try await identity(ofToken: token(for: parts[1]))
        default: throw GoogleError.registryUnauthorized("Send a bearer token or a Basic credential.")
        }
    }

    private func identity(ofToken token: String) async throws -> Caller.Identity {
        if token == Self.anonymousToken { return .anonymous }
        if token == system.password { return .account(RegistrySystemAccount.identity) }
        do {
            return try await accounts.identity(ofAccessToken: token)
        } catch let error as GoogleError {
            throw GoogleError.registryUnauthorized(error.message)
        }
    }

    /// Exchanges a Basic credential for a bearer token.
    ///
    /// The users are those of [Google's clients](https://docs.cloud.google.com/artifact-registry/docs/docker/authentication).
    func token(for basic: String) async throws -> String {
        guard let data = Data(base64Encoded: basic), let colon = data.firstIndex(of: UInt8(ascii: ":")) else {
            throw GoogleError.registryUnauthorized("The Basic credential is not valid Base64.")
        }
        let user = String(decoding: data[..<colon], as: UTF8.self)
        let password = String(decoding: data[data.index(after: colon)...], as: UTF8.self)
        do {
            switch user {
            case "_dcgcloud_token", "_token", "oauth2accesstoken":
                _ = try await identity(ofToken: password)
                return password
            case "_json_key": return try await accounts.accessToken(forKeyFile: password)
            case "_json_key_base64":
                let compact = password.filter { !$0.isWhitespace }
                guard let json = Data(base64Encoded: compact) else {
                    throw GoogleError.registryUnauthorized("The key is not valid Base64.")
                }
                return try await accounts.accessToken(forKeyFile: String(decoding: json, as: UTF8.self))
            case RegistrySystemAccount.user where password == system.password: return password
            default:
                throw GoogleError.registryUnauthorized(
                    "The user '\(user)' is not known: use oauth2accesstoken with an access token, or _json_key."
                )
            }
        } catch let error as GoogleError {
            throw GoogleError.registryUnauthorized(error.message)
        }
    }

    /// Checks that the caller may act in a place, and gives the project its ID.
    ///
    /// Google's public images may be read by everybody, and are written by the daemon alone.
    func place(_ place: RegistryPlace, for permission: Permission, as caller: Caller) async throws -> RegistryPlace {
        if caller.identity == .account(RegistrySystemAccount.identity) { return place }
        if permission == .download, isPublic(place) { return place }
        var place = place
        do {
            place.project = try await projects.project(place.project).id
        } catch let error as GoogleError where error.status == .notFound {
            guard caller.identity != .anonymous else {
                throw GoogleError.registryUnauthorized("Sign in first: \(error.message)")
            }
            throw GoogleError.registry("NAME_UNKNOWN", .notFound, 404, error.message)
        }
        do {
            try await authorizer.authorize(caller, for: permission.rawValue, on: place.resource)
        } catch let error as GoogleError {
            if error.code == 401 { throw GoogleError.registryUnauthorized(error.message) }
            if error.code == 403 { throw GoogleError.registry("DENIED", .permissionDenied, 403, error.message) }
            throw error
        }
        return place
    }

    private func isPublic(_ place: RegistryPlace) -> Bool {
        upstream.knows(place.written) || !upstream.names(under: place.written).isEmpty
    }

    enum Permission: String {
        case download = "artifactregistry.repositories.downloadArtifacts"
        case upload = "artifactregistry.repositories.uploadArtifacts"
        case delete = "artifactregistry.repositories.deleteArtifacts"
    }
}

extension Call {
    /// The path as sent, percent-decoded, without query.
    var decodedPath: String {
        let raw = String((request.head.path ?? "/").prefix { $0 != "?" })
        return raw.removingPercentEncoding ?? raw
    }

    /// The host that the caller spoke to, without port.
    var hostName: String { String((request.head.authority ?? "").prefix { $0 != ":" }).lowercased() }
}

extension ErrorStyle {
    /// The registry's form; a 401 says where to get a token.
    ///
    /// gcloud reads the challenge by splitting at commas: `realm` comes first, and no space follows the comma.
    static let registry = ErrorStyle { error, call in
        let code =
            switch error.code {
            case _ where error.reason.allSatisfy({ $0.isUppercase || $0 == "_" }): error.reason
            case 401: "UNAUTHORIZED"
            case 403: "DENIED"
            case 404: "NAME_UNKNOWN"
            case 429: "TOOMANYREQUESTS"
            default: "UNKNOWN"
            }
        let body: JSON = ["errors": [["code": .string(code), "message": .string(error.message)]]]
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.dockerDistributionAPIVersion] = "registry/2.0"
        if error.code == 401 {
            let service = call.request.head.authority ?? ""
            headers[.wwwAuthenticate] = "Bearer realm=\"\(call.caller.origin)/v2/token\",service=\"\(service)\""
        }
        let data = call.request.method == .head ? Data() : (try? body.data()) ?? Data()
        return Response(status: .init(code: error.code), headers: headers, body: .init(byteBuffer: .init(bytes: data)))
    }
}

extension HTTPField.Name {
    static let dockerDistributionAPIVersion = HTTPField.Name.registryName("Docker-Distribution-Api-Version")
    static let dockerContentDigest = HTTPField.Name.registryName("Docker-Content-Digest")
    static let dockerUploadUUID = HTTPField.Name.registryName("Docker-Upload-UUID")
    static let ociSubject = HTTPField.Name.registryName("OCI-Subject")
    static let ociFiltersApplied = HTTPField.Name.registryName("OCI-Filters-Applied")

    private static func registryName(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("'\(text)' is no header name") }
        return name
    }
}
