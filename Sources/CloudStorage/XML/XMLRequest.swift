import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// What a request of the XML API asks for besides its path.
///
/// The same path and verb mean different things by what stands in the query (`PUT /B/O?acl` sets an access list) and in
/// the headers (a copy source): whatever is not known here is refused, and never taken for a plain write or deletion.
struct XMLRequest {
    private let call: Call
    /// The part of the resource that is asked for, in lower case: `uploads`, `acl`.
    let subresource: String?

    private static let subresources: Set = [
        "acl", "billing", "compose", "cors", "defaultobjectacl", "delete", "encryption", "encryptionconfig",
        "lifecycle", "location", "logging", "policy",
        "publicaccessblock", "retention", "storageclass", "tagging", "uploadid", "uploads", "upload_id", "versioning",
        "versions", "websiteconfig", "website",
    ]
    /// What says more about a request and changes nothing in its meaning.
    private static let parameters: Set = [
        "generation", "versionid", "access_token", "userproject", "prettyprint", "alt", "key",
        "googleaccessid", "awsaccesskeyid", "expires", "signature", "partnumber",
        "prefix", "delimiter", "marker", "key-marker", "generation-marker", "max-keys", "list-type", "start-after",
        "continuation-token", "fetch-owner", "encoding-type", "max-parts", "part-number-marker", "max-uploads",
        "upload-id-marker", "x-id", "response-content-type", "response-content-disposition", "response-cache-control",
    ]

    /// Headers that change the meaning of a write, and are not among ``heeded``.
    private static let meaningful = [
        "x-amz-", "x-goog-copy-source", "x-goog-object-lock", "x-goog-resumable", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since",
    ]
    private static let heeded = [
        "x-amz-content-sha256", "x-amz-date", "x-amz-user-agent", "x-amz-acl", "x-amz-storage-class", "x-amz-meta-",
        "x-amz-checksum-", "x-amz-sdk-checksum-algorithm", "x-amz-trailer", "x-amz-decoded-content-length",
        "x-amz-metadata-directive", "x-amz-security-token", "x-amz-project-id", "x-amz-checksum-mode", "x-amz-te",
    ]

    /// - Throws: ``GoogleError`` (501) naming a parameter that is not known.
    init(_ call: Call) throws {
        self.call = call
        var subresource: String?
        for pair in (call.request.uri.query ?? "").split(separator: "&") {
            let written = String(pair.prefix { $0 != "=" })
            let key = (written.removingPercentEncoding ?? written).lowercased()
            if Self.subresources.contains(key) {
                subresource = key
            } else if !Self.parameters.contains(key), !key.hasPrefix("x-goog-"), !key.hasPrefix("x-amz-") {
                throw GoogleError.lacking("\(call.request.method) ?\(written) of the XML API")
            }
        }
        self.subresource = subresource
    }

    var lacking: GoogleError {
        .lacking("\(call.request.method) \(subresource.map { "?\($0)" } ?? "") of the XML API")
    }

    /// - Throws: ``GoogleError`` (501) naming a header that is not known.
    func check() throws {
        guard ![.get, .head].contains(call.request.method) else { return }
        let isCopy =
            call.request.method == .put && subresource == nil
            && call.headers.contains {
                ["x-goog-copy-source", "x-amz-copy-source"].contains($0.name.canonicalName)
            }
        for field in call.headers {
            let name = field.name.canonicalName
            let isHeeded =
                Self.heeded.contains(where: name.hasPrefix)
                || (isCopy
                    && (["x-goog-copy-source", "x-amz-copy-source", "x-goog-copy-source-generation"].contains(name)
                        || name.hasPrefix("x-goog-copy-source-encryption-")))
                || (name == "x-goog-resumable" && call.request.method == .post)
                || (name == "if-none-match" && field.value == "*")
            if !isHeeded, Self.meaningful.contains(where: name.hasPrefix) {
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
