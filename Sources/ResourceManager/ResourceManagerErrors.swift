import GoogleAPI

extension GoogleError {
    static func badProjectID(_ issue: String) -> GoogleError {
        GoogleError(
            .invalidArgument,
            reason: "badRequest",
            message: "field [project_id] has issue [\(issue)]",
            metadata: ["field": "project_id"]
        )
    }

    static let projectTaken = GoogleError.alreadyExists(
        "Requested entity already exists: the project ID you specified is already in use by another project. "
            + "Please try an alternative ID."
    )

    static func projectMissing(_ id: String) -> GoogleError {
        .notFound("Project '\(id)' was not found: 'gcloud projects create \(id)' makes it.")
    }

    static func projectDeleted(_ id: String) -> GoogleError {
        .notFound("Project '\(id)' is shut down: 'gcloud projects undelete \(id)' brings it back.")
    }

    static func projectNotActive(_ id: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "failedPrecondition",
            message: "Precondition check failed: the project '\(id)' is not in the state that this needs."
        )
    }

    static let signInFirst = GoogleError(
        .unauthenticated,
        reason: "required",
        message: "Request is missing required authentication credential. Expected OAuth 2 access token."
    )

    static func badFilter(_ text: String) -> GoogleError {
        .invalid("The filter '\(text)' is not understood: give terms such as 'lifecycleState:ACTIVE id:my-project'.")
    }

    static func operationMissing(_ name: String) -> GoogleError {
        .notFound("The operation '\(name)' was not found.")
    }
}
