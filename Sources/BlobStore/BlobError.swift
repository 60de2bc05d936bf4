package import GoogleAPI

/// What can go wrong with bytes on disk.
package enum BlobError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No file has this ID.
    case missing(String)
    /// The file is not what was stored; the text says in what it differs.
    case damaged(String, String)
    /// The disk is full, or the user's quota is used up.
    case insufficientStorage
    /// The operating system refused: what was tried, and what it said.
    case refused(String, String)

    package var description: String {
        switch self {
        case .missing(let id): "blob '\(id)' is missing from the data folder"
        case .damaged(let id, let detail): "blob '\(id)' is damaged: \(detail)"
        case .insufficientStorage: "the disk that holds the data folder is full"
        case .refused(let action, let reason): "cannot \(action): \(reason)"
        }
    }
}

extension BlobError: GoogleErrorConvertible {
    package var googleError: GoogleError {
        switch self {
        case .insufficientStorage:
            .diskFull
        case .missing, .damaged:
            GoogleError(
                .dataLoss,
                reason: "dataLoss",
                message: "The stored content cannot be read: \(self). Restore the data folder from a copy, "
                    + "or delete and store the content again."
            )
        case .refused:
            GoogleError(.internal, reason: "internalError", message: "Internal error.")
        }
    }
}

/// A blob that is not what was stored, and what of the cloud it belongs to.
package struct BlobDamage: Sendable {
    /// As a user knows it: `gs://BUCKET/OBJECT#GENERATION`, `sha256:…`.
    package var resource: String
    package var error: BlobError

    package init(resource: String, error: BlobError) {
        self.resource = resource
        self.error = error
    }
}
