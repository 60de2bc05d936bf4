package import GoogleAPI

/// What an engine cannot do, in words that a user can act on.
package enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no engine; the text says why and what to do.
    case unavailable(String)
    /// The engine does not answer; what was asked for may or may not have happened.
    case unreachable
    /// The engine does not hold the image, and was not asked to fetch it.
    case imageMissing(ImageReference)
    case imageUnavailable(ImageReference, reason: String)
    case buildFailed(String)
    /// Not enough of something: addresses, memory, accelerators.
    case insufficient(String)
    /// There is enough, but others hold it: it may be had when one of them ends.
    case busy(String)
    case notFound(String)
    /// Anything else that the engine said.
    case refused(String)

    package var description: String {
        switch self {
        case .unavailable(let text): text
        case .unreachable: "The engine does not answer."
        case .imageMissing(let image): "The image '\(image)' is not there."
        case .imageUnavailable(let image, let reason): "The image '\(image)' cannot be fetched: \(reason)"
        case .buildFailed(let text): text
        case .insufficient(let text), .busy(let text): text
        case .notFound(let text): text
        case .refused(let text): text
        }
    }

    /// The error as a client sees it.
    package var asGoogleError: GoogleError {
        switch self {
        case .unavailable, .unreachable:
            GoogleError(.unavailable, reason: "backendError", message: description)
        case .imageMissing, .imageUnavailable, .notFound:
            GoogleError(.notFound, reason: "notFound", message: description)
        case .insufficient, .busy:
            GoogleError(.resourceExhausted, reason: "resourceExhausted", message: description)
        case .buildFailed, .refused:
            GoogleError(.failedPrecondition, reason: "failedPrecondition", message: description)
        }
    }
}
