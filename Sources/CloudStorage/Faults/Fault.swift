import GoogleAPI

/// One way in which a call fails: an instruction of Google's
/// [storage test bench](https://github.com/googleapis/storage-testbench#forced-failures-supported).
///
/// Positions are those of the object, not of one request: a download that is taken up at byte 100 goes on from there.
enum Fault: Sendable, Equatable {
    /// `return-X`: the HTTP status X.
    case status(Int)
    /// `return-X-after-YK`: the HTTP status X, once the upload's first bytes have come.
    case statusAfter(Int, bytes: Int64)
    /// `return-reset-connection`
    case reset
    /// `return-broken-stream`, `return-broken-stream-after-YK`: the answer's body ends too soon.
    case brokenStream(after: Int64)
    /// `return-broken-stream-final-chunk-after-YB`: the upload is whole, and the answer that says so ends too soon.
    case brokenFinalAnswer(after: Int64)
    /// `stall-for-Ts-after-YK`: nothing moves for a while.
    case stall(seconds: Int, after: Int64)

    /// What `return-broken-stream` lets through: a few bytes.
    private static let fewBytes: Int64 = 10

    /// - Throws: ``GoogleError`` `invalid` (400) for an instruction that is none.
    init(_ text: String) throws {
        if text == "return-reset-connection" {
            self = .reset
        } else if text == "return-broken-stream" {
            self = .brokenStream(after: Self.fewBytes)
        } else if let match = text.wholeMatch(of: /return-([2-5]\d\d)/), let status = Int(match.1) {
            self = .status(status)
        } else if let match = text.wholeMatch(of: /return-([2-5]\d\d)-after-(\d{1,9})K/), let status = Int(match.1),
            let kibibytes = Int64(match.2)
        {
            self = .statusAfter(status, bytes: kibibytes << 10)
        } else if let match = text.wholeMatch(of: /return-broken-stream-after-(\d{1,9})K/),
            let kibibytes = Int64(match.1)
        {
            self = .brokenStream(after: kibibytes << 10)
        } else if let match = text.wholeMatch(of: /return-broken-stream-final-chunk-after-(\d{1,9})B/),
            let bytes = Int64(match.1)
        {
            self = .brokenFinalAnswer(after: bytes)
        } else if let match = text.wholeMatch(of: /stall-for-(\d{1,4})s-after-(\d{1,9})K/), let seconds = Int(match.1),
            let kibibytes = Int64(match.2)
        {
            self = .stall(seconds: seconds, after: kibibytes << 10)
        } else {
            throw GoogleError.invalid(
                "Invalid instruction: '\(text)'. Use return-503, return-503-after-256K, return-reset-connection, "
                    + "return-broken-stream, return-broken-stream-after-256K, "
                    + "return-broken-stream-final-chunk-after-10B or stall-for-10s-after-12K."
            )
        }
    }
}

/// A failure that a test asked for. It is none of the service's refusals, so it counts as a broken connection does.
struct InjectedFault: GoogleErrorConvertible {
    var code = 503

    var googleError: GoogleError {
        let (status, reason): (GoogleError.Status, String) =
            switch code {
            case 400: (.invalidArgument, "invalid")
            case 401: (.unauthenticated, "authError")
            case 403: (.permissionDenied, "forbidden")
            case 404: (.notFound, "notFound")
            case 408, 504: (.deadlineExceeded, "timeout")
            case 409: (.aborted, "conflict")
            case 412: (.failedPrecondition, "conditionNotMet")
            case 429: (.resourceExhausted, "rateLimitExceeded")
            case 501: (.unimplemented, "notImplemented")
            case 500, 502: (.internal, "backendError")
            default: (.unavailable, "backendError")
            }
        return GoogleError(
            status,
            reason: reason,
            message: "Retry Test: Caused a \(code)",
            httpStatus: code
        )
    }
}
