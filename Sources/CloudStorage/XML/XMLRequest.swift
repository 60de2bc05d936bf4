import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// What a request of the XML API may ask for.
///
/// The same path and verb mean different things by what stands in the query (`PUT /B/O?acl` sets an access list) and in
/// the headers (a copy source): whatever is not known here is refused, and never taken for a plain write or deletion.
struct XMLRequest {
    private let call: Call

    init(_ call: Call) { self.call = call }

    private static let always: Set = ["generation", "access_token", "userproject", "prettyprint"]
    private static let reading: Set = ["prefix", "delimiter", "marker", "max-keys", "alt"]
    /// What signed addresses carry; the signature itself is not verified, so it lets nobody in.
    private static let signatures: Set = ["googleaccessid", "awsaccesskeyid", "expires", "signature"]

    /// What changes the meaning of a write.
    private static let meaningful = [
        "x-amz-", "x-goog-copy-source", "x-goog-metadata-directive", "x-goog-acl", "x-goog-resumable",
        "x-goog-custom-time", "x-goog-object-lock", "x-goog-storage-class", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since",
    ]

    /// - Throws: ``GoogleError`` (501) naming what is asked for.
    func check() throws {
        let isReading = [.get, .head].contains(call.request.method)
        for pair in (call.request.uri.query ?? "").split(separator: "&") {
            let written = String(pair.prefix { $0 != "=" })
            let key = (written.removingPercentEncoding ?? written).lowercased()
            let isKnown =
                Self.always.contains(key) || Self.signatures.contains(key) || key.hasPrefix("x-goog-")
                || key.hasPrefix("x-amz-") || (isReading && Self.reading.contains(key))
            guard isKnown else { throw GoogleError.lacking("\(call.request.method) ?\(written) of the XML API") }
        }
        guard !isReading else { return }
        for field in call.headers {
            let name = field.name.canonicalName
            if Self.meaningful.contains(where: name.hasPrefix) {
                throw GoogleError.lacking("\(call.request.method) with \(name) of the XML API")
            }
        }
    }
}

extension Preconditions {
    /// Reads the XML API's `x-goog-if-…` headers.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400) for what is no number, and for conditions of other names.
    init(headers: HTTPFields) throws {
        self.init()
        for field in headers where field.name.canonicalName.hasPrefix("x-goog-if-") {
            guard let number = Int64(field.value) else {
                throw GoogleError.invalid(
                    "Invalid value for \(field.name): '\(field.value)' is no whole number.",
                    reason: "invalidParameter"
                )
            }
            switch field.name.canonicalName {
            case "x-goog-if-generation-match": generationMatch = number
            case "x-goog-if-metageneration-match": metagenerationMatch = number
            default: throw GoogleError.invalid("Unknown condition: \(field.name).", reason: "invalidParameter")
            }
        }
    }
}
