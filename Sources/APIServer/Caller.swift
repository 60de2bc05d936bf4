package import GoogleAPI

/// Who makes a call, and from where.
package struct Caller: Sendable, Equatable {
    /// Who a credential proved the caller to be.
    package enum Identity: Sendable, Equatable {
        /// No credential was sent.
        case anonymous
        /// The e-mail address of a user or service account, and what the credential may be used for.
        case account(String, scopes: OAuthScopes = .all)
    }

    package var identity: Identity
    /// The scheme, host and port that the caller used; links in answers begin with it: `https://storage.googleapis.com`.
    package var origin: String
    /// One for each call; on every line of the log.
    package var requestID: String

    package init(identity: Identity, origin: String, requestID: String) {
        self.identity = identity
        self.origin = origin
        self.requestID = requestID
    }

    /// The account's e-mail address; nil for anonymous callers.
    package var email: String? {
        guard case .account(let email, _) = identity else { return nil }
        return email
    }
}

/// Tells who sent a request (401).
package protocol Authenticator: Sendable {
    /// Reads the credential of a call, if it carries one.
    ///
    /// - Returns: ``Caller/Identity/anonymous`` when the request carries no credential.
    /// - Throws: ``GoogleError`` `authError` (401) when it carries one that is wrong, unknown or expired.
    func identity(of call: Call) async throws -> Caller.Identity
}

/// Decides whether a caller may do something (403).
package protocol Authorizer: Sendable {
    /// Returns when the caller holds `permission` on `resource` or on one of its parents.
    ///
    /// - Parameter permission: Google's name of it, `storage.buckets.create`.
    /// - Throws: ``GoogleError`` `required` (401) for anonymous callers, `forbidden` (403) for known ones.
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws
}

extension Authorizer {
    /// Checks that a caller may have something run as a service account.
    ///
    /// - Parameter account: The account's e-mail address.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404) for an account that is none.
    package func authorize(_ caller: Caller, toActAs account: String, in project: ProjectIdentity) async throws {
        try await authorize(
            caller,
            for: "iam.serviceAccounts.actAs",
            on: ResourceName(["projects", project.id, "serviceAccounts", account])
        )
    }
}
