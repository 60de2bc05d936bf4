/// An error as Google's APIs report it; every refusal that a client sees is one of these.
///
/// The message says what is wrong, with which resource, and what to do. See [AIP-193](https://google.aip.dev/193).
package struct GoogleError: Error, Sendable, Equatable {
    /// The canonical code; it decides the HTTP status unless ``httpStatus`` is set.
    package var status: Status
    /// What programs branch on: `notFound`, `conflict`, `SERVICE_DISABLED`.
    package var reason: String
    /// Who defines the reason: `global` in the v1 JSON APIs, `googleapis.com` elsewhere.
    package var domain: String
    package var message: String
    /// Further facts for programs, such as the resource or the service.
    package var metadata: [String: String]
    /// Overrides the HTTP status of ``status`` where Google's API does, for example 412 for `conditionNotMet`.
    package var httpStatus: Int?

    package init(
        _ status: Status,
        reason: String,
        message: String,
        domain: String = "global",
        metadata: [String: String] = [:],
        httpStatus: Int? = nil
    ) {
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.metadata = metadata
        self.httpStatus = httpStatus
    }

    /// The HTTP status code that a client receives.
    package var code: Int { httpStatus ?? status.httpCode }
}

extension GoogleError {
    /// The canonical codes of [google.rpc.Code](https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
    package enum Status: String, Sendable, Codable {
        case cancelled = "CANCELLED"
        case unknown = "UNKNOWN"
        case invalidArgument = "INVALID_ARGUMENT"
        case deadlineExceeded = "DEADLINE_EXCEEDED"
        case notFound = "NOT_FOUND"
        case alreadyExists = "ALREADY_EXISTS"
        case permissionDenied = "PERMISSION_DENIED"
        case resourceExhausted = "RESOURCE_EXHAUSTED"
        case failedPrecondition = "FAILED_PRECONDITION"
        case aborted = "ABORTED"
        case outOfRange = "OUT_OF_RANGE"
        case unimplemented = "UNIMPLEMENTED"
        case `internal` = "INTERNAL"
        case unavailable = "UNAVAILABLE"
        case dataLoss = "DATA_LOSS"
        case unauthenticated = "UNAUTHENTICATED"

        /// The HTTP status that Google maps the code to.
        package var httpCode: Int {
            switch self {
            case .cancelled: 499
            case .unknown, .internal, .dataLoss: 500
            case .invalidArgument, .failedPrecondition, .outOfRange: 400
            case .deadlineExceeded: 504
            case .notFound: 404
            case .alreadyExists, .aborted: 409
            case .permissionDenied: 403
            case .resourceExhausted: 429
            case .unimplemented: 501
            case .unavailable: 503
            case .unauthenticated: 401
            }
        }

        /// The number of the code in `google.rpc.Status` and in gRPC's `grpc-status`.
        package var rpcCode: Int {
            switch self {
            case .cancelled: 1
            case .unknown: 2
            case .invalidArgument: 3
            case .deadlineExceeded: 4
            case .notFound: 5
            case .alreadyExists: 6
            case .permissionDenied: 7
            case .resourceExhausted: 8
            case .failedPrecondition: 9
            case .aborted: 10
            case .outOfRange: 11
            case .unimplemented: 12
            case .internal: 13
            case .unavailable: 14
            case .dataLoss: 15
            case .unauthenticated: 16
            }
        }
    }

    /// A request that can never succeed as it stands (400).
    package static func invalid(_ message: String, reason: String = "invalid") -> Self {
        GoogleError(.invalidArgument, reason: reason, message: message)
    }

    /// A resource that does not exist, or that the caller may not know of (404).
    package static func notFound(_ message: String) -> Self {
        GoogleError(.notFound, reason: "notFound", message: message)
    }

    /// A name that is taken (409).
    package static func alreadyExists(_ message: String, reason: String = "alreadyExists") -> Self {
        GoogleError(.alreadyExists, reason: reason, message: message)
    }

    /// A caller who is known but lacks the permission (403).
    package static func forbidden(_ message: String) -> Self {
        GoogleError(.permissionDenied, reason: "forbidden", message: message)
    }

    /// A method of Google's that Brume lacks (501), named so that the user can look it up.
    package static func lacking(_ method: String) -> Self {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume does not implement the method '\(method)'."
        )
    }
}

extension GoogleError {
    /// The disk under the data folder is full (507); nothing was changed.
    package static var diskFull: GoogleError {
        GoogleError(
            .resourceExhausted,
            reason: "insufficientStorage",
            message: "The disk that holds Brume's data folder is full; nothing was stored. "
                + "Free some space there, or delete objects, and try again.",
            httpStatus: 507
        )
    }
}

/// An error of a foundation that clients may see: it says itself which ``GoogleError`` it becomes.
package protocol GoogleErrorConvertible: Error {
    var googleError: GoogleError { get }
}
