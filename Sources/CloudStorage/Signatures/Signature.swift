import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// What a signed request says of its signature, in one of the dialects that Google and S3 clients speak.
///
/// See [signatures](https://docs.cloud.google.com/storage/docs/authentication/signatures) and, for version 2,
/// [signed URLs](https://docs.cloud.google.com/storage/docs/access-control/signed-urls-v2).
struct Signature: Sendable {
    /// How the signature was computed.
    enum Algorithm: Sendable, Equatable {
        /// Version 4 with an account's RSA key.
        case rsa
        /// Version 4 with an HMAC key; the words that its key is derived with.
        case hmac(dialect: Dialect)
        /// Version 2; with an RSA key when the signer is an account, else with an HMAC key.
        case version2(dialect: Dialect)
    }

    enum Dialect: Sendable {
        case google
        case amazon

        /// The prefix of headers and query parameters.
        var prefix: String { self == .google ? "x-goog-" : "x-amz-" }
    }

    var algorithm: Algorithm
    /// An account's e-mail address, or the ID of an HMAC key.
    var signer: String
    var signature: Data
    /// When it was signed, and for how many seconds that holds.
    var validity: ClosedRange<Date>
    /// Version 4: `20260131T000000Z` and `20260131/auto/storage/goog4_request`.
    var time = ""
    var scope = ""
    /// Version 4: the names of the headers that are signed, in lower case.
    var signedHeaders: [String] = []

    /// A signed request's clock may differ by this much from ours, in seconds.
    private static let tolerance: TimeInterval = 15 * 60

    /// Reads the signature that a call carries; nil when it carries none.
    ///
    /// - Throws: ``GoogleError`` (400) for one that is incomplete.
    init?(_ call: Call) throws {
        if let header = call.headers[.authorization] {
            guard let read = try Self.read(header, of: call) else { return nil }
            self = read
        } else {
            guard let read = try Self.read(CanonicalQuery(call)) else { return nil }
            self = read
        }
    }

