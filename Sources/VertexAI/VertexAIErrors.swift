import GoogleAPI

extension GoogleError {
    static func unknownField(_ name: String, at path: String) -> GoogleError {
        .invalid("Invalid JSON payload received. Unknown name \"\(name)\" at '\(path)': Cannot find field.")
    }

    static func badValue(_ value: String, at path: String, expected: String) -> GoogleError {
        .invalid("Invalid value at '\(path)' (\(expected)), \(value)")
    }

    static func badField(_ path: String, _ problem: String) -> GoogleError {
        .invalid("\(path): \(problem)")
    }

    static func customJobNotFound(_ name: String) -> GoogleError {
        .notFound("The CustomJob \"\(name)\" does not exist.")
    }

    static func operationNotFound(_ name: String) -> GoogleError {
        .notFound("The operation \"\(name)\" does not exist.")
    }

    static func jobRuns(_ name: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "failedPrecondition",
            message: "The CustomJob \"\(name)\" has not ended: cancel it first, then delete it."
        )
    }

    static func badLocation(_ location: String) -> GoogleError {
        .invalid("'\(location)' is no location of Vertex AI: use a region such as europe-west1.")
    }

    static func badListFilter(_ filter: String) -> GoogleError {
        .invalid(
            "Invalid filter '\(filter)': join comparisons such as state=\"JOB_STATE_RUNNING\" or display_name=\"x\" by AND."
        )
    }

    static var badPageToken: GoogleError {
        .invalid("The page token is not one that the list method gave: begin without one.")
    }
}
