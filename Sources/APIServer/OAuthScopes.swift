import GoogleAPI

/// What a token may be used for at most, whatever its account may do.
///
/// An instance's account acts under the access scopes of its instance. What each scope covers follows
/// [OAuth 2.0 Scopes for Google APIs](https://developers.google.com/identity/protocols/oauth2/scopes).
package struct OAuthScopes: Sendable, Equatable {
    /// As they were asked for; nil: the credential knows no scopes, as a token that an account signed for an audience.
    package let names: [String]?
    private let isUnlimited: Bool

    /// Everything.
    package static let all = OAuthScopes(nil)

    /// - Parameter names: Scopes by their address (`https://www.googleapis.com/auth/devstorage.read_only`).
    package init(_ names: [String]?) {
        self.names = names
        isUnlimited = names?.contains(Self.prefix + "cloud-platform") ?? true
    }

    private static let prefix = "https://www.googleapis.com/auth/"

    /// Whether a permission, such as `storage.objects.get`, may be used under one of the scopes.
    package func cover(_ permission: String) -> Bool {
        if isUnlimited || Self.attending.contains(permission) { return true }
        return (names ?? []).contains { name in
            name.hasPrefix(Self.prefix) && Self.covers(name.dropFirst(Self.prefix.count), Permission(permission))
        }
    }

    /// What calls of any scope need besides their own permission: to look at the project, to name an account.
    private static let attending: Set = ["resourcemanager.projects.get", "iam.serviceAccounts.actAs"]

    private static func covers(_ scope: Substring, _ permission: Permission) -> Bool {
        switch scope {
        case "cloud-platform.read-only": permission.reads
        case "devstorage.full_control": ["storage", "artifactregistry"].contains(permission.service)
        case "devstorage.read_write": permission.isOfContent
        case "devstorage.read_only": permission.isOfContent && permission.reads
        case "compute": permission.service == "compute"
        case "compute.readonly": permission.service == "compute" && permission.reads
        case "logging.admin": permission.service == "logging"
        case "logging.read": permission.service == "logging" && permission.reads
        case "logging.write": permission.text == "logging.logEntries.create"
        case "iam": permission.service == "iam"
        case "source.full_control": permission.service == "source"
        case "source.read_write": permission.service == "source" && !permission.setsPolicy
        case "source.read_only": permission.service == "source" && permission.reads
        case "service.management": ["servicemanagement", "serviceusage"].contains(permission.service)
        case "service.management.readonly":
            ["servicemanagement", "serviceusage"].contains(permission.service) && permission.reads
        default: false
        }
    }

    /// A permission by its parts: `storage.objects.get` is `get` in `storage`.
    private struct Permission {
        let text: String
        let service: Substring
        let verb: Substring

        init(_ text: String) {
            self.text = text
            service = text.prefix { $0 != "." }
            verb = text[(text.lastIndex(of: ".").map(text.index(after:)) ?? text.startIndex)...]
        }

        /// Whether it changes nothing and gives nobody a credential.
        var reads: Bool {
            ["get", "list", "search", "use", "downloadArtifacts"].contains(verb)
                || (verb.hasPrefix("get") && !["getAccessToken", "getOpenIdToken"].contains(verb))
        }

        var setsPolicy: Bool { verb == "setIamPolicy" }

        /// Buckets' objects and repositories' images, but not who may reach them.
        var isOfContent: Bool { ["storage", "artifactregistry"].contains(service) && !setsPolicy }
    }
}

extension Caller {
    /// Checks that the caller's token may be used for something, whatever its account may do.
    ///
    /// - Throws: ``GoogleError`` `insufficientPermissions` (403).
    package func checkScopes(for permission: String) throws {
        guard case .account(let email, let scopes) = identity, !scopes.cover(permission) else { return }
        throw GoogleError(
            .permissionDenied,
            reason: "insufficientPermissions",
            message: "Request had insufficient authentication scopes. The token of \(email) has "
                + "[\((scopes.names ?? []).joined(separator: ", "))], none of which covers \(permission). "
                + "An instance's scopes are set while it is stopped: "
                + "'gcloud compute instances set-service-account INSTANCE --scopes=cloud-platform'.",
            metadata: ["reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "permission": permission]
        )
    }
}
