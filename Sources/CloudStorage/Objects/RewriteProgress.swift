import APIServer
import Crypto
import Foundation
import GoogleAPI

/// How far a rewrite has come that is done in several calls.
///
/// Nothing is kept between the calls: the token holds the progress and a digest of what is being rewritten, so it is good
/// after a restart too, and of no use for anything else. Whoever makes one up skips calls of their own.
///
/// See [objects.rewrite](https://docs.cloud.google.com/storage/docs/json_api/v1/objects/rewrite).
struct RewriteProgress {
    /// What one call rewrites at most, in bytes; nil: all that is left.
    let limit: Int64?
    private let token: String?

    /// - Throws: ``GoogleError`` `invalid` (400) unless the limit is a multiple of 1 MiB.
    init(_ call: Call) throws {
        limit = try call.number("maxBytesRewrittenPerCall").flatMap { $0 == 0 ? nil : $0 }
        if let limit, limit < 0 || limit % (1 << 20) != 0 {
            throw GoogleError.invalid(
                "Invalid value for maxBytesRewrittenPerCall: \(limit) is no multiple of 1048576 (1 MiB)."
            )
        }
        token = call.query("rewriteToken").flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Where this call ends.
    ///
    /// - Parameter target: The bucket and the name of the copy.
    /// - Returns: The bytes that are then rewritten, out of `source.size`.
    /// - Throws: ``GoogleError`` `invalid` (400) for a token of another source, generation, target or limit.
    func end(of source: ObjectRecord, to target: (bucket: String, name: String)) throws -> Int64 {
        var start: Int64 = 0
        if let token {
            let data = Data(base64Encoded: token.urlUnsafe) ?? Data()
            guard data.count == 40, data.dropFirst(8) == digest(of: source, to: target) else {
                throw GoogleError.invalidRewriteToken
            }
            start = data.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
            guard start > 0, start < source.size else { throw GoogleError.invalidRewriteToken }
        }
        return min(source.size, limit.map { start + $0 } ?? source.size)
    }

    /// The token with which the next call goes on.
    func token(at end: Int64, of source: ObjectRecord, to target: (bucket: String, name: String)) -> String {
        let position = withUnsafeBytes(of: end.bigEndian) { Data($0) }
        return (position + digest(of: source, to: target)).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }

    private func digest(of source: ObjectRecord, to target: (bucket: String, name: String)) -> Data {
        let words = [
            String(source.bucket), source.name, String(source.generation), target.bucket, target.name,
            limit.map { String($0) } ?? "",
        ]
        return Data(SHA256.hash(data: Data(words.joined(separator: "\n").utf8)))
    }
}

extension String {
    fileprivate var urlUnsafe: String { replacing("-", with: "+").replacing("_", with: "/") }
}
