import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// What all methods of `iamcredentials` take: an account (by address or unique ID), and fields.
struct CredentialInput: MethodInput {
    var resource: ResourceName
    var body: JSON

    init(from call: Call) async throws {
        resource = ResourceName(["projects", "-", "serviceAccounts", try call.parameter("account")])
        body = call.request.method == .get ? [:] : try await call.body()
    }

    /// `3600s` and the like; an hour when absent.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when it is none, or longer than Google allows.
    func lifetime() throws -> Duration {
        guard let text = body["lifetime"]?.string, !text.isEmpty else { return .seconds(3600) }
        guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), (1...43_200).contains(seconds) else {
            throw GoogleError.badPayload("The lifetime '\(text)' is no time from 1s to 43200s.")
        }
        return .seconds(Int64(seconds))
    }

    var scopes: [String] { body["scope"]?.array?.compactMap(\.string) ?? [] }
}
