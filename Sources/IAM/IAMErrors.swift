import GoogleAPI

extension GoogleError {
    // MARK: Signing in

    static func badCredential(_ why: String) -> GoogleError {
        GoogleError(
            .unauthenticated,
            reason: "authError",
            message: "Request had invalid authentication credentials: \(why) "
                + "Expected an OAuth 2 access token of this cloud; sign in again."
        )
    }

    static let accountUnusable = badCredential("the account was deleted or disabled.")

    // MARK: Access

    static func anonymousDenied(_ permission: String, on resource: ResourceName) -> GoogleError {
        GoogleError(
            .unauthenticated,
            reason: "required",
            message: "Anonymous caller does not have \(permission) access to \(kind(of: resource, permission)). "
                + "Permission '\(permission)' denied on resource '\(resource)' (or it may not exist).",
            metadata: ["permission": permission, "resource": resource.description]
        )
    }

    static func denied(_ email: String, _ permission: String, on resource: ResourceName) -> GoogleError {
        GoogleError(
            .permissionDenied,
            reason: "forbidden",
            message: "\(email) does not have \(permission) access to \(kind(of: resource, permission)). "
                + "Permission '\(permission)' denied on resource '\(resource)' (or it may not exist).",
            metadata: ["permission": permission, "resource": resource.description]
        )
    }

    /// The resource's kind as Cloud Storage words it, since its users read this most.
    private static func kind(of resource: ResourceName, _ permission: String) -> String {
        if permission.hasPrefix("storage.objects.") { return "the Google Cloud Storage object" }
        if permission.hasPrefix("storage.buckets.") { return "the Google Cloud Storage bucket" }
        return "the resource '\(resource)'"
    }

    // MARK: Policies

    static let policyChanged = GoogleError(
        .aborted,
        reason: "conflict",
        message: "There were concurrent policy changes. "
            + "Please retry the whole read-modify-write with exponential backoff."
    )

    static func unsupportedRole(_ role: String, on resource: String) -> GoogleError {
        .invalid(
            "Role \(role) is not supported for the resource '\(resource)': 'gcloud iam roles list' names those that are."
        )
    }

    static func badMember(_ member: String) -> GoogleError {
        .invalid(
            "The member \(member) is of an unknown type. Please set a valid type prefix for the member, "
                + "such as user: or serviceAccount:."
        )
    }

    static func memberMissing(_ email: String) -> GoogleError {
        .invalid("Service account \(email) does not exist.")
    }

    static func roleMissing(_ name: String) -> GoogleError {
        .notFound("The role named \(name) was not found.")
    }

    // MARK: Service accounts and keys

    static func badAccountID(_ id: String) -> GoogleError {
        .invalid(
            "The account ID \"\(id)\" does not have the right form: it has 6 to 30 characters, "
                + "lower case letters, digits and hyphens, and begins with a letter."
        )
    }

    static func accountTaken(_ id: String, project: String) -> GoogleError {
        .alreadyExists("Service account \(id) already exists within project projects/\(project).")
    }

    static func accountMissing(_ name: String) -> GoogleError {
        .notFound("Unknown service account: \(name).")
    }

    static func keyMissing(_ id: String) -> GoogleError {
        .notFound("Service account key \(id) does not exist.")
    }

    static func badKeyRequest(_ what: String) -> GoogleError { .invalid(what) }

    static func keyIsSystemManaged(_ id: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "failedPrecondition",
            message: "The key \(id) is managed by the system: only user-managed keys can be changed."
        )
    }

    static func badPayload(_ what: String) -> GoogleError { .invalid(what) }

    // MARK: The token endpoint: `reason` is OAuth's error code

    static func invalidGrant(_ description: String) -> GoogleError {
        .invalid(description, reason: "invalid_grant")
    }

    static func invalidTokenRequest(_ description: String) -> GoogleError {
        .invalid(description, reason: "invalid_request")
    }

    static func unsupportedGrant(_ type: String) -> GoogleError {
        .invalid("Invalid grant_type: \(type)", reason: "unsupported_grant_type")
    }

    static let invalidScope = GoogleError.invalid(
        "Invalid OAuth scope or ID token audience provided.",
        reason: "invalid_scope"
    )

    static let delegationRefused = GoogleError(
        .unauthenticated,
        reason: "unauthorized_client",
        message: "Client is unauthorized to retrieve access tokens using this method, "
            + "or client not authorized for any of the scopes requested."
    )
}
