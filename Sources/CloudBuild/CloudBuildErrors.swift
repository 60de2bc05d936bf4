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

    static func buildNotPending(_ id: String, _ status: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "build \"\(id)\" does not wait for an approval: its status is \(status)"
        )
    }

    static func buildEnded(_ id: String, _ status: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "cannot cancel build \"\(id)\": it has already completed with status \(status)"
        )
    }
}

extension GoogleError {
    static func triggerNotFound(_ name: String) -> GoogleError {
        .notFound("Requested entity was not found: there is no trigger '\(name)' here.")
    }

    static func triggerExists(_ name: String) -> GoogleError {
        GoogleError(
            .alreadyExists,
            reason: "ALREADY_EXISTS",
            message: "trigger with name \"\(name)\" already exists: choose another name"
        )
    }

    static func revisionMissing(_ revision: String, _ repository: String) -> GoogleError {
        .invalid(
            "Couldn't read commit: the repository '\(repository)' has no '\(revision)'.",
            reason: "INVALID_ARGUMENT"
        )
    }
}

extension GoogleError {
    static func connectionNotFound(_ name: String) -> GoogleError {
        .notFound("Requested entity was not found: there is no '\(name)'.")
    }

    static func connectionExists(_ name: String) -> GoogleError {
        GoogleError(.alreadyExists, reason: "ALREADY_EXISTS", message: "Resource '\(name)' already exists.")
    }

    static func foreignRepository(_ source: SourceName) -> GoogleError {
        GoogleError(
            .permissionDenied,
            reason: "forbidden",
            message: "The repository '\(source.repository)' is in project '\(source.project)': "
                + "builds read repositories of their own project only."
        )
    }
}
