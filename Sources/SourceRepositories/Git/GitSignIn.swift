import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// Signs git in: Basic credentials whose password is an access token, as gcloud's credential helper gives them, or the
/// cloud's common way.
struct GitSignIn: Authenticator {
    let accounts: any SourceAccounts
    let others: any Authenticator

    func identity(of call: Call) async throws -> Caller.Identity {
        guard let header = call.headers[.authorization], header.lowercased().hasPrefix("basic ") else {
            return try await others.identity(of: call)
        }
        let credential = header.dropFirst(6).trimmingCharacters(in: .whitespaces)
        guard let data = Data(base64Encoded: credential), let colon = data.firstIndex(of: UInt8(ascii: ":")) else {
            throw GoogleError(.unauthenticated, reason: "authError", message: "The Basic credential is not readable.")
        }
        return try await accounts.identity(ofAccessToken: String(decoding: data[(colon + 1)...], as: UTF8.self))
    }
}

/// Git's calls are authorized by their methods, once the repository is known.
struct NobodyAsked: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {}
}
