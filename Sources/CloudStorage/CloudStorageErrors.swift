import GoogleAPI

/// Every error that Cloud Storage raises; `metadata["code"]` is its name in the XML API.
extension GoogleError {
    static func bucketNotFound(_ name: String) -> Self {
        var error = notFound(
            "The specified bucket does not exist: '\(name)'. Create it with: gcloud storage buckets create gs://\(name)"
        )
        error.metadata["code"] = "NoSuchBucket"
        return error
    }

    static func objectNotFound(_ bucket: String, _ name: String) -> Self {
        var error = notFound("No such object: \(bucket)/\(name)")
        error.metadata["code"] = "NoSuchKey"
        return error
    }

    static func bucketNameTaken(_ name: String) -> Self {
        var error = alreadyExists(
            "Your previous request to create the named bucket succeeded and you already own it, "
                + "or the name is taken by another project: '\(name)'.",
            reason: "conflict"
        )
        error.metadata["code"] = "BucketAlreadyOwnedByYou"
        return error
    }

    static func bucketNotEmpty(_ name: String) -> Self {
        var error = alreadyExists(
            "The bucket you tried to delete is not empty: '\(name)'. Delete its objects, archived generations included.",
            reason: "conflict"
        )
        error.metadata["code"] = "BucketNotEmpty"
        return error
    }

    static func invalidBucketName(_ name: String) -> Self {
        var error = invalid(
            "Invalid bucket name: '\(name)'. Names have 3-63 characters (up to 222 with dots): lower-case letters, "
                + "digits, '-', '_' and '.'; they begin and end with a letter or digit."
        )
        error.metadata["code"] = "InvalidBucketName"
        return error
    }

    static func invalidObjectName(_ reason: String) -> Self {
        var error = invalid("Invalid object name: \(reason)")
        error.metadata["code"] = "InvalidArgument"
        return error
    }

    static func conditionNotMet(_ condition: String) -> Self {
        GoogleError(
            .failedPrecondition,
            reason: "conditionNotMet",
            message: "At least one of the pre-conditions you specified did not hold: \(condition).",
            metadata: ["code": "PreconditionFailed"],
            httpStatus: 412
        )
    }

    static func checksumMismatch(_ kind: String, given: String, computed: String) -> Self {
        var error = invalid(
            "Provided \(kind) hash \"\(given)\" doesn't match calculated \(kind) hash \"\(computed)\"."
        )
        error.metadata["code"] = "BadDigest"
        return error
    }

    static let invalidRewriteToken = invalid(
        "Invalid rewriteToken: it belongs to another source, generation, destination or maxBytesRewrittenPerCall. "
            + "Start the rewrite again without a token."
    )

    static func malformedUpload(_ reason: String) -> Self {
        invalid("Malformed upload: \(reason)", reason: "badContent")
    }

    static func malformedXML(_ reason: String) -> Self {
        var error = invalid("The XML you provided cannot be read: \(reason).")
        error.metadata["code"] = "MalformedXML"
        return error
    }

    static func uploadNotFound(_ id: String) -> Self {
        notFound("The upload session '\(id.prefix(8))…' does not exist, is finished, or has expired. Start a new one.")
    }

    static func required(_ parameter: String) -> Self {
        invalid("Required parameter: \(parameter)", reason: "required")
    }

    static func publicAccessPrevented(_ bucket: String) -> Self {
        conditionNotMet("bucket '\(bucket)' enforces public access prevention")
    }

    static func noAccessEntry(_ entity: String) -> Self {
        notFound("The access control list has no entry for '\(entity)'.")
    }

    static func objectHeld(_ name: String) -> Self {
        GoogleError(
            .permissionDenied,
            reason: "objectUnderActiveHold",
            message: "Object '\(name)' is under active Temporary hold or Event-Based hold "
                + "and cannot be deleted, overwritten or archived until the hold is removed.",
            metadata: ["code": "ObjectUnderActiveHold"]
        )
    }

    static func retained(_ name: String, until time: String) -> Self {
        GoogleError(
            .permissionDenied,
            reason: "retentionPolicyNotMet",
            message: "Object '\(name)' is subject to the bucket's retention policy "
                + "and cannot be deleted or overwritten until \(time).",
            metadata: ["code": "RetentionPolicyNotMet"]
        )
    }
}
