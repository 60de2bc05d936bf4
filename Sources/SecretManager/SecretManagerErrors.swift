import GoogleAPI

extension GoogleError {
    static func secretMissing(_ name: String) -> GoogleError { .notFound("Secret [\(name)] not found.") }

    static func secretExists(_ name: String) -> GoogleError {
        GoogleError(.alreadyExists, reason: "ALREADY_EXISTS", message: "Secret [\(name)] already exists.")
    }

    static func versionMissing(_ name: String) -> GoogleError {
        .notFound("Secret Version [\(name)] not found.")
    }

    static func noVersions(_ secret: String) -> GoogleError {
        .notFound("Secret [\(secret)] not found or has no versions.")
    }

    static func versionState(_ name: String, _ state: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "Secret Version [\(name)] is in \(state) state."
        )
    }

    static func secretChanged(_ name: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "The etag is not that of [\(name)] as it stands: read it again."
        )
    }

    static func invalidSecret(_ why: String) -> GoogleError { .invalid(why, reason: "INVALID_ARGUMENT") }

    static func secretsLack(_ field: String) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume's Secret Manager does not have '\(field)': leave it out."
        )
    }
}
