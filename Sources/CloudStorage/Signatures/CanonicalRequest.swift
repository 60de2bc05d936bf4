import APIServer
import Crypto
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A query as signatures see it: decoded, and encoded again in one way only.
struct CanonicalQuery {
    var pairs: [(name: String, value: String)]

    init(_ call: Call) {
        pairs = (call.request.uri.query ?? "").split(separator: "&").map { pair in
            let name = String(pair.prefix { $0 != "=" })
            let value = String(pair.dropFirst(name.count + 1))
            return (name.removingPercentEncoding ?? name, value.removingPercentEncoding ?? value)
        }
    }

    /// Sorted and joined, without the signature itself.
    var text: String {
        pairs.filter { !["x-goog-signature", "x-amz-signature"].contains($0.name.lowercased()) }
            .map { (ObjectName.segment($0.name), ObjectName.segment($0.value)) }
            .sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }
}

/// A request in the one form that both sides sign.
struct CanonicalRequest {
    let call: Call

    private var path: String { String(call.context.originalPath.prefix { $0 != "?" }) }

    /// What is signed in version 4.
    func version4(_ signature: Signature) -> String {
        let algorithm = signature.algorithm == .rsa ? "GOOG4-RSA-SHA256" : signature.algorithmName
        return [
            algorithm, signature.time, signature.scope, SHA256.hash(data: Data(canonical(signature).utf8)).hexadecimal,
        ]
        .joined(separator: "\n")
    }

    private func canonical(_ signature: Signature) -> String {
        let headers = signature.signedHeaders.map { name in
            let values = name == "host" ? [call.request.head.authority ?? ""] : self.values(name)
            return "\(name):\(values.map(Self.collapsed).joined(separator: ","))\n"
        }
        let payload =
            call.header("x-goog-content-sha256") ?? call.header("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD"
        return [
            call.request.method.rawValue, path, CanonicalQuery(call).text, headers.joined(),
            signature.signedHeaders.joined(separator: ";"), payload,
        ].joined(separator: "\n")
    }

    /// What is signed in version 2.
    func version2(_ dialect: Signature.Dialect, time: String) -> String {
        var names = Set(call.headers.map(\.name.canonicalName)).filter { $0.hasPrefix(dialect.prefix) }
        names.subtract(["x-goog-encryption-key", "x-goog-encryption-key-sha256"])
        let extensions = names.sorted().map { name in
            "\(name):\(values(name).map(Self.collapsed).joined(separator: ","))\n"
        }
        // In a header, the date of the extension headers takes the place of the plain one.
        let date = time.isEmpty ? (call.header(dialect.prefix + "date") == nil ? call.header("date") ?? "" : "") : time
        return [
            call.request.method.rawValue, call.header("content-md5") ?? "", call.header("content-type") ?? "", date,
            extensions.joined() + resource(dialect),
        ].joined(separator: "\n")
    }

    /// Subresources that are part of what version 2 signs.
    private static let subresources: Set = [
        "acl", "billing", "compose", "cors", "delete", "encryption", "lifecycle", "location", "logging",
        "partnumber", "policy", "retention", "storageclass", "tagging", "uploadid", "uploads", "versioning",
        "versionid", "versions", "websiteconfig", "website",
    ]
    /// What S3 clients sign besides, and Google's do not.
    private static let amazonParameters: Set = [
        "response-content-type", "response-content-disposition", "response-cache-control",
        "response-content-encoding", "response-content-language", "response-expires",
    ]

    private func resource(_ dialect: Signature.Dialect) -> String {
        let names = dialect == .amazon ? Self.subresources.union(Self.amazonParameters) : Self.subresources
        let host = (call.request.head.authority ?? "").prefix { $0 != ":" }.lowercased()
        let bucket = host.hasSuffix(".storage.googleapis.com") ? "/" + host.dropLast(23) : ""
        let signed = CanonicalQuery(call).pairs.filter { names.contains($0.name.lowercased()) }
            .sorted { $0.name < $1.name }
            .map { $0.value.isEmpty ? $0.name : "\($0.name)=\($0.value)" }
        return bucket + path + (signed.isEmpty ? "" : "?" + signed.joined(separator: "&"))
    }

    private func values(_ name: String) -> [String] {
        HTTPField.Name(name).map { call.headers[values: $0] } ?? []
    }

    /// Without blanks at the ends, and with one where there were several.
    private static func collapsed(_ text: String) -> String {
        text.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }
}

extension Signature {
    fileprivate var algorithmName: String {
        if case .hmac(.amazon) = algorithm { return "AWS4-HMAC-SHA256" }
        return "GOOG4-HMAC-SHA256"
    }
}
