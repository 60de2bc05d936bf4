import GoogleAPI

extension GoogleError {
    static func invalidBuild(_ why: String) -> GoogleError {
        .invalid(why, reason: "INVALID_ARGUMENT")
    }

    static func buildLacks(_ what: String) -> GoogleError {
        GoogleError(.unimplemented, reason: "notImplemented", message: "Brume's Cloud Build does not have \(what).")
    }

    static func buildNotFound(_ id: String) -> GoogleError {
        .notFound("Requested entity was not found: there is no build '\(id)' here.")
    }

    static func buildEnded(_ id: String, _ status: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "cannot cancel build \"\(id)\": it has already completed with status \(status)"
        )
    }
}
