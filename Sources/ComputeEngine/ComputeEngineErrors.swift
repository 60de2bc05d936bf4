import GoogleAPI

/// Every error that Compute Engine raises, with Google's own reasons and texts.
extension GoogleError {
    static func badPageToken(_ token: String) -> GoogleError {
        invalidField("pageToken", token, "No earlier page of this list gave it: begin again without one.")
    }

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

    /// Numbers that do not go together.
    static func invalidUsage(_ why: String) -> GoogleError {
        .invalid("Invalid resource usage: '\(why)'.", reason: "invalidResourceUsage")
    }

    /// A field of Google's that Brume lacks, named so that nobody waits for what it would do.
    ///
    /// - Parameter value: What Brume lacks of the field; nil: all.
    static func lackingField(_ field: String, value: String? = nil) -> GoogleError {
        let what = value.map { "'\($0)' in the field" } ?? "the field"
        return GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume does not implement \(what) 'resource.\(field)'."
        )
    }

    /// A field that an update names and no method changes, or another one does.
    static func fieldStays(_ field: String) -> GoogleError {
        .invalid("Invalid value for field 'resource.\(field)'. An update cannot change it.")
    }

    /// A change that a machine would have to be stopped for.
    static func tooDisruptive(_ field: String, needs: String, allowed: String) -> GoogleError {
        .invalid(
            "Changing '\(field)' needs the action \(needs), and at most \(allowed) is allowed: stop the instance, or set "
                + "mostDisruptiveAllowedAction to \(needs)."
        )
    }

    static func memberExists(_ instance: String, of group: String) -> GoogleError {
        .invalid(
            "Resource '\(instance)' is already a member of '\(group)'.",
            reason: "memberAlreadyExists"
        )
    }

    static func groupMemberStays(_ instance: ResourceName, of group: String) -> GoogleError {
        .invalid(
            "The instance '\(instance)' cannot be renamed: it is managed by the group '\(group)'. Abandon it first.",
            reason: "resourceInUseByAnotherResource"
        )
    }

    static func notReady(_ name: ResourceName, status: String, needs: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "resourceNotReady",
            message: "The resource '\(name)' is not ready: it is \(status), and must be \(needs)."
        )
    }

    /// More than the project may have at once.
    static func quotaExceeded(_ metric: Quota.Metric, limit: Double) -> GoogleError {
        GoogleError(
            .permissionDenied,
            reason: "QUOTA_EXCEEDED",
            message: "Quota '\(metric.name)' exceeded.  Limit: \(limit) "
                + (metric.region.map { "in region \($0)." } ?? "globally."),
            httpStatus: 403
        )
    }

    /// Google's words for a zone without what is asked for, and what that means here.
    static func zoneExhausted(_ zone: ResourceName, why: String) -> GoogleError {
        GoogleError(
            .unavailable,
            reason: "ZONE_RESOURCE_POOL_EXHAUSTED",
            message: "The zone '\(zone)' does not have enough resources available to fulfill the request.  "
                + "Try a different zone, or try again later. \(why)"
        )
    }

    static func acceleratorsDoNotFit(_ accelerator: String, on type: String) -> GoogleError {
        .invalid(
            "[\(accelerator)] features and [instance type: \(type)] are not compatible for creating instance."
        )
    }

    static let acceleratorsDoNotMove = GoogleError.invalid(
        "Instances with guest accelerators do not support live migration: set scheduling.onHostMaintenance to "
            + "TERMINATE (--maintenance-policy=TERMINATE)."
    )

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

    /// A network, a subnetwork or an instance group that something else needs.
    static func resourceInUse(_ resource: ResourceName, by user: ResourceName) -> GoogleError {
        let collection = resource.segments.dropLast().last ?? ""
        let kind = collection.dropLast(collection.hasSuffix("sses") ? 2 : 1)
        return .invalid(
            "The \(kind) resource '\(resource)' is already being used by '\(user)'",
            reason: "resourceInUseByAnotherResource"
        )
    }

    static func templateInUse(_ template: ResourceName, by user: ResourceName) -> GoogleError {
        .invalid(
            "The instance_template resource '\(template)' is already being used by '\(user)'",
            reason: "resourceInUseByAnotherResource"
        )
    }

    /// A machine's root cannot be taken from it.
    static let bootDiskStays = GoogleError(
        .unimplemented,
        reason: "notImplemented",
        message: "Brume cannot detach a boot disk from its instance. Set its auto-delete to false and delete the "
            + "instance to keep the disk, or make a snapshot or an image of it."
    )

    /// A disk that boots is a root file system, of which a machine has one.
    static func bootDiskAsAnother(_ name: ResourceName) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message:
                "Brume cannot give an instance a second disk with an operating system ('\(name)'). Start an instance "
                + "that boots from it to reach its files."
        )
    }

    static let volumesOutOfReach = GoogleError(
        .unimplemented,
        reason: "notImplemented",
        message: "Disks cannot be attached or detached here: the container engine keeps its volumes to itself. "
            + "Run Brume as root on the engine's own machine."
    )

    /// A kind of disk that is listed, and that Brume cannot make.
    static func lackingDiskType(_ type: String) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume has no disks of the type '\(type)': use one of \(DiskType.made.joined(separator: ", "))."
        )
    }

    static func lackingRegionalDisk(_ source: String, field: String) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume has no disks of a region, such as '\(source)' in the field '\(field)'."
        )
    }

    static func notBootable(_ name: ResourceName) -> GoogleError {
        .invalid("The resource '\(name)' holds no operating system: an instance cannot boot from it.")
    }
}
