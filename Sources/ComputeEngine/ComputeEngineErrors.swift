import GoogleAPI

/// Every error that Compute Engine raises, with Google's own reasons and texts.
extension GoogleError {
    static func resourceMissing(_ name: ResourceName) -> GoogleError {
        .notFound("The resource '\(name)' was not found")
    }

    static func resourceExists(_ name: ResourceName) -> GoogleError {
        .alreadyExists("The resource '\(name)' already exists")
    }

    static func invalidName(_ value: String) -> GoogleError {
        .invalid(
            "Invalid value for field 'resource.name': '\(value)'. "
                + "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
        )
    }

    static func invalidField(_ field: String, _ value: String, _ why: String) -> GoogleError {
        .invalid("Invalid value for field '\(field)': '\(value)'. \(why)")
    }

    /// A body that leaves out what the method needs.
    static func fieldMissing(_ field: String) -> GoogleError {
        GoogleError(.invalidArgument, reason: "required", message: "Required field '\(field)' not specified")
    }

    static func unknownZone(_ zone: String, project: String) -> GoogleError {
        .notFound("The resource 'projects/\(project)/zones/\(zone)' was not found")
    }

    /// Metadata, labels or tags that somebody else changed since the caller read them.
    static let fingerprintMismatch = GoogleError(
        .failedPrecondition,
        reason: "conditionNotMet",
        message: "Supplied fingerprint does not match current metadata fingerprint.",
        httpStatus: 412
    )

    static func notReady(_ name: ResourceName, status: String, needs: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "resourceNotReady",
            message: "The resource '\(name)' is not ready: it is \(status), and must be \(needs)."
        )
    }

    static func acceleratorsMissing(_ kind: String) -> GoogleError {
        GoogleError(
            .unavailable,
            reason: "ZONE_RESOURCE_POOL_EXHAUSTED",
            message: "This machine has no accelerator '\(kind)': create the instance without --accelerator, "
                + "or run Brume on a machine whose container engine offers GPUs."
        )
    }

    static let deletionProtected = GoogleError(
        .failedPrecondition,
        reason: "resourceInUseByAnotherResource",
        message: "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion. "
            + "Disable deletion protection first.'."
    )

    static func inUse(_ disk: ResourceName, by user: String) -> GoogleError {
        .invalid(
            "The disk resource '\(disk)' is already being used by '\(ResourceName(parsing: user))'",
            reason: "resourceInUseByAnotherResource"
        )
    }

    /// The boot disk is the machine's own: it cannot outlive it.
    static let bootDiskKept = GoogleError(
        .unimplemented,
        reason: "notImplemented",
        message: "Brume cannot keep a boot disk without its instance: set the disk's auto-delete to true, "
            + "or stop the instance instead of deleting it."
    )

    static func sourceLacking(_ field: String, _ value: String) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Invalid value for field '\(field)': '\(value)'. Brume boots instances from images, "
                + "and makes other disks empty."
        )
    }
}
