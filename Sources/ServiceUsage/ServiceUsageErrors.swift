import GoogleAPI

extension GoogleError {
    static func serviceMissing(_ name: String) -> GoogleError {
        GoogleError(
            .notFound,
            reason: "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED",
            message: "Not found or permission denied for service(s): \(name).",
            domain: "serviceusage.googleapis.com",
            metadata: ["services": name]
        )
    }

    static func badServiceFilter(_ text: String) -> GoogleError {
        .invalid("The filter '\(text)' is not understood: give 'state:ENABLED' or 'state:DISABLED'.")
    }

    static let noServices = GoogleError.invalid("The field 'serviceIds' names no service.")

    static func operationMissing(_ name: String) -> GoogleError {
        .notFound("The operation '\(name)' was not found.")
    }
}