    private static func read(_ header: String, of call: Call) throws -> Signature? {
        let algorithm: Algorithm
        let parts = header.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "GOOG4-HMAC-SHA256": algorithm = .hmac(dialect: .google)
        case "AWS4-HMAC-SHA256": algorithm = .hmac(dialect: .amazon)
        case "GOOG4-RSA-SHA256": algorithm = .rsa
        case "GOOG1", "AWS":
            let halves = parts[1].split(separator: ":", maxSplits: 1).map(String.init)
            guard halves.count == 2, let signature = Data(base64Encoded: halves[1]) else {
                throw GoogleError.unreadableSignature("Authorization must be '\(parts[0]) ID:SIGNATURE'")
            }
            let dialect: Dialect = parts[0] == "AWS" ? .amazon : .google
            guard let text = call.header(dialect.prefix + "date") ?? call.header("date"),
                let date = HTTPDate.date(text)
            else { throw GoogleError.unreadableSignature("a Date header is required") }
            return Signature(
                algorithm: .version2(dialect: dialect),
                signer: halves[0],
                signature: signature,
                validity: date.addingTimeInterval(-tolerance)...date.addingTimeInterval(tolerance)
            )
        default: return nil
        }
        var fields: [String: String] = [:]
        for field in parts[1].split(separator: ",") {
            let halves = field.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if halves.count == 2 { fields[halves[0].lowercased()] = halves[1] }
        }
        let date = call.header("x-goog-date") ?? call.header("x-amz-date")
        return try Signature(
            algorithm: algorithm,
            credential: fields["credential"],
            signedHeaders: fields["signedheaders"],
            signature: fields["signature"],
            time: date,
            lifetime: nil
        )
    }

    private static func read(_ query: CanonicalQuery) throws -> Signature? {
        let fields = Dictionary(
            query.pairs.map { ($0.name.lowercased(), $0.value) },
            uniquingKeysWith: { first, _ in first }
        )
        for dialect in [Dialect.google, .amazon] {
            let prefix = dialect.prefix
            let algorithm: Algorithm
            guard let name = fields[prefix + "algorithm"] else { continue }
            switch (name, dialect) {
            case ("GOOG4-RSA-SHA256", .google): algorithm = .rsa
            case ("GOOG4-HMAC-SHA256", .google), ("AWS4-HMAC-SHA256", .amazon): algorithm = .hmac(dialect: dialect)
            default: throw GoogleError.unreadableSignature("'\(name)' is no algorithm of signatures")
            }
            guard let lifetime = fields[prefix + "expires"].flatMap(Int.init), (1...604_800).contains(lifetime) else {
                throw GoogleError.unreadableSignature("\(prefix)expires must be 1 to 604800 seconds")
            }
            return try Signature(
                algorithm: algorithm,
                credential: fields[prefix + "credential"],
                signedHeaders: fields[prefix + "signedheaders"],
                signature: fields[prefix + "signature"],
                time: fields[prefix + "date"],
                lifetime: lifetime
            )
        }
        for (key, dialect) in [("googleaccessid", Dialect.google), ("awsaccesskeyid", .amazon)] {
            guard let signer = fields[key] else { continue }
            guard let expiry = fields["expires"].flatMap(TimeInterval.init),
                let signature = fields["signature"].flatMap({ Data(base64Encoded: $0) })
            else { throw GoogleError.unreadableSignature("Expires and Signature are required") }
            return Signature(
                algorithm: .version2(dialect: dialect),
                signer: signer,
                signature: signature,
                validity: .distantPast...max(.distantPast, Date(timeIntervalSince1970: expiry)),
                time: fields["expires"] ?? ""
            )
        }
        return nil
    }

    init(
        algorithm: Algorithm,
        signer: String,
        signature: Data,
        validity: ClosedRange<Date>,
        time: String = ""
    ) {
        (self.algorithm, self.signer, self.signature, self.validity) = (algorithm, signer, signature, validity)
        self.time = time
    }

    /// Version 4, wherever its parts stood.
    init(
        algorithm: Algorithm,
        credential: String?,
        signedHeaders: String?,
        signature: String?,
        time: String?,
        lifetime: Int?
    ) throws {
        // An account's address has no slash, so the scope is what follows the first.
        let parts = (credential ?? "").split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[1].split(separator: "/").count == 4, let time,
            parts[1].hasPrefix(time.prefix(8)), let date = Self.date(time)
        else { throw GoogleError.unreadableSignature("its credential and date do not fit together") }
        guard let bytes = signature.flatMap(Data.init(hexadecimal:)) else {
            throw GoogleError.unreadableSignature("the signature must be hexadecimal")
        }
        let end = date.addingTimeInterval(lifetime.map(TimeInterval.init) ?? Self.tolerance)
        self.init(
            algorithm: algorithm,
            signer: parts[0],
            signature: bytes,
            validity: date.addingTimeInterval(-Self.tolerance)...end,
            time: time
        )
        scope = parts[1]
        self.signedHeaders = (signedHeaders ?? "").lowercased().split(separator: ";").map(String.init)
    }

    /// Refuses a request of version 4 that says more in its headers than was signed.
    ///
    /// - Throws: ``GoogleError`` `malformedSecurityHeader` (400).
    func checkHeaders(of call: Call) throws {
        if case .version2 = algorithm { return }
        let names = call.headers.map(\.name.canonicalName).filter { $0.hasPrefix("x-goog-") || $0.hasPrefix("x-amz-") }
        guard let unsigned = (["host"] + names).first(where: { !signedHeaders.contains($0) }) else { return }
        var error = GoogleError.invalid(
            "Your request has a malformed header: '\(unsigned)' was included in the request, but not signed.",
            reason: "malformedSecurityHeader"
        )
        error.metadata["code"] = "MalformedSecurityHeader"
        throw error
    }

    /// A time such as `20260131T235959Z`.
    private static func date(_ text: String) -> Date? {
        let digits = text.filter(\.isNumber)
        guard text.count == 16, digits.count == 14 else { return nil }
        func part(_ from: Int, _ count: Int) -> Substring { digits.dropFirst(from).prefix(count) }
        return Timestamp.date(
            "\(part(0, 4))-\(part(4, 2))-\(part(6, 2))T\(part(8, 2)):\(part(10, 2)):\(part(12, 2))Z"
        )
    }
}

extension Call {
    /// A header by its name in any case.
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}

extension Data {
    /// The bytes that pairs of hexadecimal digits stand for; nil for anything else.
    init?(hexadecimal text: String) {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        self.init()
        var rest = Substring(text)
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            append(byte)
            rest = rest.dropFirst(2)
        }
    }
}

extension Sequence where Element == UInt8 {
    /// Two hexadecimal digits a byte, in lower case.
    var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

extension GoogleError {
    static func unreadableSignature(_ reason: String) -> GoogleError {
        var error = invalid("The request's signature cannot be read: \(reason).")
        error.metadata["code"] = "AuthorizationQueryParametersError"
        return error
    }

    static func wrongSignature(_ signed: String) -> GoogleError {
        GoogleError(
            .permissionDenied,
            reason: "signatureDoesNotMatch",
            message: "The request signature we calculated does not match the signature you provided. Check your "
                + "secret or key and the way you sign. What was signed: \(signed)",
            metadata: ["code": "SignatureDoesNotMatch"]
        )
    }

    static let expiredSignature = GoogleError(
        .invalidArgument,
        reason: "expiredToken",
        message: "The provided token has expired: the signature is older than it says, or from a clock that is more "
            + "than 15 minutes off.",
        metadata: ["code": "ExpiredToken"]
    )
}
