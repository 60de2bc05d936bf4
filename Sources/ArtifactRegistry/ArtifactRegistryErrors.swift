import GoogleAPI

// Errors of the registry protocol; their reasons are the codes of the
// [distribution specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes).
extension GoogleError {
    static func registry(_ code: String, _ status: Status, _ http: Int, _ message: String) -> GoogleError {
        GoogleError(status, reason: code, message: message, httpStatus: http)
    }

    static func blobUnknown(_ digest: String) -> GoogleError {
        registry("BLOB_UNKNOWN", .notFound, 404, "The blob '\(digest)' is not in this repository.")
    }

    static func uploadUnknown(_ id: String) -> GoogleError {
        registry("BLOB_UPLOAD_UNKNOWN", .notFound, 404, "There is no upload '\(id)': begin it again.")
    }

    static func uploadBusy(_ id: String) -> GoogleError {
        registry("BLOB_UPLOAD_INVALID", .aborted, 409, "The upload '\(id)' is receiving another chunk just now.")
    }

    static func uploadOutOfOrder(_ id: String, size: Int64) -> GoogleError {
        registry(
            "BLOB_UPLOAD_INVALID",
            .outOfRange,
            416,
            "The upload '\(id)' has \(size) bytes: send what follows them."
        )
    }

    static func uploadRangeLies(_ range: String, length: Int64) -> GoogleError {
        registry(
            "BLOB_UPLOAD_INVALID",
            .invalidArgument,
            400,
            "The Content-Range '\(range)' is not as long as the chunk, which has \(length) bytes."
        )
    }

    static func digestInvalid(_ digest: String, _ why: String) -> GoogleError {
        registry("DIGEST_INVALID", .invalidArgument, 400, "The digest '\(digest)' \(why).")
    }

    static func manifestUnknown(_ reference: String, _ name: String) -> GoogleError {
        registry("MANIFEST_UNKNOWN", .notFound, 404, "Failed to fetch \"\(reference)\" from \"\(name)\".")
    }

    static func manifestInvalid(_ why: String) -> GoogleError {
        registry("MANIFEST_INVALID", .invalidArgument, 400, "The manifest cannot be stored: \(why)")
    }

    static func manifestBlobUnknown(_ digest: String) -> GoogleError {
        registry(
            "MANIFEST_BLOB_UNKNOWN",
            .invalidArgument,
            400,
            "The manifest names '\(digest)', which is not in this repository: push it first."
        )
    }

    static func manifestTagged(_ digest: String, _ tags: [String]) -> GoogleError {
        registry(
            "GOOGLE_MANIFEST_DANGLING_TAG",
            .failedPrecondition,
            400,
            "Manifest \"\(digest)\" is still referenced by tag: \(tags.joined(separator: ", ")). Delete the tag first."
        )
    }

    static func manifestHasParents(_ digest: String, _ parents: [String]) -> GoogleError {
        registry(
            "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE",
            .failedPrecondition,
            400,
            "Manifest \"\(digest)\" is still referenced by one or more parent images: "
                + "\(parents.joined(separator: ", ")). Delete them first."
        )
    }

    static func upstreamUnavailable(_ url: String, _ why: String) -> GoogleError {
        registry("UNAVAILABLE", .unavailable, 503, "The upstream registry \(url) cannot be asked: \(why).")
    }

    static func pushRefused(_ repository: String, _ mode: String) -> GoogleError {
        registry(
            "DENIED",
            .failedPrecondition,
            400,
            "\(repository) has the mode \(mode): push into a standard repository."
        )
    }

    static func nameInvalid(_ name: String) -> GoogleError {
        registry("NAME_INVALID", .invalidArgument, 400, "'\(name)' is no repository name: write PROJECT/IMAGE.")
    }

    static func nameUnknown(_ name: String) -> GoogleError {
        registry("NAME_UNKNOWN", .notFound, 404, "The repository '\(name)' does not exist.")
    }

    static func tagInvalid(_ tag: String) -> GoogleError {
        registry(
            "TAG_INVALID",
            .invalidArgument,
            400,
            "'\(tag)' is no tag: letters, digits, '_', '.' and '-', at most 128."
        )
    }

    static func registryUnsupported(_ what: String) -> GoogleError {
        registry("UNSUPPORTED", .unimplemented, 405, "The registry has no such call: \(what).")
    }

    static func registryUnauthorized(_ why: String) -> GoogleError {
        registry("UNAUTHORIZED", .unauthenticated, 401, why)
    }
}

// Errors of the Artifact Registry API.
extension GoogleError {
    static func repositoryNotFound(_ name: String) -> GoogleError {
        GoogleError(.notFound, reason: "notFound", message: "Repository \"\(name)\" not found")
    }

    static func repositoryExists(_ name: String) -> GoogleError {
        .alreadyExists("the repository already exists: \(name)")
    }

    static func repositoryInvalid(_ why: String) -> GoogleError {
        .invalid(why)
    }

    static func requestedEntityNotFound(_ name: String) -> GoogleError {
        .notFound("Requested entity was not found: \(name)")
    }

    static func uploadInvalid(_ why: String) -> GoogleError {
        repositoryInvalid("The upload cannot be stored: \(why).")
    }

    /// The words by which twine's `--skip-existing` knows it.
    static func fileExists(_ name: String) -> GoogleError {
        repositoryInvalid("The file '\(name)' already exists: a file that was uploaded does not change.")
    }

    static func filesBelongToVersions(_ name: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "failedPrecondition",
            message: "The file '\(name)' belongs to a version of a Docker image: delete the version."
        )
    }

    static func policyChanged(_ name: String) -> GoogleError {
        GoogleError(
            .aborted,
            reason: "conflict",
            message: "The policy of \(name) was changed since it was read: read it again."
        )
    }

    static func badCleanupPolicy(_ id: String, _ why: String) -> GoogleError {
        repositoryInvalid("The cleanup policy '\(id)' \(why).")
    }

    static func tagIsImmutable(_ tag: String, _ name: String) -> GoogleError {
        registry(
            "DENIED",
            .failedPrecondition,
            400,
            "cannot update tag \(tag). The repository \(name) has enabled tag immutability"
        )
    }
}
