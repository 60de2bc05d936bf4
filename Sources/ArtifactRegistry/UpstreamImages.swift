package import APIServer

/// Images that the registry does not hold yet but can come to hold: Google's public builder and deep-learning images.
///
/// Names are written as clients write them, without tag: `gcr.io/cloud-builders/docker`.
package protocol UpstreamImages: Sendable {
    /// Whether the name is one of the public ones, whether or not it has been made yet.
    func knows(_ name: String) -> Bool

    /// The known names below a prefix: `gcr.io/deeplearning-platform-release`.
    func names(under prefix: String) -> [String]

    /// Makes the image, and pushes it into the registry under the account of ``RegistrySystemAccount``.
    ///
    /// - Parameter reference: With tag or digest: `gcr.io/cloud-builders/docker:latest`.
    /// - Returns: False when the image is not a known one; the registry is then as it was.
    func provide(_ reference: String) async throws -> Bool
}

/// Turns what registry clients send as user name and password into a bearer token that the cloud accepts.
package protocol RegistryAccounts: Sendable {
    /// An access token for the key of a service account (a key file, as `gcloud iam service-accounts keys create` makes it).
    ///
    /// - Throws: ``GoogleError`` (401) when the key is not known or is disabled.
    func accessToken(forKeyFile json: String) async throws -> String

    /// Whose access token it is.
    ///
    /// - Throws: ``GoogleError`` (401) when the token is unknown or has expired.
    func identity(ofAccessToken token: String) async throws -> Caller.Identity
}

/// Who pushes what the daemon itself makes. It exists for one run of the daemon, and no user can hold its name.
package struct RegistrySystemAccount: Sendable {
    package static let user = "_brume"
    /// Not an e-mail address, so that no account can have it.
    static let identity = "brume system"
    /// Secret; a new one for each run.
    package let password: String

    package init(password: String) { self.password = password }
}
