import Foundation
import GoogleAPI

/// A service account, as on the wire: [ServiceAccount](https://docs.cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts).
struct ServiceAccount: Codable, Sendable, Equatable {
    var name: String
    var projectId: String
    var uniqueId: String
    var email: String
    var displayName: String?
    var description: String?
    var etag: String
    var oauth2ClientId: String
    var disabled: Bool?

    /// - Parameter uniqueID: 21 digits, never used again.
    init(email: String, project: String, uniqueID: String, displayName: String? = nil, description: String? = nil) {
        name = "projects/\(project)/serviceAccounts/\(email)"
        projectId = project
        uniqueId = uniqueID
        self.email = email
        self.displayName = displayName
        self.description = description
        etag = Data("1".utf8).base64EncodedString()
        oauth2ClientId = uniqueID
    }

    var isUsable: Bool { disabled != true }

    /// The `etag` after a change.
    mutating func touch() {
        let count = Data(base64Encoded: etag).flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        etag = Data(String(count + 1).utf8).base64EncodedString()
    }

    /// Whether `id` may stand before the `@`.
    static func isValid(accountID id: String) -> Bool {
        (6...30).contains(id.count) && id.wholeMatch(of: /[a-z](?:[-a-z0-9]*[a-z0-9])/) != nil
    }
}
